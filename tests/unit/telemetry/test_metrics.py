"""Metrics: what is scraped adds up to what records say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families

from attention_moa.agents import AgentSpec
from attention_moa.errors import MoaError, RefusedError, ServerError
from attention_moa.events import (
    CallCancelled,
    CallDelta,
    CallFirstToken,
    CallQueued,
    CallStarted,
    Event,
    RunFinished,
    RunStarted,
)
from attention_moa.messages import Stage
from attention_moa.money import Price
from attention_moa.records import UsageTotal
from attention_moa.telemetry import open_metrics
from attention_moa.telemetry.labels import Names
from attention_moa.telemetry.metrics import Metrics
from tests import virtual_time
from tests.lives import Cut, Story
from tests.worlds import World, a_spec, in_turn


class Scraped:
    """What a scraper reads of metrics.

    Args:
        metrics: What is scraped, now.
    """

    def __init__(self, metrics: Metrics) -> None:
        text, media_type = metrics.render()
        assert media_type.startswith("text/plain; version=")
        self.samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]

    def of(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that have these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == f"attention_moa_{name}" and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label."""
        return {sample.labels[label] for sample in self.samples if sample.name == f"attention_moa_{name}"}


def scraped(*worlds: World | Story, metrics: Metrics | None = None) -> Scraped:
    """Return what metrics tell of what happened in worlds."""
    metrics = metrics or open_metrics()
    for world in worlds:
        for event in world.events:
            metrics(event)
    return Scraped(metrics)


def test_a_run_s_sums_are_those_of_its_record() -> None:
    """Runs, calls by stage and agent, tokens by kind, latencies."""
    world = World(a_spec(2, name="two"), latency_s=lambda _: 2.0)
    record = world.run()
    found = scraped(world)
    assert found.of("runs_total", ensemble="two", state="finished") == 1
    assert found.of("calls_total", ensemble="two", state="finished") == len(record.calls)
    assert found.of("calls_total", stage="critique", agent="a") == 4
    usage = record.usage
    tokens = [
        found.of("tokens_total", ensemble="two", kind=kind) for kind in ("input", "cached", "output", "reasoning")
    ]
    assert tokens == [usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens]
    assert found.of("tokens_total", kind="cached") / found.of("tokens_total", kind="input") == 0.4
    assert found.of("run_seconds_sum", ensemble="two") == record.wall_s
    assert found.of("call_seconds_count", stage="answer") == 4
    assert found.of("call_seconds_bucket", stage="answer", le="1.0") == 0
    assert found.of("call_seconds_bucket", stage="answer", le="2.5") == 4
    assert found.of("first_token_seconds_sum", stage="answer") == 8.0
    assert found.of("call_wait_seconds_bucket", stage="answer", le="0.05") == 4
    assert found.of("unknown_attempts_total", what="price") == len(record.calls)
    assert found.of("losses_total") == found.of("retries_total") == 0


def test_money_is_counted_where_prices_are_known() -> None:
    """To the last digit of what records say."""
    agent = AgentSpec(name="a", model="test:a", price=Price(input=2.0, output=6.0))
    world = World(a_spec([agent]))
    record = world.run()
    found = scraped(world)
    assert record.usage.cost_usd > 0
    assert found.of("cost_usd_total") == record.usage.cost_usd
    assert found.of("unknown_attempts_total") == 0


def test_what_goes_wrong_is_counted_by_its_kind() -> None:
    """Retries, lost calls, results that are missing, stand-ins, and runs that fail."""
    script: dict[str, Any] = {"1.answer.a": in_turn(ServerError("down"), "up"), "1.refine.b": RefusedError("no")}
    world, nothing = World(a_spec(2), script), World(a_spec(1), {"answer": RefusedError("no")})
    world.run()
    with pytest.raises(MoaError):
        nothing.run()
    found = scraped(world, nothing)
    assert found.of("retries_total", stage="answer", kind="ServerError") == 1
    assert found.of("calls_total", stage="refine", agent="b", state="lost") == 1
    assert found.of("losses_total", stage="refine", kind="RefusedError") == 1
    assert found.of("degradations_total", stage="refine") == 1
    assert found.of("runs_total", state="failed") == 1
    assert found.of("runs_total") == 2


def test_a_run_that_goes_on_is_counted_once() -> None:
    """What its first life paid for is not counted again in its second; replayed calls were not sent."""
    story = Story(a_spec(2), seed=5, failures=0.3)
    metrics = open_metrics()
    story.live(Cut(at_s=9.0))
    of_first = len(story.events)
    record = story.live()
    second_life = story.events[of_first:]
    for event in second_life:
        metrics(event)
    started = next(event for event in second_life if isinstance(event, RunStarted))
    found = Scraped(metrics)
    assert started.used_before.input_tokens > 0
    assert found.of("tokens_total", kind="input") == record.usage.input_tokens - started.used_before.input_tokens
    assert found.of("calls_total", state="replayed") > 0
    assert found.of("runs_total") == 1


def about(call_id: str = "1.answer.a", at_s: float = 0.0, run_id: str = "r") -> dict[str, Any]:
    """Return the fields of a call's event."""
    return {"run_id": run_id, "at_s": at_s, "call_id": call_id, "stage": Stage.ANSWER, "layer": 1, "agent": "a"}


def begun(run_id: str = "r", ensemble: str = "e") -> RunStarted:
    """Return the start of a run."""
    return RunStarted(run_id=run_id, at_s=0.0, ensemble=ensemble, agents=("a",), layers=1, planned_calls=1)


