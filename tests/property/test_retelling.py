"""What is told of a run by its record is what was told while it went on."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.config import CallPolicy, EnsembleSpec, LimitSpec, QuorumSpec
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallHappening,
    CallRetried,
    Degraded,
    Event,
    LayerFinished,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import ReplyFormat
from attention_moa.records import UsageTotal
from attention_moa.retelling import events_of
from tests.baseline_world import STRATEGIES
from tests.lives import NO_CUT, Cut, Story
from tests.property.test_baselines_resume import a_random_baseline
from tests.property.test_resume import a_random_spec

RUNS = 15


def plain(event: Event, *, is_limited: bool = False) -> bytes:
    """Return an event to compare: times to the microsecond, without how long a retry waits.

    Args:
        event: Any.
        is_limited: Whether money or tokens were limited: then a record does not say when replies were cut.
    """
    unsure = {"wait_s", "at_s"} if is_limited and isinstance(event, Degraded) else {"wait_s"}

    def rounded(value: Any) -> Any:
        if isinstance(value, (int, float)):
            return round(float(value), 6)
        if isinstance(value, dict):
            return {name: rounded(part) for name, part in value.items() if name not in unsure}
        return [rounded(part) for part in value] if isinstance(value, list) else value

    return msgspec.json.encode(rounded(msgspec.to_builtins(event)), order="sorted")


def by_call(events: Sequence[Event]) -> dict[str, list[bytes]]:
    """Return what was told of each call, in its order, and of the run beside."""
    told: dict[str, list[bytes]] = defaultdict(list)
    for event in events:
        told[event.call_id if isinstance(event, CallHappening) else ""].append(plain(event))
    return told


def some_limits(draw: random.Random) -> LimitSpec:
    """Return limits that cut some runs short."""
    return draw.choice(
        [
            LimitSpec(),
            LimitSpec(deadline_s=draw.uniform(3.0, 20.0)),
            LimitSpec(usd=draw.uniform(1.0, 10.0)),
            LimitSpec(tokens=draw.randint(600, 9_000)),
        ]
    )


def in_records(events: Sequence[Event]) -> list[Event]:
    """Return events without what no record holds: pieces of answers, and verdicts that another one overruled."""
    last = {event.verdict.layer: event for event in events if isinstance(event, VerdictReached)}
    whole = [event for event in events if not isinstance(event, (AnswerDelta, AnswerReset))]
    return [event for event in whole if not isinstance(event, VerdictReached) or event in last.values()]


def without_usage(event: Event) -> Event:
    """Return an event without what a layer had used: of answers that ended in that very moment some may count."""
    return msgspec.structs.replace(event, usage=UsageTotal()) if isinstance(event, LayerFinished) else event


def is_limited(spec: EnsembleSpec) -> bool:
    """Return whether money or tokens are limited."""
    return spec.limits.usd is not None or spec.limits.tokens is not None


def attention_moa(draw: random.Random, **fields: Any) -> EnsembleSpec:
    """Return an ensemble in some form, with or without a quorum."""
    quorum = draw.choice([QuorumSpec(), QuorumSpec(critiques=1, refinements=1, grace_s=0.5)])
    return a_random_spec(draw, quorum=quorum, **fields)


def a_story(strategy: str, seed: int, wanted: AnswerSpec = PLAIN, **calls: Any) -> tuple[Story, Cut]:
    """Return a run in which much goes wrong, and where it ends: some are cancelled."""
    draw = random.Random(f"{strategy} {seed}")
    limits = some_limits(draw)
    is_ours = strategy == "attention-moa"
    spec = attention_moa(draw, limits=limits) if is_ours else a_random_baseline(strategy, draw, limits=limits)
    spec = msgspec.structs.replace(spec, calls=CallPolicy(attempts=3, retry_wait_s=0.5, **calls))
    cut = Cut(at_s=draw.uniform(1.0, 20.0), is_kill=False) if seed % 5 == 0 else NO_CUT
    failures = draw.choice([0.0, 0.2, 0.4])
    return Story(spec, seed, failures=failures, stop_share=0.3, wanted=wanted), cut


@pytest.mark.parametrize("strategy", ["attention-moa", *STRATEGIES])
def test_a_record_tells_what_was_told_live(strategy: str) -> None:
    """Every event with its time, of runs that finish, fail, are cancelled or cut short; a retry's wait may differ."""
    for seed in range(RUNS):
        story, cut = a_story(strategy, seed)
        told = events_of(story.live(cut))
        compared = partial(plain, is_limited=is_limited(story.spec))
        assert sorted(map(compared, told)) == sorted(map(compared, in_records(story.events))), seed
        assert [event.at_s for event in told] == sorted(event.at_s for event in told)
        assert isinstance(told[0], RunStarted)
        assert isinstance(told[-1], RunFinished)
        live, anew = by_call(story.events), by_call(told)
        assert all(anew[name] == live[name] for name in live if name), seed


@pytest.mark.parametrize("strategy", ["attention-moa", *STRATEGIES])
def test_with_second_attempts_only_retries_may_differ(strategy: str) -> None:
    """A record does not say whether another attempt was about to begin."""
    for seed in range(RUNS // 3):
        story, cut = a_story(strategy, seed, hedge_s=2.0)
        compared = partial(plain, is_limited=is_limited(story.spec))
        told = [event for event in events_of(story.live(cut)) if not isinstance(event, CallRetried)]
        live = [event for event in in_records(story.events) if not isinstance(event, CallRetried)]
        assert sorted(map(compared, told)) == sorted(map(compared, live)), seed


@pytest.mark.parametrize(
    "wanted", [AnswerSpec(choices=3), AnswerSpec(reply_format=ReplyFormat("json_object"), choices=2)]
)
@pytest.mark.parametrize("strategy", ["attention-moa", "single", "best-of-n"])
def test_further_answers_and_repairs_are_told_in_their_place(strategy: str, wanted: AnswerSpec) -> None:
    """Behind the last layer, or beside the call that writes the first answer."""
    for seed in range(RUNS):
        story, cut = a_story(strategy, seed, wanted)
        told = events_of(story.live(cut))
        compared = partial(plain, is_limited=is_limited(story.spec))
        live = map(without_usage, in_records(story.events))
        assert sorted(map(compared, map(without_usage, told))) == sorted(map(compared, live)), seed


def test_a_run_of_several_lives_is_told_whole() -> None:
    """Every call once, with all of its attempts, in the order of their times."""
    for seed in range(RUNS // 2):
        story, _ = a_story("attention-moa", seed)
        story.live(Cut(at_s=6.0))
        record = story.live()
        told = events_of(record)
        assert [event.at_s for event in told] == sorted(event.at_s for event in told)
        started = [event for event in told if type(event).__name__ == "CallStarted"]
        assert len(started) == sum(len(call.attempts) for call in record.calls)
        of_calls = [event for event in told if type(event).__name__ in ("CallFinished", "CallLost", "CallCancelled")]
        assert len(of_calls) == len(record.calls)
        assert plain(told[-1]) == plain(story.events[-1])
