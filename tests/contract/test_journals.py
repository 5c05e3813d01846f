"""What every journal must do, whatever keeps it: one suite for memory, a file, and a real PostgreSQL server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from attention_moa.answer_spec import AnswerSpec
from attention_moa.errors import RunBusyError, RunNotFoundError, StoreError
from attention_moa.events import Event, VerdictReached
from attention_moa.experience import NEWEST_CALLS
from attention_moa.messages import ImagePart, Stage, TextPart, ToolSpec, ToolUse, Usage, user
from attention_moa.ports import Journal
from attention_moa.records import Attempt, RunState, Verdict
from attention_moa.store import open_journal
from attention_moa.store.memory import MemoryJournal
from tests import asking
from tests.journals import QUESTION, SPEC, a_call, a_head, a_record
from tests.worlds import a_spec

KEY = "f" * 64


class World:
    """One place where a journal is kept, and as many journals on it as a test opens."""

    def __init__(self, make: Callable[[], Journal]) -> None:
        self._make = make
        self._opened: list[Journal] = []

    def open(self) -> Journal:
        """Return another journal on the same place, as another process would have it."""
        self._opened.append(self._make())
        return self._opened[-1]

    async def crash(self) -> Journal:
        """Let go of everything without a word to any run; return a journal that comes later."""
        await self.aclose()
        return self.open()

    async def aclose(self) -> None:
        """Close all journals."""
        while self._opened:
            await self._opened.pop().aclose()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Journal]:
    """Return what makes journals on one new place."""
    if request.param == "memory":
        journal = MemoryJournal()
        return lambda: journal
    if request.param == "sqlite":
        return lambda: open_journal(tmp_path / "journal.db", busy_timeout_s=5)
    url: str = request.getfixturevalue("database")
    return lambda: open_journal(url)


@asynccontextmanager
async def world_of(place: Callable[[], Journal]) -> AsyncIterator[World]:
    """Lend a world; close its journals."""
    world = World(place)
    try:
        yield world
    finally:
        await world.aclose()


@pytest.fixture
def run(place: Callable[[], Journal]) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    """Return what plays a scenario in a new world."""

    def play(scenario: Callable[[World], Awaitable[None]]) -> None:
        async def played() -> None:
            async with world_of(place) as world:
                await scenario(world)

        asking.run(played)

    return play


Play = Callable[[Callable[[World], Awaitable[None]]], None]


def verdict_event(reason: str) -> Event:
    """Return an event with a text in it."""
    verdict = Verdict(layer=1, is_stop=False, rule="none", reason=reason)
    return VerdictReached(run_id="run-1", at_s=1.0, verdict=verdict)


def told(*numbers: int) -> list[tuple[int, Event]]:
    """Return an event for each number, that tells it."""
    return [(number, verdict_event(f"{number}")) for number in numbers]


def test_the_secret_is_drawn_once(run: Play) -> None:
    """It is 32 bytes, and later processes have the same."""

    async def scenario(world: World) -> None:
        secret = await world.open().secret()
        assert len(secret) == 32
        assert await (await world.crash()).secret() == secret

    run(scenario)


def test_a_new_run_has_nothing(run: Play) -> None:
    """No call, no decision, no time."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        assert place.head == a_head()
        assert place.elapsed_s == 0
        assert place.decision("late") is None
        assert await place.find(KEY, call_id="1.answer.a") is None

    run(scenario)


def test_a_run_is_begun_once(run: Play) -> None:
    """A second run of that id is refused, the first one left as it is."""

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        await place.release()
        with pytest.raises(StoreError, match="there is a run run-1 already"):
            await journal.begin(a_head(minute=5))
        assert [row.created_at for row in await journal.rows()] == [a_head().created_at]

    run(scenario)


def test_a_call_that_was_put_is_found(run: Play) -> None:
    """At once, and after the process died; every field of it."""
    call = a_call(
        thinking="Hm.", notes=("a note",), messages=(*QUESTION, user("And \0 \N{FULLWIDTH LATIN SMALL LETTER A}?"))
    )

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.put(KEY, call)
        assert await place.find(KEY, call_id=call.call_id) == call
        assert place.elapsed_s == call.ended_s
        later = await (await world.crash()).resume("run-1")
        assert await later.find(KEY, call_id=call.call_id) == call
        assert await later.find(KEY, call_id=call.call_id) == call
        assert later.elapsed_s == call.ended_s

    run(scenario)


