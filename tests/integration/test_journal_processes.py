"""Real processes on one journal: killed in mid-write, two at once, and who holds a run when one is gone."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from attention_moa.errors import RunBusyError
from attention_moa.store import open_journal
from attention_moa.store.journal import SqlJournal
from attention_moa.store.run import SqlRun
from tests.asking import run
from tests.journals import a_call, a_head

ROOT = Path(__file__).parents[2]
KILLS = 12

# Puts calls by eight tasks until it is killed; says the number of each one when it is on disk.
WRITES = """
import asyncio, itertools, sys
from attention_moa.errors import RunBusyError, RunNotFoundError
from attention_moa.store import open_journal
from tests.journals import a_call, a_head

async def main():
    async with await open_journal(sys.argv[1]) as journal:
        place = None
        while place is None:
            try:
                place = await journal.resume(sys.argv[2])
            except RunNotFoundError:
                place = await journal.begin(a_head(sys.argv[2]))
            except RunBusyError:  # a server needs a moment to see that the process before is gone
                await asyncio.sleep(0.05)
        numbers = itertools.count(int(sys.argv[3]))
        print("ready", flush=True)
        async def work():
            for number in numbers:
                if number >= int(sys.argv[4]):
                    break
                await place.put("key", a_call(f"1.answer.{number}", reply="It scatters. " * 500))
                print(number, flush=True)
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(work())

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a new journal's address."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.db")
    url: str = request.getfixturevalue("database")
    return url


@contextmanager
def writer(url: str, run_id: str, first: int = 0, last: int = 10**9) -> Iterator[subprocess.Popen[str]]:
    """Lend a process that puts calls, ready to; it is killed at the latest when this is left."""
    command = [sys.executable, "-c", WRITES, url, run_id, str(first), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def acknowledged(process: subprocess.Popen[str]) -> list[int]:
    """Return the numbers that a process said before its end; a line that was cut counts for nothing."""
    assert process.stdout is not None
    return [int(line) for line in process.stdout.readlines() if line.endswith("\n")]


def test_a_kill_at_any_moment_loses_no_acknowledged_call(url: str) -> None:
    """A dozen times in a row, in one run: it opens, and has every call that was said to be on disk."""
    chance = random.Random(7)
    said: list[int] = []
    for life in range(KILLS):
        with writer(url, "run-1", life * 100_000) as process:
            time.sleep(chance.uniform(0.0, 0.1))  # the moment of the kill is what is tried
            process.kill()
            said += acknowledged(process)

    async def scenario() -> None:
        async with open_journal(url) as journal:
            place = await _resumed(journal, "run-1")
            for number in said:
                found = await place.find("key", call_id=f"1.answer.{number}")
                assert found == a_call(f"1.answer.{number}", reply="It scatters. " * 500)
            (line,) = await journal.rows()
            # The eight that were in flight at each kill may be on disk or not.
            assert len(said) <= line.calls <= len(said) + KILLS * 8

    assert len(said) > KILLS
    run(scenario)


async def _resumed(journal: SqlJournal, run_id: str) -> SqlRun:
    """Return a run's place; a server needs a moment to see that a process is gone."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await journal.resume(run_id)
            except RunBusyError:
                await asyncio.sleep(0.05)


def test_a_killed_process_holds_nothing(url: str) -> None:
    """While it lives the run is busy, and says in whose hands; then it can be had."""

    async def scenario() -> None:
        async with open_journal(url) as journal:
            with writer(url, "run-1") as process:
                with pytest.raises(RunBusyError, match=f"process {process.pid} on "):
                    await journal.resume("run-1")
                assert await journal.unfinished("request") is None
                assert [row.is_held for row in await journal.rows()] == [True]
                process.kill()
                process.wait()
            place = await _resumed(journal, "run-1")
            assert place.head.run_id == "run-1"
            assert await journal.unfinished("request") is None

    run(scenario)


def test_two_processes_write_to_one_journal(url: str) -> None:
    """Neither is refused while the other writes, and all of both is there."""
    with writer(url, "run-1", 0, 300) as one, writer(url, "run-2", 0, 300) as other:
        said = [sorted(acknowledged(process)) for process in (one, other)]
        assert [process.wait() for process in (one, other)] == [0, 0]
    assert said == [list(range(300))] * 2

    async def scenario() -> None:
        async with open_journal(url) as journal:
            assert [row.calls for row in await journal.rows()] == [300, 300]

    run(scenario)


def test_processes_that_open_a_new_journal_at_once_share_it(url: str) -> None:
    """None fails, and there is one journal."""
    command = [sys.executable, "-c", WRITES, url]
    processes = [
        subprocess.Popen([*command, f"run-{number}", "0", "5"], stdout=subprocess.DEVNULL, cwd=ROOT)
        for number in range(4)
    ]
    assert [process.wait(60) for process in processes] == [0] * 4

    async def scenario() -> None:
        async with open_journal(url) as journal:
            assert sorted(row.calls for row in await journal.rows()) == [5] * 4

    run(scenario)


READS = """
import asyncio, sys
from attention_moa.store import open_journal

async def main():
    async with await open_journal(sys.argv[1]) as journal:
        print([row.calls for row in await journal.rows()])

asyncio.run(main())
"""


def told_by_another_process(url: str) -> str:
    """Return how many calls another process finds in each run; it opens the journal and closes it again."""
    command = [sys.executable, "-c", READS, url]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, timeout=300).stdout.strip()


def test_a_journal_that_is_open_twice_in_a_process_is_shared_with_others(url: str) -> None:
    """Whoever comes and goes beside it takes nothing away, and sees at once what is written after that."""

    async def scenario() -> None:
        async with open_journal(url) as journal:
            place = await journal.begin(a_head("run-1"))
            async with open_journal(url):
                await place.put("key", a_call("1.answer.1"))
            async with open_journal(url):
                assert await asyncio.to_thread(told_by_another_process, url) == "[1]"
                await place.put("key", a_call("1.answer.2"))
                assert await asyncio.to_thread(told_by_another_process, url) == "[2]"
            await place.put("key", a_call("1.answer.3"))
            assert await asyncio.to_thread(told_by_another_process, url) == "[3]"
            await place.release()

    run(scenario)
