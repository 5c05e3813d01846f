"""The hub of runs: tasks of the server's own, watched by anybody, from any event on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.errors import QuorumError, ServerError, StoreError
from attention_moa.events import AnswerDelta, Event, RunFinished, RunStarted
from attention_moa.journaling import RunWish
from attention_moa.messages import CallRequest
from attention_moa.ports import Journal, Observer
from attention_moa.providers.scripted import ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from attention_moa.server.errors import ApiError
from attention_moa.server.gate import OpenGate, Pass, Visitor
from attention_moa.server.hub import Hub
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun, Seen, watch_all
from attention_moa.store.memory import MemoryJournal
from tests.server_world import DUO, run, scripted, until
from tests.worlds import QUESTION

JOB = Job(model="duo", ensemble="duo", spec=DUO, conversation=QUESTION)
SOMEBODY = Visitor(owner="ann")


class Leave:
    """Leave to make a run that puts down what it was told."""

    def __init__(self) -> None:
        self.run_ids: list[str] = []
        self.settled: list[RunRecord | None] = []

    async def begun(self, run_id: str) -> None:
        self.run_ids.append(run_id)

    async def settle(self, record: RunRecord | None) -> None:
        self.settled.append(record)


class Gate(OpenGate):
    """A gate that says no from a number of runs on."""

    def __init__(self, most: int = 100) -> None:
        self.leaves: list[Leave] = []
        self._most = most

    async def admit(self, visitor: Visitor, job: Job, *, sample: int = 0) -> Pass:  # noqa: ARG002 - the seam's signature
        if len(self.leaves) >= self._most:
            raise ApiError(429, "no more", type="rate_limit_error")
        self.leaves.append(Leave())
        return self.leaves[-1]


class World:
    """A hub over an ensemble of scripted models."""

    def __init__(self, hub: Hub, gate: Gate, models: ScriptedProvider) -> None:
        self.hub = hub
        self.gate = gate
        self.models = models

    async def start(self, job: Job = JOB) -> LiveRun:
        """Return a run that was just begun."""
        return await self.hub.start(job, SOMEBODY)


@asynccontextmanager
async def a_hub(
    models: ScriptedProvider | None = None,
    *,
    journal: Journal | None = None,
    max_runs: int = 10,
    most: int = 100,
    observers: Sequence[Observer] = (),
) -> AsyncGenerator[World, None]:
    """Lend a hub."""
    models = models or scripted()
    gate = Gate(most)
    async with Ensemble(DUO, providers={"test": models}, journal=journal) as ensemble:

        def begin(job: Job, visitor: Visitor, sample: int) -> RunStream:
            wish = RunWish(owner=visitor.owner, sample=sample, is_fresh=job.is_fresh)
            return ensemble.stream(job.conversation, deltas=True, wish=wish)

        async with Hub(begin, gate, journal=journal, max_runs=max_runs, observers_of=lambda *_: observers) as hub:
            yield World(hub, gate, models)


def held() -> tuple[ScriptedProvider, asyncio.Event]:
    """Return models that answer only once an event is set."""
    go = asyncio.Event()

    async def wait(_: CallRequest) -> None:
        await go.wait()

    return scripted(wait=wait), go


async def seen(runs: Sequence[LiveRun], **how: Any) -> list[Seen]:
    """Return all that is seen of runs until they are over."""
    return [one async for batch in watch_all(runs, **how) for one in batch]


def in_a_hub(test: Callable[[World], Coroutine[Any, Any, None]], **world: Any) -> None:
    """Run a test in a hub."""

    async def within() -> None:
        async with a_hub(**world) as lent:
            await test(lent)

    run(within)


def test_a_run_goes_on_whether_or_not_anybody_watches() -> None:
    """Its record is there in the end, settled and known to the gate by its id."""

    async def test(world: World) -> None:
        live = await world.start()
        record = await live.result()
        assert record.text == "says 1.summary.a"
        assert live.is_over
        (leave,) = world.gate.leaves
        assert leave.settled == [record]
        await until(lambda: leave.run_ids == [record.run_id])
        assert world.hub.running == ()
        assert world.hub.get(record.run_id) is live

    in_a_hub(test)


def test_what_a_run_took_is_settled_before_anybody_hears_that_it_is_over() -> None:
    """The next request of a client that waited for it is not counted beside it."""

    async def test(world: World) -> None:
        live = await world.start()
        await live.over()
        assert len(world.gate.leaves[0].settled) == 1

    in_a_hub(test)


def test_watchers_see_all_events_whenever_they_come() -> None:
    """At once, late, from a number on: each event has one number, from 1."""

    async def test(world: World) -> None:
        live = await world.start()
        at_once = await seen([live])
        late = await seen([live])
        assert late == at_once
        assert [one.id for one in late] == list(range(1, len(late) + 1))
        assert isinstance(late[0].event, RunStarted)
        assert isinstance(late[-1].event, RunFinished)
        assert await seen([live], after=3) == late[3:]
        assert await seen([live], after=len(late)) == []

    in_a_hub(test)


def test_pieces_of_the_answer_are_passed_on_to_who_wants_them() -> None:
    """They are kept for nobody."""

    async def test(world: World) -> None:
        live = await world.start()
        wants, plain = watch_all([live], deltas=True), watch_all([live])
        pieces = [one async for batch in wants for one in batch if isinstance(one.event, AnswerDelta)]
        assert "".join(piece.event.text for piece in pieces if isinstance(piece.event, AnswerDelta)) == "the very end"
        assert all(isinstance(one.event, AnswerDelta) is False for one in [o async for batch in plain for o in batch])
        assert not any(isinstance(event, AnswerDelta) for event in live.events)

    in_a_hub(test, models=scripted({"summary": "the very end"}, pieces=3))


def test_several_runs_are_watched_at_once() -> None:
    """Until all of them are over."""

    async def test(world: World) -> None:
        runs = await world.hub.start_all(replace(JOB, runs=2), SOMEBODY)
        found = await seen(runs)
        ends = [one.live for one in found if isinstance(one.event, RunFinished)]
        assert set(map(id, ends)) == set(map(id, runs))
        assert len({live.run_id for live in runs}) == 2

    in_a_hub(test)


def test_a_watcher_hears_that_nothing_happens() -> None:
    """So that a connection can be kept alive."""

    async def test() -> None:
        models, go = held()
        async with a_hub(models) as world:
            live = await world.start()
            batches = live.watch(tick_s=0.01)
            while await anext(batches):
                pass
            go.set()
            assert [one async for batch in batches for one in batch]
            assert live.is_over

    run(test)


def test_a_cancelled_run_ends_with_all_of_its_calls() -> None:
    """Who waits for it is told, who watches it sees its end; twice is once."""

    async def test() -> None:
        models, _ = held()
        async with a_hub(models) as world:
            live = await world.start()
            await until(lambda: models.open_streams > 0)
            watching = live.watch()
            live.cancel()
            live.cancel()
            with pytest.raises(ApiError, match="cancelled") as told:
                await live.result()
            assert (told.value.status, told.value.run_id) == (409, live.run_id)
            assert models.open_streams == 0
            last = [one async for batch in watching for one in batch][-1].event
            assert isinstance(last, RunFinished)
            assert last.state == "cancelled"
            assert live.record.state == "cancelled"

    run(test)


def test_a_run_that_is_cancelled_before_it_begins_ends_too() -> None:
    """Its place is given back."""

    async def test(world: World) -> None:
        live = await world.start()
        live.cancel()
        with pytest.raises(ApiError):
            await live.result()
        assert len(world.gate.leaves[0].settled) == 1
        assert world.models.requests == []

    in_a_hub(test)


def test_a_run_without_an_answer_is_an_error_for_who_waits() -> None:
    """And only its own."""

    async def test(world: World) -> None:
        live = await world.start()
        other = await world.start()
        for one in (live, other):
            with pytest.raises(QuorumError):
                await one.result()
        assert live.record.state == "failed"

    in_a_hub(test, models=scripted({"answer": ServerError("down", retryable=False)}))


def test_a_bug_in_a_run_ends_that_run_alone() -> None:
    """The log has it."""

    class Broken(MemoryJournal):
        async def secret(self) -> bytes:
            raise ZeroDivisionError

    async def test(world: World) -> None:
        live = await world.start()
        with pytest.raises(ZeroDivisionError):
            await live.result()
        last = live.events[-1]
        assert isinstance(last, RunFinished)
        assert last.state == "failed"

    in_a_hub(test, journal=Broken())


def test_there_is_room_for_so_many_runs() -> None:
    """Several of one request begin together or not at all."""

    async def test() -> None:
        models, go = held()
        async with a_hub(models, max_runs=2) as world:
            await world.start()
            with pytest.raises(ApiError) as full:
                await world.hub.start_all(replace(JOB, runs=2), SOMEBODY)
            assert (full.value.status, full.value.code) == (503, "overloaded")
            assert len(world.hub.running) == 1
            go.set()

    run(test)


def test_runs_that_the_gate_refuses_do_not_begin() -> None:
    """What was held for those of the same request is given back."""

    async def test(world: World) -> None:
        with pytest.raises(ApiError, match="no more"):
            await world.hub.start_all(replace(JOB, runs=3), SOMEBODY)
        assert [leave.settled for leave in world.gate.leaves] == [[None], [None]]
        assert world.hub.running == ()

    in_a_hub(test, most=2)


def test_draining_lets_runs_finish_and_begins_none() -> None:
    """Who comes is told to try again."""

    async def test() -> None:
        models, go = held()
        async with a_hub(models) as world:
            live = await world.start()
            async with asyncio.TaskGroup() as group:
                draining = group.create_task(world.hub.drain(30))
                await until(lambda: world.hub.is_draining)
                with pytest.raises(ApiError) as refused:
                    await world.start()
                assert (refused.value.status, refused.value.code) == (503, "draining")
                assert not draining.done()
                go.set()
            assert (await live.result()).state == "finished"

    run(test)


def test_runs_that_take_too_long_to_drain_are_ended() -> None:
    """Who waits for them may try again elsewhere."""

    async def test() -> None:
        models, _ = held()
        async with a_hub(models) as world:
            live = await world.start()
            await world.hub.drain(0.01)
            assert live.is_over
            with pytest.raises(ApiError) as ended:
                await live.result()
            assert ended.value.code == "draining"

    run(test)


def test_leaving_the_hub_ends_its_runs() -> None:
    """Nothing of them is left."""

    async def test() -> None:
        models, _ = held()
        async with a_hub(models) as world:
            live = await world.start()
            await until(lambda: models.open_streams > 0)
        assert live.is_over
        assert models.open_streams == 0

    run(test)


def test_an_error_in_the_hubs_context_is_its_own() -> None:
    """It comes out bare."""

    async def test() -> None:
        with pytest.raises(KeyError):
            async with a_hub():
                raise KeyError

    run(test)


def test_events_are_kept_in_the_journal() -> None:
    """Under their numbers, once the run is over."""

    async def test() -> None:
        journal = MemoryJournal()
        async with a_hub(journal=journal) as world:
            live = await world.start()
            await live.result()
            assert await journal.events(live.run_id) == list(enumerate(live.events, 1))

    run(test)


def test_a_run_that_goes_on_tells_of_its_earlier_life_first() -> None:
    """Its events are numbered through both, and observers hear of each once."""

    async def test() -> None:
        journal = MemoryJournal()
        models, go = held()
        heard: list[Event] = []
        async with a_hub(models, journal=journal, observers=[heard.append]) as world:
            first = await world.start()
            await until(lambda: models.open_streams > 0)
            first.cancel()
            await first.over()
            go.set()
            second = await world.start()
            found = await seen([second])
            assert second.run_id == first.run_id
            assert [one.event for one in found][: len(first.events)] == first.events
            assert await journal.events(second.run_id) == [(one.id, one.event) for one in found]
            assert heard == second.events

    run(test)


def test_a_journal_that_cannot_keep_events_ends_no_run() -> None:
    """The log says so."""

    class Full(MemoryJournal):
        async def keep_events(self, run_id: str, events: Sequence[tuple[int, Event]]) -> None:  # noqa: ARG002 - a port's
            raise StoreError("the disk is full")

    async def test(world: World) -> None:
        live = await world.start()
        assert (await live.result()).text == "says 1.summary.a"

    in_a_hub(test, journal=Full())


def test_an_observer_that_breaks_is_told_no_more() -> None:
    """The run goes on, and the others hear of it."""

    async def test() -> None:
        heard: list[Event] = []
        told: list[Event] = []

        def breaks(event: Event) -> None:
            told.append(event)
            raise ValueError

        async with a_hub(observers=[breaks, heard.append]) as world:
            live = await world.start()
            await live.result()
        assert len(told) == 1
        assert heard == live.events

    run(test)


def test_a_watcher_that_leaves_is_told_no_more() -> None:
    """Nothing of it is left with the run."""

    async def test() -> None:
        models, go = held()
        async with a_hub(models) as world:
            live = await world.start()
            batches = live.watch()
            await anext(batches)
            assert live.watchers == 1
            await batches.aclose()
            assert live.watchers == 0
            go.set()
            await live.over()

    run(test)


def test_whether_a_run_has_begun_is_waited_for_no_longer_than_wanted() -> None:
    """Its id is sure once it has."""

    async def test() -> None:
        go = asyncio.Event()

        class Slow(MemoryJournal):
            async def secret(self) -> bytes:
                await go.wait()
                return await super().secret()

        async with a_hub(journal=Slow()) as world:
            live = await world.start()
            assert not await live.begun(within_s=0.01)
            go.set()
            assert await live.begun()
            await live.over()

    run(test)


def test_what_a_journal_has_whole_is_not_held_by_the_hub_too() -> None:
    """Its prompts may take megabytes; record and events are in the journal."""
    journal = MemoryJournal()

    async def test(world: World) -> None:
        live = await world.start()
        record = await live.result()
        await until(lambda: not world.hub.running)
        assert world.hub.get(record.run_id) is None
        assert world.hub.known == ()
        assert (await journal.record(record.run_id)).text == record.text
        assert [number for number, _ in await journal.events(record.run_id)] == list(range(1, len(live.events) + 1))

    in_a_hub(test, journal=journal)


def test_runs_that_ended_long_ago_are_forgotten() -> None:
    """The journal has them."""

    async def test(world: World) -> None:
        runs = [await world.start() for _ in range(65)]
        for live in runs:
            await live.over()
        assert [live for live in runs if world.hub.get(live.run_id) is None] == [runs[0]]

    in_a_hub(test, max_runs=100)