def test_a_big_call_is_found(run: Play) -> None:
    """An image and a long text come back as they were."""
    image = ImagePart(media_type="image/png", data=bytes(range(256)) * 4_000)
    call = a_call(messages=(user("x" * 300_000), QUESTION[0].__class__("user", (image, TextPart("Look.")))))

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.put(KEY, call)
        later = await (await world.crash()).resume("run-1")
        assert await later.find(KEY, call_id=call.call_id) == call

    run(scenario)


def test_two_calls_of_a_run_never_share_a_reply(run: Play) -> None:
    """Under an equal key, a call of another name is not found, with reuse or without."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head(), has_reuse=True)
        await place.put(KEY, a_call("1.answer.a"))
        assert await place.find(KEY, call_id="1.answer.b") is None
        await place.put(KEY, a_call("1.answer.b", reply="Other."))
        found = [await place.find(KEY, call_id=name) for name in ("1.answer.a", "1.answer.b")]
        assert [call and call.text for call in found] == ["It scatters.", "Other."]

    run(scenario)


def test_a_finished_call_stays_as_it_is(run: Play) -> None:
    """Putting it once more, changed or lost, does nothing."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.put(KEY, a_call())
        await place.put(KEY, a_call(reply="Another."))
        await place.put(KEY, a_call(state="lost"))
        assert await place.find(KEY, call_id="1.answer.a") == a_call()
        later = await (await world.crash()).resume("run-1")
        assert await later.find(KEY, call_id="1.answer.a") == a_call()

    run(scenario)


def test_a_lost_call_is_written_over(run: Play) -> None:
    """By one that finished."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.put(KEY, a_call(state="lost"))
        assert await place.find(KEY, call_id="1.answer.a") == a_call(state="lost")
        await place.put(KEY, a_call())
        assert await place.find(KEY, call_id="1.answer.a") == a_call()
        later = await (await world.crash()).resume("run-1")
        assert await later.find(KEY, call_id="1.answer.a") == a_call()

    run(scenario)


def test_a_lost_call_of_a_killed_run_stays_lost(run: Play) -> None:
    """The run goes on as it would have without the kill."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.put(KEY, a_call(state="lost"))
        later = await (await world.crash()).resume("run-1")
        assert await later.find(KEY, call_id="1.answer.a") == a_call(state="lost")

    run(scenario)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_lost_call_of_a_run_that_ended_badly_is_tried_again(run: Play, state: RunState) -> None:
    """It is not found, and after a kill still not; its finished calls are."""

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        await place.put(KEY, a_call(state="lost"))
        await place.put(KEY, a_call("1.answer.b"))
        await place.end(a_record(a_head(), state=state))
        await place.release()
        again = await journal.resume("run-1")
        assert await again.find(KEY, call_id="1.answer.a") is None
        assert await again.find(KEY, call_id="1.answer.b") is not None
        third = await (await world.crash()).resume("run-1")
        assert await third.find(KEY, call_id="1.answer.a") is None
        await third.put(KEY, a_call(state="lost"))
        fourth = await (await world.crash()).resume("run-1")
        assert await fourth.find(KEY, call_id="1.answer.a") == a_call(state="lost")

    run(scenario)