def ended(run_id: str = "r", **fields: Any) -> RunFinished:
    """Return the end of a run."""
    told: dict[str, Any] = {"run_id": run_id, "at_s": 1.0, "state": "finished", "text": "x", "usage": UsageTotal()}
    return RunFinished(**(told | fields))


def test_what_is_under_way_is_seen_at_any_moment() -> None:
    """A run waits where all of its calls do; nothing is left when it has ended, calls without an end too."""
    metrics = open_metrics()

    def seen(*events: Event) -> list[float]:
        for event in events:
            metrics(event)
        names = ("runs_under_way", "runs_waiting", "calls_under_way", "calls_waiting")
        return [Scraped(metrics).of(name) for name in names]

    assert seen(begun()) == [1, 0, 0, 0]
    assert seen(CallQueued(**about()), CallQueued(**about("1.answer.b"))) == [1, 1, 0, 2]
    assert seen(CallStarted(**about(at_s=0.5), attempt=1)) == [1, 0, 1, 1]
    assert seen(begun("other", "f"), CallQueued(**about(run_id="other"))) == [2, 1, 1, 2]
    assert seen(CallCancelled(**about())) == [2, 2, 0, 2]
    assert seen(ended(), ended("other")) == [0, 0, 0, 0]
    assert Scraped(metrics).of("call_wait_seconds_sum", stage="answer") == 0.5


def test_a_second_attempt_has_its_own_first_token() -> None:
    """Its time counts from that attempt; the wait for a turn is that of the first one."""
    metrics = open_metrics()
    for event in (
        begun(),
        CallQueued(**about()),
        CallStarted(**about(at_s=1.0), attempt=1),
        CallStarted(**about(at_s=5.0), attempt=2),
        CallDelta(**about(at_s=5.5), text="x"),
        CallFirstToken(**about(at_s=6.0)),
    ):
        metrics(event)
    found = Scraped(metrics)
    assert found.of("first_token_seconds_sum") == 1.0
    assert (found.of("call_wait_seconds_sum"), found.of("call_wait_seconds_count")) == (1.0, 1)


def test_events_without_a_beginning_break_nothing() -> None:
    """A run that is shown again is none; one that failed before it began is counted."""
    metrics = open_metrics()
    events: Sequence[Event] = (
        CallQueued(**about()),
        CallStarted(**about(), attempt=1),
        CallFirstToken(**about()),
        CallCancelled(**about()),
        ended(),
        ended(state="failed"),
        begun("late"),
        CallFirstToken(**about(run_id="late")),
        CallCancelled(**about(run_id="late")),
    )
    for event in events:
        metrics(event)
    found = Scraped(metrics)
    assert (found.of("runs_total"), found.of("runs_total", ensemble="other", state="failed")) == (1, 1)
    assert found.of("calls_total") == 0


def test_labels_are_few_however_many_names_there_are() -> None:
    """Further names are one."""
    metrics = open_metrics()
    for number in range(300):
        metrics(begun(f"r{number}", f"e{number}"))
        metrics(ended(f"r{number}"))
    found = Scraped(metrics)
    assert len(found.labels("runs_total", "ensemble")) == 101
    assert found.of("runs_total", ensemble="other") == 200
    assert found.of("runs_total") == 300


def test_equal_names_in_different_things_count_apart() -> None:
    """And one that is known stays so."""
    names = Names(2)
    assert [names.of("a", within="x"), names.of("a", within="y"), names.of("a", within="z")] == ["a", "a", "other"]
    assert names.of("a", within="x") == "a"
    assert Names(1).of("\ud83d") == "\ufffd"


def test_how_late_the_loop_is_is_measured() -> None:
    """Until it is cancelled; a loop that is free is not late."""
    metrics = open_metrics()

    async def watched() -> None:
        async with asyncio.timeout(1.05):
            await metrics.watch_loop()

    with pytest.raises(TimeoutError):
        virtual_time.run(watched())
    found = Scraped(metrics)
    assert found.of("event_loop_lag_seconds_count") == 10
    assert found.of("event_loop_lag_seconds_bucket", le="0.001") == 10


def test_a_loop_that_is_held_up_is_late() -> None:
    """By as long as it was held up."""
    metrics = open_metrics()

    async def watched() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, virtual_time.VirtualTimeLoop)
        async with asyncio.timeout(0.5):
            loop.call_at(0.05, loop.hold_up, 0.3)
            await metrics.watch_loop()

    with pytest.raises(TimeoutError):
        virtual_time.run(watched())
    found = Scraped(metrics)
    assert found.of("event_loop_lag_seconds_sum") == pytest.approx(0.25)
    assert found.of("event_loop_lag_seconds_bucket", le="0.1") == found.of("event_loop_lag_seconds_count") - 1


def test_a_scraper_gets_the_format_that_it_asks_for() -> None:
    """The plain one, or OpenMetrics; both can be parsed, and tell of the process too."""
    metrics = open_metrics()
    text, media_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_open(text.decode())}  # type: ignore[no-untyped-call]  # the library's own >= {"attention_moa_runs", "attention_moa_tokens"}
    plain = metrics.render("text/plain")[0].decode()
    assert re.search(r"^process_open_fds \d", plain, re.MULTILINE)
    assert "python_gc_objects_collected_total" in plain


def test_two_metrics_know_nothing_of_each_other() -> None:
    """Each has a registry of its own."""
    first, second = open_metrics(), open_metrics()
    first(begun())
    assert Scraped(second).of("runs_under_way") == 0
