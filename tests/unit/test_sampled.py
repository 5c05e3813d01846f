"""How a caller's sampling goes into an ensemble."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.config import all_agents
from attention_moa.errors import ConfigError
from attention_moa.messages import Sampling
from attention_moa.rules import StopRule
from attention_moa.sampled import EFFORTS, sampled, thinking_of
from tests.worlds import a_spec


def drawn(strategy: str, **fields: Any) -> dict[str, float | None]:
    """Return everybody's temperature after a caller asked for 0.5."""
    agents = [AgentSpec(name=name, model=f"test:{name}", temperature=0.1) for name in ("a", "b")]
    spec = a_spec(agents, strategy=strategy, summary=WriterSpec(model="test:s"), **fields)
    return {agent.name: agent.temperature for agent in all_agents(sampled(spec, Sampling(temperature=0.5)))}


def test_the_writers_get_what_a_caller_asks_for_and_agents_keep_their_own() -> None:
    """Summary and residual alike: any layer may be the last."""
    told = drawn("attention-moa", residual=ResidualSpec(model="test:r"))
    assert told == {"a": 0.1, "b": 0.1, "summary": 0.5, "residual": 0.5}


def test_without_a_residual_agent_the_summary_agent_gets_it() -> None:
    """Nothing is set on an agent that is switched off."""
    told = drawn("attention-moa", residual=ResidualSpec(enabled=False), early_stop=StopRule(rule="none"))
    assert told == {"a": 0.1, "b": 0.1, "summary": 0.5}


def test_the_aggregator_of_a_baseline_gets_it() -> None:
    """It has no residual agent that could be asked."""
    assert drawn("moa") == {"a": 0.1, "b": 0.1, "summary": 0.5}


def test_a_writer_that_is_an_agent_too_has_it_only_as_a_writer() -> None:
    """The agent's own answers are drawn as the ensemble says."""
    spec = a_spec(2, summary=WriterSpec(model="a"))
    agents = all_agents(sampled(spec, Sampling(max_tokens=7)))
    assert [(agent.name, agent.max_tokens) for agent in agents] == [("a", None), ("b", None), ("a", 7), ("a", 7)]


@pytest.mark.parametrize("strategy", ["majority", "best-of-n"])
def test_where_an_agents_answer_is_the_answer_all_agents_get_it(strategy: str) -> None:
    """Who only chooses among answers keeps his own settings."""
    agents = [AgentSpec(name=name, model=f"test:{name}", temperature=0.1) for name in ("a", "b")]
    spec = sampled(a_spec(agents, strategy=strategy, layers=1), Sampling(temperature=0.5, seed=3))
    assert [(agent.temperature, agent.seed) for agent in spec.agents] == [(0.5, 3), (0.5, 3)]
    assert spec.summary == WriterSpec()


def test_who_asks_for_nothing_changes_nothing() -> None:
    """Unset stays unset."""
    spec = a_spec(2)
    assert sampled(spec, Sampling()) is spec


def test_a_number_out_of_its_range_names_its_field() -> None:
    """As a file's would."""
    with pytest.raises(ConfigError, match=r"summary\.temperature: 11.0 is not from 0 to 10"):
        sampled(a_spec(2), Sampling(temperature=11.0))


def test_every_effort_of_reasoning_is_one_of_ours() -> None:
    """None is off; finer ones are the nearest."""
    assert [thinking_of(effort) for effort in EFFORTS] == [False, "low", "low", "medium", "high", "high", "high"]
