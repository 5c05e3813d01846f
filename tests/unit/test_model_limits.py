"""Agents that share a model and a key share a limiter, and the strictest of their limits holds."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.config import CallPolicy, EnsembleSpec
from attention_moa.model_limits import model_limiters


def an_ensemble(*agents: AgentSpec, **calls: int) -> EnsembleSpec:
    """Return an ensemble of these agents, with limits for all that say none of their own."""
    return EnsembleSpec(name="limits", agents=agents, layers=1, calls=CallPolicy(**calls))


@pytest.mark.parametrize(
    ("own", "of_all", "places"),
    [
        ((None, None), {}, float("inf")),
        ((3, 2), {}, 2),
        ((3, None), {"concurrency": 1}, 3),
        ((None, None), {"concurrency": 4}, 4),
    ],
)
def test_the_strictest_limit_holds(own: tuple[int | None, int | None], of_all: dict[str, int], places: float) -> None:
    """Of the agents of one model and key; where none says any, the one for all."""
    agents = [AgentSpec(name=name, model="fake:m", concurrency=most) for name, most in zip("ab", own, strict=True)]
    limiters = model_limiters(an_ensemble(*agents, **of_all))
    assert limiters.of(agents[0]) is limiters.of(agents[1])
    assert limiters.of(agents[0]).places == places


def test_another_key_is_another_limiter() -> None:
    """What one key may do says nothing of the other."""
    agents = [AgentSpec(name=name, model="fake:m", api_key_env=f"KEY_{name}", concurrency=1) for name in "AB"]
    limiters = model_limiters(an_ensemble(*agents))
    assert limiters.of(agents[0]) is not limiters.of(agents[1])