def test_decisions_are_kept(run: Play) -> None:
    """The first one under a key holds, as JSON gives it back."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.decide("late", ["a", "b"])
        await place.decide("late", ["c"])
        await place.decide("budget", {"left": 1.5, "names": ("x",), "none": None})
        later = await (await world.crash()).resume("run-1")
        for run_ in (place, later):
            assert run_.decision("late") == ["a", "b"]
            assert run_.decision("budget") == {"left": 1.5, "names": ["x"], "none": None}

    run(scenario)


def test_calls_of_other_runs_are_found_with_reuse_alone(run: Play) -> None:
    """They say whose they are; a lost one is not found."""

    async def scenario(world: World) -> None:
        journal = world.open()
        first = await journal.begin(a_head())
        await first.put(KEY, a_call())
        await first.put("other", a_call(state="lost"))
        bare = await journal.begin(a_head("run-2", minute=1))
        assert await bare.find(KEY, call_id="1.answer.a") is None
        eager = await journal.begin(a_head("run-3", minute=2), has_reuse=True)
        assert await eager.find(KEY, call_id="1.answer.a") == a_call(replayed_from="run-1")
        assert await eager.find("other", call_id="1.answer.a") is None
        assert await eager.find("unknown", call_id="1.answer.a") is None

    run(scenario)


def test_reuse_takes_the_same_name_first_then_the_newest(run: Play) -> None:
    """So an agent gets its own sample back where there is one."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for number, name in enumerate(["1.answer.a", "1.answer.b", "1.answer.c"]):
            place = await journal.begin(a_head(f"run-{number}", minute=number))
            await place.put(KEY, a_call(name, reply=name))
        last = await journal.begin(a_head("last", minute=9), has_reuse=True)
        found = [await last.find(KEY, call_id=name) for name in ("1.answer.a", "1.answer.x")]
        assert [call and (call.text, call.replayed_from) for call in found] == [
            ("1.answer.a", "run-0"),
            ("1.answer.c", "run-2"),
        ]

    run(scenario)


def test_own_calls_come_before_those_of_others(run: Play) -> None:
    """Also where another run's is newer."""

    async def scenario(world: World) -> None:
        journal = world.open()
        own = await journal.begin(a_head(), has_reuse=True)
        await own.put(KEY, a_call())
        other = await journal.begin(a_head("run-2", minute=1))
        await other.put(KEY, a_call(reply="Newer."))
        assert await own.find(KEY, call_id="1.answer.a") == a_call()

    run(scenario)


def test_a_run_is_held_by_one(run: Play) -> None:
    """Within the process too, until it is released."""

    async def scenario(world: World) -> None:
        one, other = world.open(), world.open()
        place = await one.begin(a_head())
        for journal in (one, other):
            with pytest.raises(RunBusyError, match="process") as caught:
                await journal.resume("run-1")
            assert caught.value.run_id == "run-1"
            with pytest.raises(RunBusyError):
                await journal.delete("run-1")
        await place.release()
        await place.release()
        again = await other.resume("run-1")
        with pytest.raises(RunBusyError):
            await one.resume("run-1")
        await again.release()

    run(scenario)


def test_of_many_that_resume_a_run_one_gets_it(run: Play) -> None:
    """All at the same time."""

    async def scenario(world: World) -> None:
        journal = world.open()
        await (await journal.begin(a_head())).release()
        others = [world.open() for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_resumes(other, "run-1")) for other in others for _ in range(2)]
        assert sorted(task.result() for task in tasks) == [False] * 7 + [True]

    run(scenario)


async def _resumes(journal: Journal, run_id: str) -> bool:
    try:
        await journal.resume(run_id)
    except RunBusyError:
        return False
    return True


def test_the_newest_unfinished_run_of_a_request_is_named(run: Play) -> None:
    """Not one that is held, has finished, or was asked something else."""

    async def scenario(world: World) -> None:
        journal = world.open()
        states: tuple[RunState, ...] = ("cancelled", "failed", "finished")
        for minute, state in enumerate(states):
            place = await journal.begin(a_head(state, minute=minute))
            await place.end(a_record(a_head(state, minute=minute), state=state))
            await place.release()
        held = await journal.begin(a_head("held", minute=5))
        await (await journal.begin(a_head("else", minute=6, request_key="other"))).release()
        assert await journal.unfinished("request") == "failed"
        assert await world.open().unfinished("request") == "failed"
        await held.release()
        assert await journal.unfinished("request") == "held"
        assert await journal.unfinished("nothing") is None

    run(scenario)


def test_who_is_at_a_run_is_told(run: Play) -> None:
    """Nobody is, once it was let go."""

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        assert await journal.holder("run-1")
        await place.release()
        assert await journal.holder("run-1") is None
        with pytest.raises(RunNotFoundError):
            await journal.holder("nowhere")

    run(scenario)


