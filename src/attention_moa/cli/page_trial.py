"""An ensemble tried on simulated models: its shape, its prompts and its rules, without a call that anybody pays for."""

from __future__ import annotations

import asyncio
from itertools import cycle

from msgspec.structs import replace

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.config import EnsembleSpec
from attention_moa.fleet import Fleet, load_fleet
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.schedule import count_calls
from attention_moa.ui.ports import RefusedError

MOST_CALLS = 600
_MOST_S = 60.0


async def try_out(spec: EnsembleSpec, question: str) -> RunRecord:
    """Return a run of an ensemble whose models are simulated ones, which write words without a meaning and do not wait.

    Args:
        spec: The ensemble.
        question: What is asked.

    Raises:
        RefusedError: It makes too many calls to be tried here, or the trial took too long.
        RunError: There is no answer.
    """
    calls = count_calls(spec)
    if calls > MOST_CALLS:
        why = f"{calls:,} calls are too many to be tried here: at most {MOST_CALLS:,}"
        raise RefusedError(why, code="too_large", field="layers")
    fleet_spec = replace(load_fleet(None), time_scale=0.0)
    try:
        async with (
            asyncio.timeout(_MOST_S),
            Fleet(fleet_spec, most_visits=1) as fleet,
            Ensemble(simulated(spec, fleet.base_url, [model.name for model in fleet_spec.models])) as ensemble,
        ):
            return await ensemble.run(question)
    except TimeoutError:
        raise RefusedError(f"the trial was not over within {_MOST_S:g} s", code="too_large") from None


def simulated(spec: EnsembleSpec, address: str, models: list[str]) -> EnsembleSpec:
    """Return an ensemble that asks simulated models alone, in turn; limits of money and rates are left out.

    Args:
        spec: The ensemble.
        address: Where they are.
        models: What they are called; at least one.
    """
    names = cycle(models)
    own = {model: f"openai:{next(names)}" for model in dict.fromkeys(agent.model for agent in spec.agents)}
    agents = tuple(_agent(agent, own[agent.model], address) for agent in spec.agents)
    known = {agent.name for agent in agents}
    summary, residual = (_writer(writer, known, agents[0].model, address) for writer in (spec.summary, spec.residual))
    return replace(
        spec,
        agents=agents,
        summary=summary,
        residual=residual,
        limits=replace(spec.limits, usd=None),
        calls=replace(spec.calls, rpm=None, tpm=None),
    )


_NOBODYS = {"api_key_env": None, "extra_body": None, "price": None, "rpm": None, "tpm": None}


def _agent(agent: AgentSpec, model: str, address: str) -> AgentSpec:
    window = agent.window_tokens  # an embedded model's is known by its name alone
    return replace(agent, model=model, base_url=address, context_tokens=window, **_NOBODYS)


def _writer(writer: WriterSpec, known: set[str], model: str, address: str) -> WriterSpec:
    """Return a writer who is a simulated model; of its fallbacks those that are agents are left."""
    fallback = tuple(name for name in writer.fallback if name in known)
    if not writer.model or writer.model in known:
        return replace(writer, base_url=None, fallback=fallback, **_NOBODYS)
    window = writer.window_tokens
    return replace(writer, model=model, base_url=address, context_tokens=window, fallback=fallback, **_NOBODYS)
