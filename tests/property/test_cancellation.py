"""Wherever a run is interrupted nothing of it is left: no task, no open stream, and every call is booked once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import aclosing, suppress
from typing import Any

import pytest

from attention_moa.config import AttentionMode, AttentionSpec, CallPolicy, EnsembleSpec
from attention_moa.errors import ServerError
from attention_moa.events import CallFinished, CallQueued, CallStarted, Event, RunFinished
from attention_moa.messages import CallRequest, Stage
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.schedule import count_calls
from tests import virtual_time
from tests.property.test_verdicts import spoken
from tests.worlds import World, a_spec, call_id, default_reply, verdict

POINTS = 200
MODES: tuple[AttentionMode, ...] = ("pairwise", "panel")


def an_ensemble(mode: AttentionMode, **policy: Any) -> EnsembleSpec:
    """Return three agents and two layers, with retries that wait and few places."""
    calls = CallPolicy(**({"attempts": 3, "retry_wait_s": 1.0, "concurrency": 2} | policy))
    return a_spec(3, layers=2, attention=AttentionSpec(mode=mode), calls=calls)


class Play:
    """Replies that take their time, come in pieces, and fail once in a while: always the same way for a seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tries: Counter[str] = Counter()

    def __call__(self, request: CallRequest) -> Said:
        name = call_id(request)
        self._tries[name] += 1
        chance = random.Random(f"{self._seed} {name} {self._tries[name]}")
        first_s, piece_s = chance.uniform(0, 2), chance.choice((0.0, 0.3))
        if chance.random() < 0.15:
            return Line(text="half", first_token_s=first_s, error=ServerError("down"))
        is_merge = request.stage is Stage.RESIDUAL
        text = default_reply(request) if is_merge else spoken(request, f"says {name}")
        return Line(text=text.splitlines(keepends=True), first_token_s=first_s, piece_s=piece_s)


async def turns(count: int) -> None:
    """Let everybody else have so many turns of the event loop."""
    for _ in range(count):
        await asyncio.sleep(0)


def require_nothing_left(record: RunRecord, provider: ScriptedProvider, events: list[Event]) -> None:
    """Check that nothing is under way, and that the record holds every call that began, once, with all its attempts."""
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert provider.open_streams == 0
    queued = [event.call_id for event in events if isinstance(event, CallQueued)]
    started = [event.call_id for event in events if isinstance(event, CallStarted)]
    assert Counter(call.call_id for call in record.calls) == Counter(queued)
    assert Counter({call.call_id: len(call.attempts) for call in record.calls if call.attempts}) == Counter(started)
    assert record.usage.calls == len(started)
    if record.state == "cancelled":
        assert [event.state for event in events if isinstance(event, RunFinished)] in (["cancelled"], [])
        assert record.text in (None, *(layer.output for layer in record.layers), *summaries(record))
    else:
        assert record.state == "finished"
        assert not any(call.state == "cancelled" for call in record.calls)


def summaries(record: RunRecord) -> list[str]:
    """Return the texts of the summaries that are there."""
    return [str(getattr(layer.summary, "text", "")) for layer in record.layers]


def whole_run_s(mode: AttentionMode) -> float:
    """Return how many virtual seconds an undisturbed run takes."""
    return World(an_ensemble(mode), provider=ScriptedProvider(Play(0))).run().wall_s


@pytest.mark.parametrize("mode", MODES)
def test_a_run_cancelled_at_any_time_leaves_nothing(mode: AttentionMode) -> None:
    """Two hundred random moments of a run, in the waits of its calls and between them."""
    chance = random.Random(mode)
    states: Counter[str] = Counter()

    async def cancelled_after(seconds: float, extra_turns: int) -> None:
        provider = ScriptedProvider(Play(0))
        world = World(an_ensemble(mode), provider=provider)
        task = asyncio.get_running_loop().create_task(world.play())
        await asyncio.sleep(seconds)
        await turns(extra_turns)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        require_nothing_left(world.record, provider, world.events)
        states[world.record.state] += 1

    longest_s = whole_run_s(mode)
    for _ in range(POINTS):
        virtual_time.run(cancelled_after(chance.uniform(0, longest_s), chance.randrange(4)))
    assert states["cancelled"] > POINTS * 0.9


