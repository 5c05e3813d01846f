"""What the baselines make of losses, deadlines and limits: labelled stand-ins, or an error where nothing is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.config import EnsembleSpec, LimitSpec
from attention_moa.errors import BudgetError, ConfigError, DeadlineError, QuorumError, RefusedError
from attention_moa.messages import CallRequest, Stage
from attention_moa.money import Price
from attention_moa.records import RunRecord
from tests.baseline_world import LAYERED, STRATEGIES, a_baseline, choice
from tests.worlds import Says, World, a_spec

NO = RefusedError("no")
MERGING = ("moa", "self-moa", "self-moa-seq")


def ran(spec: EnsembleSpec, script: Mapping[str, Says] | None = None) -> RunRecord:
    """Return a run whose selectors choose the first replies."""
    return World(spec, {"select": choice(1, 2)} | dict(script or {})).run()


def whats(record: RunRecord) -> list[str]:
    """Return what stood in for something better."""
    return [degraded.what for degraded in record.degraded]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_without_any_answer_a_run_fails(strategy: str) -> None:
    """It says who failed and why."""
    with pytest.raises(QuorumError, match="no agent gave an answer") as caught:
        ran(a_baseline(strategy), {"answer": NO})
    assert caught.value.partial is not None
    assert caught.value.partial.text is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_deadline_before_any_answer_is_an_error(strategy: str) -> None:
    """Nothing is made up in its place."""
    with pytest.raises(DeadlineError, match="before any answer was there"):
        World(a_baseline(strategy, limits=LimitSpec(deadline_s=1.0)), latency_s=lambda _: 2.0).run()


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_a_deadline_returns_the_best_that_is_finished(strategy: str) -> None:
    """Answers take one second and what follows takes long: an answer is returned, labelled."""
    spec = a_baseline(strategy, limits=LimitSpec(deadline_s=1.5))
    slow = World(spec, {"answer": "same"}, latency_s=lambda request: 1.0 if request.stage is Stage.ANSWER else 9.0)
    if strategy == "majority":
        assert slow.run().text == "same"
        return
    record = slow.run()
    assert record.verdict is not None
    assert (record.text, record.verdict.rule) == ("same", "deadline")
    assert record.degraded


def test_a_deadline_in_a_later_layer_of_moa_returns_an_answer_of_the_one_before() -> None:
    """Whose layer is finished; also when the run is told again."""
    spec = a_baseline("moa", limits=LimitSpec(deadline_s=1.5))
    record = World(spec, latency_s=lambda _: 1.0).run()
    assert record.text == "says 1.answer.a"
    assert [layer.layer for layer in record.layers] == [1, 2]


def test_a_deadline_of_a_sequence_returns_the_latest_merged_text() -> None:
    """Not a bare sample."""
    spec = a_baseline("self-moa-seq", samples=5, window=2, limits=LimitSpec(deadline_s=3.5))
    assert World(spec, latency_s=lambda _: 1.0).run().text == "says 2.summary.a"


@pytest.mark.parametrize("strategy", MERGING)
def test_a_lost_answer_is_left_out(strategy: str) -> None:
    """The others are merged."""
    lost = "1.answer.a" if strategy == "moa" else "1.answer.a-1"
    record = ran(a_baseline(strategy, 4), {lost: NO})
    assert [loss.call_id for loss in record.losses] == [lost]
    assert lost not in next(call.reads for call in record.calls if call.stage is Stage.SUMMARY)
    assert record.text == f"says {record.calls[-1].call_id}"


@pytest.mark.parametrize("strategy", [*MERGING, "smoa"])
def test_a_lost_aggregation_is_stood_in_for(strategy: str) -> None:
    """By the answer that is most like all the others."""
    record = ran(a_baseline(strategy), {"summary": NO, "answer": "the same"})
    assert record.text == "the same"
    assert "the one most like all the others, stands in for the summary" in whats(record)[-1]


def test_a_fallback_aggregates_where_there_is_one() -> None:
    """And it is said."""
    spec = a_baseline("moa", summary=WriterSpec(model="c", fallback=("b",)))
    record = ran(spec, {"3.summary.c": NO})
    assert record.text == "says 3.summary.b"
    assert whats(record) == ["b wrote in its place"]


@pytest.mark.parametrize(("strategy", "what"), [("moa", "are passed on once more"), ("smoa", "go on once more")])
def test_a_layer_without_answers_hands_on_those_before(strategy: str, what: str) -> None:
    """Nothing is lost that was there, and it is labelled."""
    record = ran(a_baseline(strategy), {f"2.answer.{name}": NO for name in "abc"})
    assert record.text == "says 3.summary.a"
    assert any(what in said for said in whats(record))
    third = next(call for call in record.calls if call.call_id == "3.answer.a") if strategy == "smoa" else None
    assert third is None or "1.select.a" in third.reads


def test_a_window_without_samples_hands_on_the_text_so_far() -> None:
    """And one whose samples are the first there are begins with them."""
    spec = a_baseline("self-moa-seq", samples=4, window=2)
    assert spec.layers == 3
    record = ran(spec, {"3.answer.a-4": NO})
    assert record.text == "says 2.summary.a"
    record = ran(spec, {"1.answer.a-1": NO, "1.answer.a-2": NO})
    assert [call.call_id for call in record.calls if call.stage is Stage.SUMMARY] == ["3.summary.a"]
    assert record.text == "says 3.summary.a"


def test_one_answer_alone_is_not_chosen_from() -> None:
    """The selector is not asked: there is nothing to choose."""
    record = ran(a_baseline("best-of-n"), {"1.answer.a": NO, "1.answer.b": NO})
    assert (record.text, len(record.calls)) == ("says 1.answer.c", 3)


@pytest.mark.parametrize("strategy", LAYERED)
def test_where_the_money_does_not_reach_for_a_layer_the_end_comes_at_once(strategy: str) -> None:
    """Fewer layers, labelled, and an answer all the same."""
    price = Price(input=1_000_000.0, output=1_000_000.0)
    agents = [AgentSpec(name=name, model="test:m", price=price, max_tokens=5) for name in "abc"]
    spec = a_spec(agents, strategy=strategy, layers=4, limits=LimitSpec(usd=85.0))
    record = ran(spec)
    assert record.verdict is not None
    assert (record.state, record.verdict.rule) == ("finished", "limit")
    assert len(record.layers) < 4
    assert any("too little for another layer" in degraded.why for degraded in record.degraded)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_limit_that_pays_for_nothing_is_an_error(strategy: str) -> None:
    """Named as what it is."""
    with pytest.raises(BudgetError, match="too little for this call"):
        ran(a_baseline(strategy, limits=LimitSpec(tokens=10)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_wrong_setting_ends_a_run_with_one_error(strategy: str) -> None:
    """Not with a group of them, and nothing is left running."""
    world = World(a_baseline(strategy), {"answer": ConfigError("wrong", key="agents")})
    with pytest.raises(ConfigError, match="agents: wrong"):
        world.run()
    assert world.scripted.open_streams == 0


def test_a_cancelled_run_leaves_nothing_running() -> None:
    """All of a sequence's samples end with it."""
    world = World(a_baseline("self-moa-seq", samples=6), latency_s=lambda _: 5.0)

    async def scenario() -> None:
        async with asyncio.timeout(1.0):
            await world.play()

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
    assert world.scripted.open_streams == 0
    assert world.record.state == "cancelled"


def test_samples_have_seeds_of_their_own() -> None:
    """Or all of them would be one and the same reply."""
    spec = a_spec([AgentSpec(name="a", model="test:a", seed=7)], strategy="self-moa", layers=1, samples=3)
    world = World(spec)
    world.run()
    asked: list[CallRequest] = world.requests
    assert [request.sampling.seed for request in asked] == [7, 8, 9, 7]
