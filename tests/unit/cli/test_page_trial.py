"""Ensembles tried on simulated models."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.cli.page_trial import simulated, try_out
from attention_moa.config import EnsembleSpec, LimitSpec, all_agents
from attention_moa.money import Price
from attention_moa.ui.ports import RefusedError

PAID = EnsembleSpec(
    name="paid",
    layers=1,
    agents=(
        AgentSpec(name="ada", model="openai:gpt-4.1", api_key_env="NOBODY", price=Price(input=1, output=1), rpm=1),
        AgentSpec(name="bob", model="command:false", extra_body={"a": 1}),
        AgentSpec(name="cleo", model="embedded:/nowhere.gguf"),
    ),
    summary=WriterSpec(model="anthropic:x", fallback=("bob", "groq:y")),
    residual=ResidualSpec(base_url="https://api.example.com", model="ada"),
    limits=LimitSpec(usd=1, tokens=10_000_000),
)


def test_nobody_who_is_paid_is_asked() -> None:
    """Whoever speaks is a simulated model: agents, writers, fallbacks; none has a key, a price or a rate."""
    spec = simulated(PAID, "http://127.0.0.1:1/v1", ["sim-a", "sim-b"])
    assert {agent.base_url for agent in all_agents(spec)} == {"http://127.0.0.1:1/v1"}
    assert [agent.model for agent in spec.agents] == ["openai:sim-a", "openai:sim-b", "openai:sim-a"]
    assert not [
        agent for agent in all_agents(spec) if agent.api_key_env or agent.price or agent.rpm or agent.extra_body
    ]
    assert spec.summary.fallback == ("bob",)
    assert spec.agents[2].context_tokens == 4096
    assert (spec.limits.usd, spec.limits.tokens) == (None, 10_000_000)


def test_a_trial_is_a_whole_run() -> None:
    """All its calls are made, at once."""
    record = asyncio.run(try_out(PAID, "Why?"))
    assert record.state == "finished"
    assert record.text
    assert {call.stage.value for call in record.calls} >= {"answer", "critique", "refine", "summary"}


def test_an_ensemble_of_very_many_calls_is_not_tried() -> None:
    """It would hold up the server."""
    many = tuple(AgentSpec(name=f"a{n}", model="openai:x") for n in range(30))
    with pytest.raises(RefusedError, match="calls are too many to be tried here: at most 600"):
        asyncio.run(
            try_out(replace(PAID, agents=many, layers=2, summary=WriterSpec(), residual=ResidualSpec()), "Why?")
        )
