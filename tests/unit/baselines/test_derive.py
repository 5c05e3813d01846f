"""The baselines of an ensemble."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.baselines.derive import BASELINES, baseline_specs
from attention_moa.config import (
    AttentionSpec,
    EnsembleSpec,
    LimitSpec,
    QuorumSpec,
    StopRule,
    residual_chain,
    summary_chain,
    voices,
)
from attention_moa.errors import ConfigError
from attention_moa.schedule import count_calls
from tests.worlds import World, a_spec

FULL = a_spec(
    3,
    layers=3,
    layout="paper",
    seed=7,
    summary=WriterSpec(model="b", temperature=0.1, fallback=("a", "test:other")),
    residual=ResidualSpec(history="summaries", max_tokens=9),
    attention=AttentionSpec(peers=1, labels=True),
    early_stop=StopRule(rule="similarity", threshold=0.5, returns="previous"),
    quorum=QuorumSpec(critiques=1),
    limits=LimitSpec(deadline_s=90.0),
)


def derived(spec: EnsembleSpec, name: str) -> EnsembleSpec:
    """Return the one baseline of that strategy."""
    (system,) = baseline_specs(spec, [name])
    return system.spec


@pytest.mark.parametrize("spec", [FULL, a_spec(1, layers=1), a_spec(5), a_spec(2, strategy="smoa", layers=4, keep=2)])
def test_every_ensemble_has_every_baseline(spec: EnsembleSpec) -> None:
    """Whatever it says, each is valid, has the same limits and calls, and runs."""
    systems = baseline_specs(spec, BASELINES)
    names = [*(f"single-{agent.name}" for agent in spec.agents), *BASELINES[1:]]
    assert [system.name for system in systems] == names
    for system in systems:
        assert (system.spec.limits, system.spec.calls) == (spec.limits, spec.calls)
        assert World(system.spec).run().state == "finished"


def test_samples_are_so_many_that_calls_are_as_many_as_of_moa() -> None:
    """With three agents and three layers seven calls each; the vote has one less."""
    found = {system.name: count_calls(system.spec) for system in baseline_specs(FULL, BASELINES[1:])}
    assert found == {
        "best-of-n": 7,
        "majority": 6,
        "moa": 7,
        "self-moa": 7,
        "self-moa-seq": 9,
        "smoa": 13,
        "rmoa": 14,
    }
    assert [len(voices(one.spec)) for one in baseline_specs(FULL, ["best-of-n", "self-moa"], samples=2)] == [6, 2]


def test_writers_stay_who_they_are() -> None:
    """By name where they are agents of the baseline, else with all their settings; fallbacks too."""
    moa, lone = derived(FULL, "moa"), baseline_specs(FULL, ["self-moa"], agent="c")[0].spec
    assert summary_chain(moa) == summary_chain(FULL)
    writer, *fallback = summary_chain(lone)
    assert (writer.name, writer.model, writer.temperature) == ("summary", "test:b", 0.1)
    assert [agent.model for agent in fallback] == ["test:a", "test:other"]
    assert residual_chain(derived(FULL, "rmoa"))[0] == residual_chain(FULL)[0]


def test_a_fallback_with_an_address_of_its_own_is_left_out_where_it_is_no_agent() -> None:
    """Its model's name alone would lead elsewhere."""
    far = AgentSpec(name="far", model="openai:m", base_url="http://localhost:1/v1")
    near = AgentSpec(name="near", model="test:n")
    spec = a_spec([near, far], summary=WriterSpec(fallback=("far",)))
    assert derived(spec, "self-moa").summary.fallback == ()
    assert derived(spec, "moa").summary.fallback == ("far",)


def test_the_summary_agent_is_sampled_unless_told_where_it_is_an_agent() -> None:
    """Else the first one is."""
    assert derived(FULL, "self-moa").agents[0].name == "b"
    assert derived(a_spec(2, summary=WriterSpec(model="test:x")), "self-moa").agents[0].name == "a"


def test_early_stopping_is_the_ensemble_s() -> None:
    """By verdict where it stops at all; a moderator is heard from layer 1 on unless another is named."""
    assert derived(FULL, "smoa").early_stop == StopRule(min_layers=1)
    assert derived(FULL, "rmoa").early_stop == StopRule()
    late = a_spec(3, layers=5, layout="compact", early_stop=StopRule(rule="none", min_layers=3))
    assert derived(late, "smoa").early_stop == StopRule(rule="none", min_layers=3)
    assert derived(late, "smoa").layout == "compact"


def test_unknown_names_are_refused() -> None:
    """With those that are known."""
    with pytest.raises(ConfigError, match="baselines: 'attention-moa' is none: known are single, best-of-n, majority"):
        baseline_specs(FULL, ["attention-moa"])
    with pytest.raises(ConfigError, match="agent: 'z' is no agent: known are a, b, c"):
        baseline_specs(FULL, ["moa"], agent="z")
