"""Systems: names of their own, and what a benchmark changes about ensembles."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.bench.systems import named_systems, with_most_tokens, with_temperature
from attention_moa.config import AttentionSpec, EnsembleSpec, residual_chain, summary_chain
from tests.worlds import a_spec


def test_names_are_safe_and_told_apart() -> None:
    """They are parts of names of files and of runs."""
    spec = a_spec(1)
    names = [one.name for one in named_systems([("a/b c", spec), ("a-b-c", spec), ("..", spec), ("x" * 80, spec)])]
    assert names == ["a-b-c", "a-b-c-2", "ensemble", "x" * 64]


def test_every_reply_is_capped() -> None:
    """Those of writers with models of their own too; a lower cap stays."""
    spec = EnsembleSpec(
        agents=(AgentSpec(name="a", model="test:a", max_tokens=50), AgentSpec(name="b", model="test:b")),
        summary=WriterSpec(model="test:c"),
        residual=ResidualSpec(model="a", max_tokens=900),
        attention=AttentionSpec(max_tokens=300),
    )
    capped = with_most_tokens(spec, 100)
    assert [agent.max_tokens for agent in capped.agents] == [50, 100]
    assert (summary_chain(capped)[0].max_tokens, residual_chain(capped)[0].max_tokens) == (100, 100)
    assert capped.attention.max_tokens == 100
    assert with_most_tokens(spec, None) is spec
    assert with_most_tokens(a_spec(2), 10).attention.max_tokens is None


@pytest.mark.parametrize("strategy", ["attention-moa", "single"])
def test_everybody_speaks_at_one_temperature(strategy: str) -> None:
    """Writers that take over an agent's settings take that over too; what a strategy does not use is not set."""
    agents = 1 if strategy == "single" else 2
    spec = a_spec(agents, **({"strategy": strategy, "layers": 1} if agents == 1 else {}))
    changed = with_temperature(spec, 0.3)
    assert {one.temperature for one in (*changed.agents, *summary_chain(changed), *residual_chain(changed))} == {0.3}
    assert with_temperature(spec, None) is spec


def test_a_writer_of_its_own_speaks_at_that_temperature_too() -> None:
    """Whether it had one or none."""
    spec = a_spec(2, summary=WriterSpec(model="test:c"), residual=ResidualSpec(temperature=1.0))
    changed = with_temperature(spec, 0.0)
    assert (changed.summary.temperature, changed.residual.temperature) == (0.0, 0.0)
