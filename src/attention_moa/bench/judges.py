"""Who judges: a model by its name, or an ensemble; and the settings that a benchmark asks of a judge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.alpaca_eval_judging import read_settings
from attention_moa.config import EnsembleSpec
from attention_moa.settings import load_spec, shipped_ensembles


class JudgeSettings(Struct, frozen=True, kw_only=True):
    """How a benchmark's judge is sampled.

    Args:
        temperature: 0 for always the same, as far as the endpoint can.
        max_tokens: Most tokens of a judgement.
        top_logprobs: How many of the likeliest tokens are looked at; None for none.
    """

    temperature: float
    max_tokens: int
    top_logprobs: int | None = None


_SETTINGS: Mapping[str, JudgeSettings] = {
    "mt-bench": JudgeSettings(temperature=0.0, max_tokens=2048),
    "flask": JudgeSettings(temperature=0.0, max_tokens=1024),
}


def judge_settings(task: str, data: Path) -> JudgeSettings:
    """Return how a benchmark samples its judge.

    Args:
        task: ``alpaca-eval``, ``mt-bench`` or ``flask``.
        data: The folder that holds a folder for each benchmark, or this benchmark's own.

    Raises:
        ConfigError: The data do not say.

    Source: AlpacaEval's ``judge_config.yaml``; FastChat, ``llm_judge``; FLASK's ``gpt4_eval.py``.
    """
    return _SETTINGS[task] if task in _SETTINGS else JudgeSettings(**read_settings(data))


def judge_spec(judge: str, settings: JudgeSettings) -> EnsembleSpec:
    """Return the ensemble that judges.

    Args:
        judge: ``provider:model``, the name of a shipped ensemble, or the path of an ensemble's file. A model, and an
            ensemble of one agent that answers alone, take what they do not set themselves from ``settings``; any other
            ensemble is as its file says.
        settings: The benchmark's.

    Raises:
        ConfigError: There is no such ensemble, or it is wrong.
    """
    is_model = ":" in judge and judge not in shipped_ensembles() and not Path(judge).is_file()
    if is_model:
        agents = (AgentSpec(name="judge", model=judge),)
        spec = EnsembleSpec(name=judge, agents=agents, strategy="single")
    else:
        spec = load_spec(judge)
    return with_settings(spec, settings)


def with_settings(spec: EnsembleSpec, settings: JudgeSettings) -> EnsembleSpec:
    """Return a judge with the benchmark's settings where it answers alone and does not say otherwise.

    Args:
        spec: The judge.
        settings: The benchmark's.
    """
    if not is_alone(spec):
        return spec
    agent = spec.agents[0]
    wished: dict[str, Any] = {field: getattr(settings, field) for field in settings.__struct_fields__}
    unset = {field: value for field, value in wished.items() if getattr(agent, field) is None}
    return replace(spec, agents=(replace(agent, **unset),))


def is_alone(spec: EnsembleSpec) -> bool:
    """Return whether one agent judges in one call: only then can log-probabilities be those of the judgement."""
    return spec.strategy == "single" and len(spec.agents) == 1


def told_judge(judge: str, spec: EnsembleSpec) -> str:
    """Return what is told of who judged: what the user wrote, with the models where that does not name them.

    Args:
        judge: As the user named it.
        spec: Who that is.
    """
    models = ", ".join(dict.fromkeys(agent.model for agent in spec.agents))
    return judge if models == judge else f"{judge} ({models})"


def judge_name(spec: EnsembleSpec) -> str:
    """Return what a judge is called in files and reports: the model where it judges alone, else the ensemble."""
    return spec.agents[0].model if is_alone(spec) else spec.name or "ensemble"