def test_interrupted_runs_serve_their_owner_alone(run: Play) -> None:
    """The command line is an owner like any other, and everybody's newest run is his own."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for minute, owner in enumerate(["", "alice", "bob"]):
            await (await journal.begin(a_head(f"of {owner}", minute=minute, owner=owner))).release()
        found = [await journal.unfinished("request", owner=owner) for owner in ("", "alice", "bob", "carol")]
        assert found == ["of ", "of alice", "of bob", None]
        assert await journal.unfinished("request") == "of "

    run(scenario)


def test_replies_serve_their_owner_alone(run: Play) -> None:
    """Also where another owner's is newer, and has the same name."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for minute, owner in enumerate(["alice", "bob"]):
            place = await journal.begin(a_head(owner, minute=minute, owner=owner))
            await place.put(KEY, a_call(reply=f"To {owner}."))
        for minute, (owner, reply) in enumerate({"alice": "To alice.", "bob": "To bob.", "": None}.items(), start=5):
            eager = await journal.begin(a_head(f"{owner} again", minute=minute, owner=owner), has_reuse=True)
            found = await eager.find(KEY, call_id="1.answer.a")
            assert (found and found.text) == reply

    run(scenario)


def test_what_a_run_is_comes_back_whole(run: Play) -> None:
    """Whose it is, its labels and what answer was wanted: to whoever holds it, to anybody, and in its record so far."""
    tool = ToolSpec("search", "Finds \N{SNOWMAN}", {"type": "object"})
    wanted = AnswerSpec(tools=ToolUse((tool,), choice="required"), stop=("END",), choices=2)
    head = a_head(owner="alice", labels={"team": "blue", "é": "\0"}, wanted=wanted, salt="a line")

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(head)
        assert place.head == await journal.head("run-1") == head
        later = await world.crash()
        assert await later.head("run-1") == head
        assert (await later.resume("run-1")).head == head
        record = await later.record("run-1")
        assert (record.owner, record.labels, record.wanted) == ("alice", head.labels, wanted)
        assert [(row.owner, row.labels) for row in await later.rows()] == [("alice", head.labels)]

    run(scenario)


def test_events_come_back_by_their_numbers(run: Play) -> None:
    """All of them, or those after one; numbers may have gaps, and later processes go on after them."""

    async def scenario(world: World) -> None:
        journal = world.open()
        await journal.begin(a_head())
        assert await journal.events("run-1") == []
        await journal.keep_events("run-1", [])
        await journal.keep_events("run-1", told(1, 2))
        await journal.keep_events("run-1", told(5))
        later = await world.crash()
        await later.keep_events("run-1", told(6, 9))
        assert await later.events("run-1") == told(1, 2, 5, 6, 9)
        assert await later.events("run-1", after=1) == told(2, 5, 6, 9)
        assert await later.events("run-1", 5) == told(6, 9)
        assert await later.events("run-1", after=9) == []

    run(scenario)


def test_an_event_that_is_kept_stays(run: Play) -> None:
    """Whatever is kept under its number later; what is new beside it is kept."""

    async def scenario(world: World) -> None:
        journal = world.open()
        await journal.begin(a_head())
        await journal.keep_events("run-1", told(1, 2))
        await journal.keep_events("run-1", [(2, verdict_event("another")), *told(3)])
        await journal.keep_events("run-1", [(3, verdict_event("another"))])
        assert await journal.events("run-1") == told(1, 2, 3)

    run(scenario)


@pytest.mark.parametrize("numbers", [(0,), (-1, 1), (2, 2), (2, 1)])
def test_events_in_no_order_are_refused(run: Play, numbers: tuple[int, ...]) -> None:
    """None of them is kept."""

    async def scenario(world: World) -> None:
        journal = world.open()
        await journal.begin(a_head())
        with pytest.raises(StoreError, match="in the order of their numbers"):
            await journal.keep_events("run-1", told(*numbers))
        assert await journal.events("run-1") == []

    run(scenario)


