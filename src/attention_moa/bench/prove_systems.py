"""Who an ensemble has to beat: each agent alone, and the other methods at any size. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, cast, get_args

from msgspec.structs import replace

from attention_moa.baselines.derive import baseline_specs
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
    alone = [one.spec for one in baseline_specs(spec, (SINGLE,))]
    names = [agent.name for agent in spec.agents]
    return {
        name: System(name=name if name != taken else f"{name}-alone", spec=one)
        for name, one in zip(names, alone, strict=True)
    }


def sized_spec(spec: EnsembleSpec, name: SizedName, size: int, *, best: str) -> EnsembleSpec:
    """Return a baseline of the ensemble's own agents, writer, limits and prompts.

    Args:
        spec: The ensemble.
        name: Which baseline.
        size: Samples of the best agent, or layers of all agents.
        best: The best agent.
    """
    if name == "moa":
        return replace(baseline_specs(spec, (name,))[0].spec, layers=size)
    sampled = baseline_specs(spec, ("self-moa",), samples=size, agent=best)[0].spec
    return replace(sampled, strategy=name, name=f"{spec.name}-{name}")


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