@pytest.mark.parametrize("mode", MODES)
def test_a_run_cancelled_at_any_turn_of_the_loop_leaves_nothing(mode: AttentionMode) -> None:
    """Every single turn of a run whose calls never wait: each await of the engine is met, the first ones too."""

    async def cancelled_after(count: int) -> bool:
        provider = ScriptedProvider(lambda request: spoken(request, f"says {call_id(request)}"), pieces=3)
        ensemble = Ensemble(an_ensemble(mode), providers={"test": provider})
        events: list[Event] = []
        stream = ensemble.stream("Why?")

        async def watch() -> None:
            async with aclosing(stream):
                async for item in stream:
                    if not isinstance(item, RunRecord):
                        events.append(item)

        task = asyncio.get_running_loop().create_task(watch())
        await turns(count)
        is_early = not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        if count:  # else there was no iteration, and no run
            require_booked(stream.record, provider)
        return is_early

    count = 0
    while asyncio.run(cancelled_after(count)):
        count += 1
    assert count > 60


def require_booked(record: RunRecord, provider: ScriptedProvider) -> None:
    """Check that a record holds every request that a provider got, and that none is under way."""
    assert provider.open_streams == 0
    assert record.state in ("cancelled", "finished")
    names = Counter(call_id(request) for request in provider.requests)
    assert Counter({call.call_id: len(call.attempts) for call in record.calls if call.attempts}) == names
    assert all(call.state in ("finished", "lost", "cancelled") for call in record.calls)


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_closed_after_any_event_leaves_nothing(mode: AttentionMode) -> None:
    """Whoever stops watching ends the run: after every single event, deltas included."""

    async def closed_after(count: int) -> bool:
        provider = ScriptedProvider(lambda request: spoken(request, f"says {call_id(request)}"), pieces=2)
        ensemble = Ensemble(an_ensemble(mode), providers={"test": provider})
        stream = ensemble.stream("Why?", deltas=True)
        seen: list[Event | RunRecord] = []
        async with aclosing(stream):
            async for item in stream:
                seen.append(item)
                if len(seen) == count:
                    break
        await stream.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        require_booked(stream.record, provider)
        return not isinstance(seen[-1], RunRecord)

    count = 1
    while asyncio.run(closed_after(count)):
        count += 1
    assert count > count_calls(an_ensemble(mode)) * 3


def test_a_stream_that_was_never_iterated_never_ran() -> None:
    """A run begins with the first iteration: closing it before that sends nothing."""

    async def scenario() -> None:
        provider = ScriptedProvider(["no"])
        stream = Ensemble(an_ensemble("pairwise"), providers={"test": provider}).stream("Why?")
        await stream.aclose()
        assert provider.requests == []
        assert stream.record.calls == ()

    asyncio.run(scenario())


@pytest.mark.parametrize("times", [2, 3])
def test_cancelling_again_while_a_run_ends_leaves_nothing(times: int) -> None:
    """An impatient second Ctrl-C, at any turn of the loop after the first, leaks nothing either."""

    async def scenario(count: int) -> None:
        provider = ScriptedProvider(Play(0))
        world = World(an_ensemble("pairwise"), provider=provider)
        task = asyncio.get_running_loop().create_task(world.play())
        await asyncio.sleep(2.5)
        for _ in range(times):
            task.cancel()
            await turns(count)
        with suppress(asyncio.CancelledError):
            await task
        require_nothing_left(world.record, provider, world.events)

    for count in range(12):
        virtual_time.run(scenario(count))


def test_a_reply_that_is_cut_behind_its_verdict_leaves_no_stream() -> None:
    """A residual agent that says stop and writes on is not heard out, and its stream is closed at once."""

    def stops_and_goes_on(request: CallRequest) -> Said:
        line = verdict(request, is_stop=True)
        return Line(text=[f"{line}\n", *["more " * 20] * 50])

    provider = ScriptedProvider(lambda r: stops_and_goes_on(r) if r.stage is Stage.RESIDUAL else f"says {call_id(r)}")
    open_at_end: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, CallFinished) and event.stage is Stage.RESIDUAL:
            open_at_end.append(provider.open_streams)

    record = World(a_spec(3, layers=3), provider=provider, observers=[note]).run()
    assert (record.state, len(record.layers)) == ("finished", 2)
    assert record.calls[-1].finish_reason == "cut"
    assert len(record.calls[-1].text or "") < 500
    assert open_at_end == [0]
