"""The baselines of an ensemble: the same agents, writers, sampling, limits and prompts, put to work another way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ModelSettings, ResidualSpec, WriterSpec, require
from attention_moa.config import (
    ATTENTION_MOA,
    AttentionSpec,
    EnsembleSpec,
    StopRule,
    summary_chain,
)
from attention_moa.strategies import STRATEGIES, StrategyName

BASELINES: tuple[StrategyName, ...] = tuple(name for name in STRATEGIES if name != ATTENTION_MOA)
"""What an ensemble can be measured against."""

_MOST_ANSWERS = 64


class System(NamedTuple):
    """A baseline under a name of its own: ``moa``, ``single-qwen``."""

    name: str
    spec: EnsembleSpec


def baseline_specs(
    spec: EnsembleSpec, names: Sequence[str], *, samples: int | None = None, agent: str | None = None
) -> tuple[System, ...]:
    """Return the baselines of an ensemble, in the order of their names, each once.

    Layers are the ensemble's, two at least for MoA. Who is sampled is sampled so often that Self-MoA, best of N and a
    vote make as many calls as MoA with the same agents and layers, the vote one less: with N agents and L layers
    ``N * (L - 1)`` answers in all, two at least. Self-MoA-Seq has as many samples as Self-MoA.

    Args:
        spec: The ensemble.
        names: Strategies; ``single`` stands for one system of each agent.
        samples: So many of each agent instead.
        agent: Who is sampled where one agent alone is; None for the summary agent where it is one of the agents, else
            the first.

    Raises:
        ConfigError: A name or the agent is unknown, or there are too many samples.

    Source: ours. The writers are the ensemble's own; one that is an agent which a baseline does not have is asked under
        the stage's name, and a fallback of that kind under its model's.
    """
    for name in names:
        require(name in BASELINES, "baselines", f"{name!r} is none: known are {', '.join(BASELINES)}")
    agents = {one.name: one for one in spec.agents}
    require(agent is None or agent in agents, "agent", f"{agent!r} is no agent: known are {', '.join(agents)}")
    best = agents.get(agent or summary_chain(spec)[0].name, spec.agents[0])
    wanted = cast("list[StrategyName]", list(dict.fromkeys(names)))  # they are: see above
    systems: list[System] = []
    for strategy in wanted:
        if strategy == "single":
            systems += [System(f"single-{one.name}", _derived(spec, strategy, (one,), samples)) for one in spec.agents]
        else:
            asked = (best,) if STRATEGIES[strategy].most_agents == 1 else spec.agents
            systems.append(System(strategy, _derived(spec, strategy, asked, samples)))
    return tuple(systems)


def _derived(
    spec: EnsembleSpec, strategy: StrategyName, agents: tuple[AgentSpec, ...], samples: int | None
) -> EnsembleSpec:
    facts = STRATEGIES[strategy]
    settings: dict[str, Any] = {
        "samples": _samples(spec, len(agents)) if samples is None else samples,
        "layers": max(spec.layers, facts.least_layers or 1),
        "layout": "compact" if spec.layout == "compact" else "continue",
        "attention": AttentionSpec(labels=spec.attention.labels),
        "summary": _summary(spec, {agent.name for agent in agents}),
        "residual": replace(spec.residual, enabled=True, history=ResidualSpec().history),
        "early_stop": _stop_rule(spec, strategy),
    }
    read = {"attention": "attention.labels", "early_stop": "early_stop.rule"}
    kept = {field: value for field, value in settings.items() if facts.reads(read.get(field, field))}
    if facts.least_layers is not None:
        kept["layers"] = settings["layers"]
    who = f"-{agents[0].name}" if strategy == "single" else ""
    return EnsembleSpec(
        name=f"{spec.name}-{strategy}{who}",
        strategy=strategy,
        agents=agents,
        calls=spec.calls,
        limits=spec.limits,
        prompts=spec.prompts,
        **kept,
    )


def _samples(spec: EnsembleSpec, agents: int) -> int:
    """Return how often each of so many agents is sampled for as many calls as MoA makes."""
    answers = max(len(spec.agents) * (max(spec.layers, 2) - 1), 2)
    return -(-min(answers, _MOST_ANSWERS // agents * agents) // agents)


def _stop_rule(spec: EnsembleSpec, strategy: StrategyName) -> StopRule:
    """Return the ensemble's rule for a baseline; SMoA's moderator is heard from the first layer on unless told."""
    stop, default = spec.early_stop, StopRule()
    is_told = stop.min_layers != default.min_layers
    first = 1 if strategy == "smoa" and not is_told else stop.min_layers
    return StopRule(rule="none" if stop.rule == "none" else "verdict", min_layers=first)


def _summary(spec: EnsembleSpec, names: set[str]) -> WriterSpec:
    """Return the summary agent as a baseline has it, which may lack agents that it names."""
    first = summary_chain(spec)[0]
    fallback = tuple(found for name in spec.summary.fallback if (found := _fallback(name, spec, names)) is not None)
    if first.name in names:
        return replace(spec.summary, model=first.name, fallback=fallback)
    fields = (*ModelSettings.__struct_fields__, "role")
    return WriterSpec(**{field: getattr(first, field) for field in fields}, fallback=fallback)


def _fallback(name: str, spec: EnsembleSpec, names: set[str]) -> str | None:
    """Return a fallback by a name that a baseline knows; None for an agent that its model alone does not describe."""
    lacking = next((agent for agent in spec.agents if agent.name == name and name not in names), None)
    if lacking is None:
        return name
    return lacking.model if lacking.base_url is None and lacking.api_key_env is None else None
