"""The systems that a benchmark compares: ensembles under names, and what the benchmark changes about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import WriterSpec
from attention_moa.config import EnsembleSpec

W = TypeVar("W", bound=WriterSpec)

_SAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 64


class System(Struct, frozen=True, kw_only=True):
    """Something that answers the questions.

    Args:
        name: Unique in the benchmark; a part of names of files and runs.
        spec: What runs.
    """

    name: str
    spec: EnsembleSpec


def named_systems(specs: Sequence[tuple[str, EnsembleSpec]]) -> tuple[System, ...]:
    """Return systems with names of their own: characters that no file should have are replaced, equals numbered.

    Args:
        specs: Ensembles, each with the name that it would have.
    """
    systems: dict[str, System] = {}
    for wanted, spec in specs:
        plain = _SAFE.sub("-", wanted).strip("-.")[:_LONGEST_NAME] or "ensemble"
        name, number = plain, 2
        while name in systems:
            name, number = f"{plain}-{number}", number + 1
        systems[name] = System(name=name, spec=spec)
    return tuple(systems.values())


def with_most_tokens(spec: EnsembleSpec, most: int | None) -> EnsembleSpec:
    """Return an ensemble none of whose replies is longer.

    Args:
        spec: The ensemble.
        most: Tokens; None leaves it as it is.
    """
    if most is None:
        return spec

    def capped(tokens: int | None) -> int:
        return most if tokens is None else min(tokens, most)

    def writer(one: W) -> W:
        return (
            replace(one, max_tokens=capped(one.max_tokens)) if one.max_tokens is not None or ":" in one.model else one
        )

    changed = replace(
        spec,
        agents=tuple(replace(agent, max_tokens=capped(agent.max_tokens)) for agent in spec.agents),
        summary=writer(spec.summary),
        residual=writer(spec.residual),
    )
    own = changed.attention.max_tokens
    return changed if own is None else replace(changed, attention=replace(changed.attention, max_tokens=capped(own)))


def with_temperature(spec: EnsembleSpec, temperature: float | None) -> EnsembleSpec:
    """Return an ensemble all of whose agents are sampled at a temperature.

    Args:
        spec: The ensemble.
        temperature: None leaves it as it is.
    """
    if temperature is None:
        return spec

    def writer(one: W) -> W:
        return replace(one, temperature=temperature) if one.temperature is not None or ":" in one.model else one

    return replace(
        spec,
        agents=tuple(replace(agent, temperature=temperature) for agent in spec.agents),
        summary=writer(spec.summary),
        residual=writer(spec.residual),
    )
