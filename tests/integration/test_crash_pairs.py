"""Two processes that want the same of one journal at the same moment: no call is paid twice by mistake."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from benchmarks._crash_world import Child, Command, World, a_fleet, a_world, key_of
from benchmarks.crash import Segments, Tally

ROUNDS = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a new journal's address."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    url: str = request.getfixturevalue("database")
    return url


async def interrupted(world: World, question: str, *, calls: int) -> str:
    """Return the run of a question that was killed when the journal had so many of its calls."""
    child = await world.child(question)
    child.go()
    async with asyncio.timeout(60):
        while len(await world.calls(question)) < calls:
            await asyncio.sleep(0.01)
    await child.kill()
    (run_id,) = await world.run_ids(question)
    return run_id


async def both(one: Child, other: Child) -> list[dict[str, str]]:
    """Let two processes go at once, and return what they say at their ends."""
    one.go()
    other.go()
    return [await one.end(), await other.end()]


def test_of_two_processes_that_resume_one_run_one_gets_it(url: str) -> None:
    """The other one is told in one line who has it, or comes after its end; what is journaled is not sent again."""

    async def scenario() -> None:
        tally = Tally("two at once")
        refused: list[dict[str, str]] = []
        async with a_world(url, a_fleet(time_scale=0.06)) as world:
            for number in range(ROUNDS):
                question = f"[round {number}] Why is the sky blue?"
                calm = await world.undisturbed(question)
                segments, since = Segments(calm, tally), len(world.fleet.log)
                run_id = await interrupted(world, question, calls=1 + 5 * number)
                segments.add(await world.visits(question, since), await world.calls(question))
                ended = await both(await world.child(question, run_id), await world.child(question, run_id))
                segments.add(await world.visits(question, since), await world.calls(question))
                assert (tally.violations, tally.lost, tally.troubles) == (0, 0, [])
                assert {said["text"] for said in ended if "text" in said} == {calm.record.text}
                assert await world.run_ids(question) == [run_id]
                refused += [said for said in ended if "text" not in said]
        assert refused
        for said in refused:
            assert said["error"] == "RunBusyError"
            assert re.fullmatch(
                r"run \S+ is under way in process \d+ on \S+: wait for it, or end it there", said["message"]
            )

    asyncio.run(scenario())


def test_a_run_that_another_process_has_ended_is_told_again_for_nothing(url: str) -> None:
    """Who comes later than the winner's end gets the same text, and nothing is sent."""

    async def scenario() -> None:
        async with a_world(url, a_fleet(time_scale=0.06)) as world:
            question = "Why is the sky blue?"
            run_id = await interrupted(world, question, calls=5)
            first, second = await world.child(question, run_id), await world.child(question, run_id)
            first.go()
            ended = await first.end()
            before = len(world.fleet.log)
            second.go()
            assert await second.end() == ended
            assert ended["text"]
            assert len(world.fleet.log) == before

    asyncio.run(scenario())


def test_two_processes_that_ask_the_same_at_once_have_a_run_each(url: str) -> None:
    """Two people may ask the same: neither waits for the other, and both get the answer of an undisturbed run."""

    async def scenario() -> None:
        async with a_world(url, a_fleet(time_scale=0.06)) as world:
            question = "Why is the sky blue?"
            calm = await world.undisturbed(question)
            since = len(world.fleet.log)
            ended = await both(await world.child(question), await world.child(question))
            assert [said["text"] for said in ended] == [calm.record.text] * 2
            assert sorted(said["run_id"] for said in ended) == sorted(await world.run_ids(question))
            assert ended[0]["run_id"] != ended[1]["run_id"]
            sent = Counter(map(key_of, await world.visits(question, since)))
            assert sent == dict.fromkeys(calm.keys.values(), 2)

    asyncio.run(scenario())


def test_of_two_that_ask_an_interrupted_question_one_goes_on_and_one_begins(url: str) -> None:
    """What the interrupted run has journaled is sent once more for the new run, and never for the old one."""

    async def scenario() -> None:
        async with a_world(url, a_fleet(time_scale=0.06)) as world:
            question = "Why is the sky blue?"
            calm = await world.undisturbed(question)
            since = len(world.fleet.log)
            run_id = await interrupted(world, question, calls=10)
            before = Counter(map(key_of, await world.visits(question, since)))
            journaled = {calm.keys[call_id] for call_id in await world.calls(question)}
            ended = await both(await world.child(question), await world.child(question))
            assert [said["text"] for said in ended] == [calm.record.text] * 2
            assert {said["run_id"] for said in ended} == set(await world.run_ids(question))
            assert run_id in {said["run_id"] for said in ended}
            assert len(await world.run_ids(question)) == 2
            sent = Counter(map(key_of, await world.visits(question, since))) - before
            assert sent == {key: 1 if key in journaled else 2 for key in calm.keys.values()}

    asyncio.run(scenario())


def test_of_two_commands_that_resume_one_run_one_fails_in_one_line(tmp_path: Path) -> None:
    """With exit code 1; the other one prints the answer."""

    async def scenario() -> None:
        async with a_world(str(tmp_path / "journal.db"), a_fleet(time_scale=0.5)) as world:
            question = "Why is the sky blue?"
            run_id = await interrupted(world, question, calls=3)
            world.kind = Command
            ended = await both(await world.child(question, run_id), await world.child(question, run_id))
            (answered,) = (said for said in ended if "text" in said)
            (refused,) = (said for said in ended if "error" in said)
            assert answered["text"] == (await world.journal.record(run_id)).text
            assert refused["error"] == "exit code 1"
            pattern = rf"attention-moa: run {run_id} is under way in process \d+ on \S+: wait for it, or end it there\n"
            assert re.fullmatch(pattern, refused["message"])

    asyncio.run(scenario())