def test_many_runs_keep_their_events_at_once(run: Play) -> None:
    """One that is not there is told so, and spoils nothing of the others."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for number in range(10):
            await journal.begin(a_head(f"run-{number}"))
        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(journal.keep_events(f"run-{number}", told(1, number + 2)))
            missing = group.create_task(_keeps_nothing(journal))
        assert missing.result()
        assert [await journal.events(f"run-{number}") for number in range(10)] == [told(1, n + 2) for n in range(10)]

    run(scenario)


async def _keeps_nothing(journal: Journal) -> bool:
    try:
        await journal.keep_events("nothing", told(1))
    except RunNotFoundError:
        return True
    return False


def test_all_runs_of_an_owner_can_be_deleted(run: Play) -> None:
    """But for those that somebody is at; others keep theirs."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for minute, (name, owner) in enumerate({"one": "alice", "two": "alice", "busy": "alice", "his": "bob"}.items()):
            place = await journal.begin(a_head(name, minute=minute, owner=owner))
            await place.put(KEY, a_call())
            await journal.keep_events(name, told(1))
            if name != "busy":
                await place.release()
        assert await journal.delete_all("alice") == 2
        assert [row.run_id for row in await journal.rows()] == ["his", "busy"]
        assert await journal.delete_all("alice") == 0
        assert await journal.events("his") == told(1)

    run(scenario)


def test_a_finished_record_comes_back_equal(run: Play) -> None:
    """With calls that were cancelled, borrowed or found again; in their order."""
    calls = (
        a_call("1.answer.a"),
        a_call("1.answer.b", state="cancelled"),
        a_call("1.answer.c", replayed_from="run-0"),
        a_call("1.answer.d", state="lost"),
    )

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        await place.put(str(calls[0].fingerprint), calls[0])
        later_journal = await world.crash()
        later = await later_journal.resume("run-1")
        found = await later.find(str(calls[0].fingerprint), call_id="1.answer.a")
        assert found is not None
        await later.put(str(calls[3].fingerprint), calls[3])
        record = a_record(a_head(), found, *calls[1:])
        await later.end(record)
        assert await later_journal.record("run-1") == record
        assert await (await world.crash()).record("run-1") == record

    run(scenario)


def test_a_run_without_an_end_shows_what_it_has(run: Play) -> None:
    """Its calls in the order in which they ended, as of a run that is still going on."""
    calls = [a_call(f"1.answer.{name}", ended_s=ended_s) for name, ended_s in (("a", 3.0), ("b", 1.0), ("c", 2.0))]

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        for call in calls:
            await place.put(str(call.fingerprint), call)
        record = await (await world.crash()).record("run-1")
        assert record.state == "running"
        assert record.calls == (calls[1], calls[2], calls[0])
        assert (record.wall_s, record.usage.calls, record.conversation) == (3.0, 3, QUESTION)

    run(scenario)


def test_a_run_that_is_taken_up_again_is_running(run: Play) -> None:
    """Its record is what it has; one that had finished stays finished."""

    async def scenario(world: World) -> None:
        journal = world.open()
        states: tuple[RunState, ...] = ("failed", "finished")
        for state in states:
            head = a_head(state)
            place = await journal.begin(head)
            await place.put(KEY, a_call())
            await place.end(a_record(head, a_call(), state=state, error=None if state == "finished" else "why"))
            await place.release()
            await journal.resume(state)
        assert (await journal.record("failed")).state == "running"
        assert (await journal.record("failed")).calls == (a_call(),)
        assert (await journal.record("finished")).text == "It scatters."

    run(scenario)


