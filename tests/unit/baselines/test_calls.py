"""How many calls every baseline makes: by formula, by plan, and really."""

from __future__ import annotations

from math import ceil

import pytest

from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.messages import CallRequest
from attention_moa.schedule import count_calls
from tests.baseline_world import LAYERED, a_baseline, choice
from tests.worlds import World, a_spec


def made(spec: EnsembleSpec) -> set[str]:
    """Return the calls of a run in which all goes well, after a look at count and plan."""

    def select(request: CallRequest) -> str:
        return choice(1, 2)(request)

    record = World(spec, {"select": select}).run()
    assert record.losses == ()
    assert record.degraded == ()
    ids = {call.call_id for call in record.calls}
    assert len(record.calls) == len(ids) == count_calls(spec)
    assert ids == {call.call_id for call in planned_calls(spec)}
    return ids


@pytest.mark.parametrize("agents", range(1, 7))
@pytest.mark.parametrize("layers", range(1, 5))
def test_moa_makes_n_times_l_less_1_and_1(agents: int, layers: int) -> None:
    """``N * (L - 1) + 1``; one layer would be the aggregator with nothing to aggregate."""
    if layers == 1:
        with pytest.raises(ConfigError, match="layers: 1: strategy 'moa' takes 2 or more"):
            a_baseline("moa", agents, layers)
        return
    assert len(made(a_baseline("moa", agents, layers))) == agents * (layers - 1) + 1


@pytest.mark.parametrize("agents", range(1, 7))
@pytest.mark.parametrize("layers", range(1, 5))
def test_smoa_makes_n_and_1_a_layer_and_1(agents: int, layers: int) -> None:
    """``L * (N + 1) + 1``."""
    assert len(made(a_baseline("smoa", agents, layers))) == layers * (agents + 1) + 1


@pytest.mark.parametrize("agents", range(1, 7))
@pytest.mark.parametrize("layers", range(1, 5))
def test_rmoa_makes_n_and_2_a_layer_less_1(agents: int, layers: int) -> None:
    """``L * (N + 2) - 1``."""
    assert len(made(a_baseline("rmoa", agents, layers))) == layers * (agents + 2) - 1


@pytest.mark.parametrize("samples", range(2, 7))
def test_samples_and_what_becomes_of_them(samples: int) -> None:
    """Best of N and Self-MoA: ``N + 1``; a vote costs nothing."""
    assert len(made(a_baseline("self-moa", samples=samples))) == samples + 1
    for agents in (1, 2):
        assert len(made(a_baseline("best-of-n", agents, samples=samples))) == samples * agents + 1
        spec = a_baseline("majority", agents, samples=samples)
        record = World(spec, {"answer": "The answer is 4."}).run()
        assert len(record.calls) == count_calls(spec) == len(planned_calls(spec)) == samples * agents
    assert len(made(a_spec(1, strategy="single", layers=1))) == 1


@pytest.mark.parametrize("samples", range(2, 9))
@pytest.mark.parametrize("window", range(2, 6))
def test_a_sequence_has_an_aggregation_for_each_window(samples: int, window: int) -> None:
    """``S + ceil((S - 1) / (w - 1))``, and the layers are the windows."""
    spec = a_baseline("self-moa-seq", samples=samples, window=window)
    aggregations = ceil((samples - 1) / (window - 1))
    assert spec.layers == aggregations
    assert len(made(spec)) == samples + aggregations


def test_a_lone_agent_is_sampled_six_times_unless_told() -> None:
    """As in the Self-MoA paper; several agents answer once each."""
    assert [count_calls(a_spec(1, strategy=name, layers=1)) for name in ("best-of-n", "majority", "self-moa")] == [
        7,
        6,
        7,
    ]
    assert [count_calls(a_spec(3, strategy=name, layers=1)) for name in ("best-of-n", "majority")] == [4, 3]
    assert count_calls(a_spec(1, strategy="self-moa-seq", layers=3)) == 6 + 3


@pytest.mark.parametrize("strategy", LAYERED)
def test_what_each_call_waits_for_is_planned(strategy: str) -> None:
    """The same reads as in the run, where nobody is chosen."""
    spec = a_baseline(strategy, 2)
    record = World(spec, {"select": choice(1, 2)}).run()
    planned = {call.call_id: set(call.reads) for call in planned_calls(spec)}
    assert planned == {call.call_id: set(call.reads) for call in record.calls}
