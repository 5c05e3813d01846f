"""Numbers of many runs, for Prometheus: an observer that counts, and the text that is scraped.

Counts of tokens and money grow when a run ends, by what its record says that it used in this life: so they are the sum
of the records, and what was paid before a run was interrupted counts once.
"""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from attention_moa.events import (
    CallCancelled,
    CallFinished,
    CallFirstToken,
    CallHappening,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    Happening,
    ResultLost,
    RunFinished,
    RunStarted,
)
from attention_moa.messages import Stage
from attention_moa.records import UsageTotal
from attention_moa.telemetry.labels import OTHER, Names

_PREFIX = "attention_moa_"
_RUN_S = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_CALL_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0)
_FIRST_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
_LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_SAMPLE_S = 0.1
_MOST_ENSEMBLES = 100
_MOST_AGENTS = 500
_MOST_KINDS = 50
_ENDINGS: dict[type[Happening], str] = {
    CallFinished: "finished",
    CallReplayed: "replayed",
    CallLost: "lost",
    CallCancelled: "cancelled",
}


@dataclass(slots=True)
class _Call:
    """A call under way: when it was queued, and when its newest attempt went out; None while it waits for its turn."""

    stage: Stage
    queued_s: float
    started_s: float | None = None


@dataclass(slots=True)
class _Run:
    """A run under way."""

    ensemble: str
    used_before: UsageTotal
    calls: dict[str, _Call] = field(default_factory=dict[str, _Call])

    @property
    def is_waiting(self) -> bool:
        """Whether all that it could do waits for its turn."""
        return bool(self.calls) and all(call.started_s is None for call in self.calls.values())


class Metrics:
    """An observer of any number of runs at once, and what it counted; with a registry of its own."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = registry = CollectorRegistry()
        self._runs: dict[str, _Run] = {}
        self._ensembles = Names(_MOST_ENSEMBLES)
        self._agents = Names(_MOST_AGENTS)
        self._kinds = Names(_MOST_KINDS)
        self._ended = _counter(registry, "runs", "Runs that ended, by state.", "ensemble", "state")
        self._calls = _counter(
            registry, "calls", "Calls that ended, by state; replayed ones were not sent.", "ensemble", "stage", "agent",
            "state",
        )  # fmt: skip
        self._tokens = _counter(
            registry, "tokens", "Tokens: input has cached in it, and output has reasoning.", "ensemble", "kind"
        )
        self._cost = _counter(registry, "cost_usd", "Money of the attempts whose price is known.", "ensemble")
        self._unknown = _counter(
            registry, "unknown_attempts", "Attempts whose tokens, or whose price, nobody told.", "ensemble", "what"
        )
        self._retries = _counter(
            registry, "retries", "Attempts that failed and were followed by another.", "stage", "kind"
        )
        self._losses = _counter(registry, "losses", "Results that are missing.", "stage", "kind")
        self._stand_ins = _counter(registry, "degradations", "Things that stand in for something better.", "stage")
        self._run_s = _histogram(registry, "run_seconds", "Seconds of a run that ended.", _RUN_S, "ensemble")
        self._call_s = _histogram(
            registry, "call_seconds", "Seconds from a call's inputs to its reply.", _CALL_S, "stage"
        )
        self._wait_s = _histogram(
            registry, "call_wait_seconds", "Seconds that a call waited for its turn.", _FIRST_S, "stage"
        )
        self._first_s = _histogram(
            registry, "first_token_seconds", "Seconds from an attempt's start to its first token.", _FIRST_S, "stage"
        )
        self._lag_s = _histogram(registry, "event_loop_lag_seconds", "How late the event loop was.", _LAG_S)
        registry.register(_UnderWay(self._runs))
        self._counts: dict[type[Happening], Callable[[Any], None]] = {
            RunStarted: self._run_began,
            RunFinished: self._run_ended,
            ResultLost: self._result_lost,
            Degraded: self._degraded,
            CallQueued: self._call_queued,
            CallStarted: self._call_started,
            CallFirstToken: self._first_token,
            CallRetried: self._retried,
            **dict.fromkeys(_ENDINGS, self._call_ended),
        }
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)

    def __call__(self, event: Event, /) -> None:
        """Count an event; pieces of text are none of its business."""
        count = self._counts.get(type(event))
        if count is not None:
            count(event)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the text that is scraped, and its media type.

        Args:
            accept: The scraper's ``Accept`` header; empty for the plain text format.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    async def watch_loop(self) -> None:
        """Measure for ever how late the event loop is; cancel it at the end."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _SAMPLE_S
            await asyncio.sleep(_SAMPLE_S)
            self._lag_s.observe(max(loop.time() - due_s, 0.0))

    def _run_began(self, event: RunStarted) -> None:
        self._runs[event.run_id] = _Run(self._ensembles.of(event.ensemble), event.used_before)

    def _result_lost(self, event: ResultLost) -> None:
        self._losses.labels(event.loss.stage.value, self._kinds.of(event.loss.kind)).inc()

    def _degraded(self, event: Degraded) -> None:
        self._stand_ins.labels(event.degradation.stage.value).inc()

    def _call_queued(self, event: CallQueued) -> None:
        if (run := self._runs.get(event.run_id)) is not None:
            run.calls[event.call_id] = _Call(event.stage, event.at_s)

    def _call_started(self, event: CallStarted) -> None:
        call = self._call(event)
        if call is None:
            return
        if call.started_s is None:
            self._wait_s.labels(event.stage.value).observe(max(event.at_s - call.queued_s, 0.0))
        call.started_s = event.at_s

    def _first_token(self, event: CallFirstToken) -> None:
        call = self._call(event)
        if call is not None and call.started_s is not None:
            self._first_s.labels(event.stage.value).observe(max(event.at_s - call.started_s, 0.0))

    def _retried(self, event: CallRetried) -> None:
        self._retries.labels(event.stage.value, self._kinds.of(event.kind)).inc()

    def _call_ended(self, event: CallFinished | CallReplayed | CallLost | CallCancelled) -> None:
        run = self._runs.get(event.run_id)
        if run is None or run.calls.pop(event.call_id, None) is None:
            return
        stage, agent = event.stage.value, self._agents.of(event.agent, within=run.ensemble)
        self._calls.labels(run.ensemble, stage, agent, _ENDINGS[type(event)]).inc()
        if isinstance(event, CallFinished):
            self._call_s.labels(stage).observe(event.elapsed_s)

    def _call(self, event: CallHappening) -> _Call | None:
        run = self._runs.get(event.run_id)
        return run.calls.get(event.call_id) if run is not None else None

    def _run_ended(self, event: RunFinished) -> None:
        run = self._runs.pop(event.run_id, None)
        if run is None:
            if event.state != "finished":  # it ended before it began; one that had finished is merely shown again
                self._ended.labels(OTHER, event.state).inc()
            return
        self._ended.labels(run.ensemble, event.state).inc()
        self._run_s.labels(run.ensemble).observe(event.at_s)
        used, before = event.usage, run.used_before
        for kind in ("input", "cached", "cache_write", "output", "reasoning"):
            name = f"{kind}_tokens"
            self._tokens.labels(run.ensemble, kind).inc(_more(getattr(used, name), getattr(before, name)))
        self._cost.labels(run.ensemble).inc(_more(used.cost_usd, before.cost_usd))
        self._unknown.labels(run.ensemble, "tokens").inc(_more(used.unknown_calls, before.unknown_calls))
        self._unknown.labels(run.ensemble, "price").inc(_more(used.unpriced_calls, before.unpriced_calls))