def test_runs_are_listed_the_newest_first(run: Play) -> None:
    """So many, and from one on; equal times are told apart."""

    async def scenario(world: World) -> None:
        journal = world.open()
        assert await journal.rows() == []
        for number in range(5):
            await journal.begin(a_head(f"run-{number}", minute=number // 2))
        names = [row.run_id for row in await journal.rows()]
        assert names == ["run-4", "run-3", "run-2", "run-1", "run-0"]
        assert [row.run_id for row in await journal.rows(limit=2)] == names[:2]
        assert [row.run_id for row in await journal.rows(limit=2, before="run-3")] == names[2:4]
        with pytest.raises(RunNotFoundError):
            await journal.rows(before="nothing")

    run(scenario)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"owner": "alice"}, ["run-5", "run-3", "run-1"]),
        ({"owner": ""}, ["run-4", "run-2", "run-0"]),
        ({"owner": "carol"}, []),
        ({"state": "finished"}, ["run-2", "run-1", "run-0"]),
        ({"state": "running", "owner": "alice"}, ["run-5", "run-3"]),
        ({"ensemble": "odd"}, ["run-5", "run-4", "run-3"]),
        ({"ensemble": "odd", "limit": 2}, ["run-5", "run-4"]),
        ({"ensemble": "odd", "owner": "alice", "state": "running", "before": "run-5"}, ["run-3"]),
        ({"ensemble": "no such one"}, []),
    ],
)
def test_runs_are_listed_by_owner_state_and_ensemble(run: Play, asked: dict[str, Any], found: list[str]) -> None:
    """By any of them, or all together."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for number in range(6):
            spec = SPEC if number < 3 else a_spec(2, name="odd")
            head = a_head(f"run-{number}", minute=number, owner="alice" if number % 2 else "", ensemble=spec)
            place = await journal.begin(head)
            if number < 3:
                await place.end(a_record(head))
            await place.release()
        assert [row.run_id for row in await journal.rows(**asked)] == found

    run(scenario)


def test_another_owner_s_run_is_no_place_to_list_from(run: Play) -> None:
    """As if it were not there."""

    async def scenario(world: World) -> None:
        journal = world.open()
        await journal.begin(a_head(owner="alice"))
        with pytest.raises(RunNotFoundError):
            await journal.rows(before="run-1", owner="bob")
        assert await journal.rows(before="run-1", owner="alice") == []

    run(scenario)


def test_a_line_says_what_a_run_is(run: Play) -> None:
    """While it goes on, and when it has ended."""
    head = a_head(conversation=(user("y" * 300), user("q\0" + "x" * 300)))

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(head)
        await place.put(KEY, a_call())
        (line,) = await journal.rows()
        assert (line.question, line.ensemble) == ("q" + "x" * 198, head.ensemble.name)
        assert (line.state, line.is_held, line.calls) == ("running", True, 1)
        assert (line.usage, line.wall_s, line.text) == (None, None, None)
        record = a_record(head, a_call(), text="t" * 300)
        await place.end(record)
        await place.release()
        (line,) = await world.open().rows()
        assert (line.state, line.is_held, line.text) == ("finished", False, "t" * 200)
        assert (line.usage, line.wall_s) == (record.usage, 2.0)

    run(scenario)


def test_a_deleted_run_is_gone(run: Play) -> None:
    """With its calls, decisions and events; others stay."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for name in ("run-1", "run-2"):
            place = await journal.begin(a_head(name))
            await place.put(KEY, a_call())
            await place.decide("late", [])
            await journal.keep_events(name, told(1))
            await place.release()
        await journal.delete("run-1")
        assert [row.run_id for row in await journal.rows()] == ["run-2"]
        with pytest.raises(RunNotFoundError):
            await journal.record("run-1")
        with pytest.raises(RunNotFoundError):
            await journal.events("run-1")
        place = await journal.begin(a_head("run-1"))
        assert place.decision("late") is None
        assert await place.find(KEY, call_id="1.answer.a") is None
        assert await journal.events("run-1") == []
        assert await journal.events("run-2") == told(1)

    run(scenario)


def test_an_unknown_run_is_named(run: Play) -> None:
    """Whatever is asked of it."""

    async def scenario(world: World) -> None:
        journal = world.open()
        for ask in (journal.resume, journal.head, journal.record, journal.events, journal.delete):
            with pytest.raises(RunNotFoundError, match="no run 'nothing'") as caught:
                await ask("nothing")
            assert caught.value.run_id == "nothing"

    run(scenario)


def test_a_cancelled_caller_s_call_is_kept(run: Play) -> None:
    """Cancelled at any moment, and more than once; the caller is cancelled all the same."""
    calls = [a_call(f"1.answer.{number}") for number in range(20)]

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        puts = [asyncio.create_task(place.put(KEY, call)) for call in calls]  # noqa: TID251 - cancelled by hand
        await asyncio.sleep(0)
        for number, put in enumerate(puts):
            await asyncio.sleep(0.002 if number % 3 == 2 else 0)
            put.cancel()
        for put in puts:
            await asyncio.sleep(0)
            put.cancel()
        await asyncio.wait(puts)
        later = await (await world.crash()).resume("run-1")
        for call in calls:
            assert await later.find(KEY, call_id=call.call_id) == call

    run(scenario)


