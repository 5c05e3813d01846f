"""Who an ensemble has to beat: each agent alone, and the other methods at any size. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, cast, get_args

from msgspec.structs import replace

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec, summary_chain
from attention_moa.errors import ConfigError

SizedName: TypeAlias = Literal["best-of-n", "self-moa", "moa"]
"""The baselines whose size is chosen so that they cost what the ensemble costs."""

SINGLE = "single"
BASELINES: tuple[str, ...] = (SINGLE, *get_args(SizedName))
"""What an ensemble has to beat unless told, in the order in which they answer."""

SIZES: Mapping[SizedName, Sequence[int]] = {
    "best-of-n": range(2, 65),
    "self-moa": range(2, 65),
    "moa": range(2, 25),
}
"""Samples of the best agent; layers of all agents."""


def parse_baselines(told: str | None) -> tuple[str, ...]:
    """Return the baselines that a list with commas names; None names all.

    Raises:
        ConfigError: One of them is none, or there is none.
    """
    if told is None:
        return BASELINES
    names = tuple(dict.fromkeys(name.strip() for name in told.split(",") if name.strip()))
    unknown = next((name for name in names if name not in BASELINES), None)
    if unknown is not None or not names:
        what = f"{unknown!r} is none" if unknown is not None else "names none"
        raise ConfigError(f"{what}: write {', '.join(BASELINES)}, or some of them", key="--baselines")
    return names


def single_systems(spec: EnsembleSpec, taken: str) -> dict[str, System]:
    """Return each agent alone, by the agent's name.

    Args:
        spec: The ensemble.
        taken: The name that the ensemble has as a system.
    """
    systems: dict[str, System] = {}
    for agent in spec.agents:
        name = agent.name if agent.name != taken else f"{agent.name}-alone"
        alone = EnsembleSpec(
            name=name, agents=(agent,), strategy="single", calls=spec.calls, limits=spec.limits, prompts=spec.prompts
        )
        systems[agent.name] = System(name=name, spec=alone)
    return systems


def sized_spec(spec: EnsembleSpec, name: SizedName, size: int, *, best: str) -> EnsembleSpec:
    """Return a baseline of the ensemble's own agents, writer, limits and prompts.

    Args:
        spec: The ensemble.
        name: Which baseline.
        size: Samples of the best agent, or layers of all agents.
        best: The best agent.
    """
    common = EnsembleSpec(
        name=name,
        agents=spec.agents,
        layout="continue" if spec.layout == "paper" else spec.layout,
        summary=spec.summary,
        attention=replace(type(spec.attention)(), labels=spec.attention.labels),
        calls=spec.calls,
        limits=spec.limits,
        prompts=spec.prompts,
        early_stop=type(spec.early_stop)(),
    )
    if name == "moa":
        return replace(common, strategy=name, layers=size)
    writer = own_writer(spec)
    return replace(common, strategy=name, agents=(spec.agent(best),), summary=writer, samples=size)


def own_writer(spec: EnsembleSpec) -> WriterSpec:
    """Return the summary agent as a writer that needs none of the ensemble's agents.

    Its fallbacks go with it, but for agents at an address of their own: their models' names alone do not reach them.
    """
    first, *rest = summary_chain(spec)
    fields = {field: getattr(first, field) for field in WriterSpec.__struct_fields__ if field != "fallback"}
    return WriterSpec(**fields, fallback=tuple(agent.model for agent in rest if _is_found_by_name(agent)))


def selector_of(spec: EnsembleSpec) -> str:
    """Return the model that chooses among the samples of best-of-n: the ensemble's summary agent."""
    return summary_chain(spec)[0].model


def require_agent(spec: EnsembleSpec, name: str) -> str:
    """Return an agent's name that was told.

    Raises:
        ConfigError: The ensemble has no agent of that name.
    """
    names = [agent.name for agent in spec.agents]
    if name not in names:
        raise ConfigError(f"{name!r} is no agent of {spec.name!r}: write one of {', '.join(names)}", key="--best")
    return name


def as_sized(name: str) -> SizedName:
    """Return the name of a baseline that has a size as such."""
    return cast("SizedName", name)


def _is_found_by_name(agent: AgentSpec) -> bool:
    return agent.base_url is None and agent.api_key_env is None