class _UnderWay(Collector):
    """How many runs and calls are under way, counted when they are asked for: so nothing can drift.

    Args:
        runs: Those under way.
    """

    def __init__(self, runs: dict[str, _Run]) -> None:
        """Keep them."""
        self._runs = runs

    def collect(self) -> Iterator[Metric]:
        """Yield the four numbers."""
        runs = tuple(self._runs.values())
        calls = [call for run in runs for call in run.calls.values()]
        yield _gauge("runs_under_way", "Runs under way.", "ensemble", [run.ensemble for run in runs])
        waiting = [run.ensemble for run in runs if run.is_waiting]
        yield _gauge("runs_waiting", "Those of them whose calls all wait for their turn.", "ensemble", waiting)
        started = [call.stage.value for call in calls if call.started_s is not None]
        yield _gauge("calls_under_way", "Calls that were sent and have not ended.", "stage", started)
        queued = [call.stage.value for call in calls if call.started_s is None]
        yield _gauge("calls_waiting", "Calls that wait for their turn.", "stage", queued)


def _counter(registry: CollectorRegistry, name: str, what: str, *labels: str) -> Counter:
    return Counter(f"{_PREFIX}{name}", what, labels, registry=registry)


def _histogram(
    registry: CollectorRegistry, name: str, what: str, buckets: tuple[float, ...], *labels: str
) -> Histogram:
    return Histogram(f"{_PREFIX}{name}", what, labels, buckets=buckets, registry=registry)


def _gauge(name: str, what: str, label: str, values: Iterable[str]) -> GaugeMetricFamily:
    """Return how often each value is there."""
    family = GaugeMetricFamily(f"{_PREFIX}{name}", what, labels=(label,))
    for value, times in Counts(values).items():
        family.add_metric((value,), times)
    return family


def _more(now: float, before: float) -> float:
    """Return what came to a sum; a counter never goes back."""
    return max(now - before, 0)