def test_many_calls_at_once_are_all_kept(run: Play) -> None:
    """Of two runs, in one process."""

    async def scenario(world: World) -> None:
        journal = world.open()
        places = [await journal.begin(a_head(name)) for name in ("run-1", "run-2")]
        async with asyncio.TaskGroup() as group:
            for number in range(100):
                for place in places:
                    group.create_task(place.put(KEY, a_call(f"1.answer.{number}")))
        assert [row.calls for row in await (await world.crash()).rows()] == [100, 100]

    run(scenario)


def test_a_value_that_json_cannot_say_is_refused(run: Play) -> None:
    """The journal goes on."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        with pytest.raises(StoreError, match="cannot be stored"):
            await place.decide("odd", object())
        assert place.decision("odd") is None
        await place.put(KEY, a_call())

    run(scenario)


def test_the_journal_knows_the_models_of_its_finished_calls(run: Play) -> None:
    """Whoever made them, in any run, and later processes too; lost calls and other models teach nothing."""

    async def scenario(world: World) -> None:
        journal = world.open()
        assert await journal.experience(["test:a"]) == {}
        place = await journal.begin(a_head())
        await place.put("1", a_call(agent="a"))
        await place.put("2", a_call("1.answer.b", agent="b", reply="word " * 30))
        await place.put("3", a_call("1.answer.c", state="lost"))
        await place.put("4", a_call("1.critique.a", stage=Stage.CRITIQUE, model="test:other"))
        await (await journal.begin(a_head("run-2"))).put("5", a_call("1.summary.a", stage=Stage.SUMMARY))
        for asked in (journal, world.open()):
            known = await asked.experience(["test:a", "test:unknown"])
            assert list(known) == ["test:a"]
            assert (known["test:a"].calls, sorted(known["test:a"].kinds)) == (3, ["answer", "summary"])
            assert known["test:a"].kinds["answer"].written_tokens == 5
            assert known["test:a"].kinds["answer"].text_tokens > known["test:a"].kinds["summary"].text_tokens

    run(scenario)


def test_a_lost_call_that_finishes_later_is_learned_from(run: Play) -> None:
    """Once."""

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        await place.put("1", a_call(state="lost"))
        assert await journal.experience(["test:a"]) == {}
        await place.put("1", a_call())
        assert (await journal.experience(["test:a"]))["test:a"].calls == 1

    run(scenario)


def test_only_the_newest_calls_are_learned_from(run: Play) -> None:
    """What a model did long ago may be true no more."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        for number in range(NEWEST_CALLS + 3):
            written = Usage(input_tokens=10, output_tokens=1000 if number < 3 else 7)
            attempt = Attempt(started_s=0.0, ended_s=1.0, usage=written)
            await place.put(str(number), a_call(f"1.answer.{number}", attempts=(attempt,)))
        known = (await world.open().experience(["test:a"]))["test:a"]
        assert (known.calls, known.whole.written_tokens) == (NEWEST_CALLS, 7)

    run(scenario)


def test_deleted_runs_teach_nothing(run: Play) -> None:
    """They are gone."""

    async def scenario(world: World) -> None:
        journal = world.open()
        place = await journal.begin(a_head())
        await place.put("1", a_call())
        await place.release()
        await journal.delete("run-1")
        assert await journal.experience(["test:a"]) == {}

    run(scenario)


def test_the_decisions_of_a_run_are_told_to_anybody(run: Play) -> None:
    """Also while somebody is at it."""

    async def scenario(world: World) -> None:
        place = await world.open().begin(a_head())
        await place.decide("plan", {"calls": 3})
        await place.decide("late", ["b"])
        assert await world.open().decisions("run-1") == {"plan": {"calls": 3}, "late": ["b"]}
        with pytest.raises(RunNotFoundError):
            await world.open().decisions("run-2")

    run(scenario)
