"""A journal that fails while a run goes on: one clear line, nothing lost that was written, and the run can go on."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import Pool

from attention_moa import Ensemble
from attention_moa.errors import StoreError
from attention_moa.events import CallFinished, Event
from attention_moa.store import open_journal
from benchmarks._crash_world import World, a_fleet, a_world
from benchmarks.crash import Segments, Tally
from tests.postgres import SCRIPT, a_database, own_postgres

QUESTION = "Why is the sky blue?"
AT = 8
"""So many calls have ended when the journal begins to fail."""


async def broken(world: World, fail: Callable[[], object], *, busy_timeout_s: float = 10.0) -> StoreError:
    """Return the error of a run in this process whose journal begins to fail in the middle."""
    ended = 0

    def observer(event: Event) -> None:
        nonlocal ended
        ended += isinstance(event, CallFinished)
        if ended == AT and isinstance(event, CallFinished):
            fail()

    async with open_journal(world.url, busy_timeout_s=busy_timeout_s) as journal:
        with pytest.raises(StoreError) as caught:
            async with asyncio.timeout(60):
                await Ensemble.load(world.ensemble, journal=journal).run(QUESTION, observers=[observer])
    assert "\n" not in str(caught.value)
    return caught.value


async def goes_on(
    url: str, fail: Callable[[World], Awaitable[str]], mend: Callable[[], Awaitable[None]], words: tuple[str, ...]
) -> None:
    """Assert that a run whose journal fails says so in one line, and goes on from what it has when that is mended."""
    tally = Tally("broken")
    async with a_world(url, a_fleet(time_scale=0.06)) as world:
        calm = await world.undisturbed(QUESTION)
        segments, since = Segments(calm, tally), len(world.fleet.log)
        said = await fail(world)
        assert all(word in said for word in words), said
        assert "\n" not in said
        visits = await world.visits(QUESTION, since)
        await mend()
        segments.add(visits, await world.calls(QUESTION))
        assert segments.journaled >= AT
        child = await world.child(QUESTION)
        child.go()
        ended = await child.end()
        segments.add(await world.visits(QUESTION, since), await world.calls(QUESTION))
        assert ended.get("text") == calm.record.text
        assert ended["run_id"] in await world.run_ids(QUESTION)
        assert len(await world.run_ids(QUESTION)) == 1
        assert (tally.violations, tally.lost, tally.troubles) == (0, 0, [])


def test_a_lock_that_is_never_released_ends_the_run(tmp_path: Path) -> None:
    """By its path, with the mend; when the lock is gone the run goes on."""
    path = tmp_path / "journal.db"
    other = sqlite3.connect(path, isolation_level=None)

    async def fail(world: World) -> str:
        return str(await broken(world, lambda: other.execute("BEGIN IMMEDIATE"), busy_timeout_s=0.3))

    async def mend() -> None:
        other.execute("ROLLBACK")

    async def scenario() -> None:
        words = f"the journal {path} is locked by another process", "end it, or try again"
        await goes_on(str(path), fail, mend, words)

    try:
        asyncio.run(scenario())
    finally:
        other.close()


def test_a_lock_that_is_released_in_time_is_waited_for(tmp_path: Path) -> None:
    """The run takes that much longer, and nothing else."""
    path = tmp_path / "journal.db"

    async def scenario() -> None:
        async with a_world(str(path), a_fleet(time_scale=0.02)) as world:
            calm = await world.undisturbed(QUESTION)
            other = sqlite3.connect(path, isolation_level=None)
            loop = asyncio.get_running_loop()

            def hold(event: Event) -> None:
                if isinstance(event, CallFinished) and not other.in_transaction and loop.time() < until_s:
                    other.execute("BEGIN IMMEDIATE")
                    loop.call_later(0.5, other.execute, "ROLLBACK")

            until_s = loop.time() + 0.4
            async with asyncio.timeout(60):
                record = await Ensemble.load(world.ensemble, journal=world.url).run(QUESTION, observers=[hold])
            other.close()
            assert (record.text, record.notes, record.losses) == (calm.record.text, (), ())

    asyncio.run(scenario())


def test_a_disk_that_gets_full_ends_the_run(tmp_path: Path) -> None:
    """What had been written is there when there is room again."""
    path = tmp_path / "journal.db"

    async def fail(world: World) -> str:
        child = await world.child(QUESTION)
        child.go()
        async with asyncio.timeout(60):
            while len(await world.calls(QUESTION)) < AT:
                await asyncio.sleep(0.01)
        # To the process it is as if the disk had no room for another byte of any file.
        full_bytes = path.with_name("journal.db-wal").stat().st_size
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (full_bytes, full_bytes))
        said = await child.end()
        assert said["error"] == "StoreError"
        return said["message"]

    async def mend() -> None:
        pass

    async def scenario() -> None:
        words = f"the journal {path} cannot be written", "the disk", "what was stored before is safe"
        await goes_on(str(path), fail, mend, words)

    asyncio.run(scenario())


def test_a_journal_that_cannot_be_written_any_more_ends_the_run(tmp_path: Path) -> None:
    """As on a file system that is made read-only; root may write every file, so SQLite itself refuses here."""
    path = tmp_path / "journal.db"
    is_closed = False

    def refuse(connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA query_only={'ON' if is_closed else 'OFF'}")
        cursor.close()

    def close() -> None:
        nonlocal is_closed
        is_closed = True

    async def fail(world: World) -> str:
        return str(await broken(world, close))

    async def mend() -> None:
        nonlocal is_closed
        is_closed = False

    async def scenario() -> None:
        words = f"the journal {path} cannot be written: ", "let this user write the file and its folder"
        await goes_on(str(path), fail, mend, words)

    event.listen(Pool, "checkout", refuse)
    try:
        asyncio.run(scenario())
    finally:
        event.remove(Pool, "checkout", refuse)


def test_a_journal_that_is_moved_away_is_not_made_anew(tmp_path: Path) -> None:
    """The run goes on in the file that it has open, or ends with an error; nothing is lost, and no file appears."""
    path, moved = tmp_path / "journal.db", tmp_path / "moved.db"

    async def scenario() -> None:
        async with a_world(str(path), a_fleet(time_scale=0.02)) as world:
            journaled = 0

            def move(told: Event) -> None:
                nonlocal journaled
                journaled += isinstance(told, CallFinished)
                if journaled == AT and path.exists():
                    path.rename(moved)

            with suppress(StoreError):
                async with asyncio.timeout(60):
                    await Ensemble.load(world.ensemble, journal=world.url).run(QUESTION, observers=[move])
            assert not path.exists()
            moved.rename(path)
            async with open_journal(path) as journal:
                (row,) = await journal.rows()
                assert row.calls >= AT
                assert len((await journal.record(row.run_id)).calls) >= journaled

    asyncio.run(scenario())


def test_a_server_that_is_killed_ends_the_run() -> None:
    """By its address, without its password; when it is there again the run goes on."""
    with own_postgres() as (server, folder):
        url = make_url(asyncio.run(a_database(server))).set(password="hunter2")

        async def fail(world: World) -> str:
            return str(await broken(world, lambda: subprocess.run((SCRIPT, "stop", folder), check=True, timeout=60)))

        async def mend() -> None:
            done = await asyncio.create_subprocess_exec(SCRIPT, "start", folder, stdout=asyncio.subprocess.PIPE)
            assert (await done.communicate())[0].decode().strip() == server

        async def scenario() -> None:
            words = f"the journal postgresql://127.0.0.1:{url.port}/{url.database} ", ": "
            await goes_on(url.render_as_string(hide_password=False), fail, mend, words)

        asyncio.run(scenario())


def test_a_server_that_takes_no_writes_any_more_ends_the_run(postgres_server: str, database: str) -> None:
    """As one that became a standby; where it takes writes again the run goes on.

    Its connections are cut: the run that is under way may learn of that first. The next one learns of the standby.
    """
    name = make_url(database).database

    cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - of ours

    async def execute(*statements: str) -> None:
        engine = create_async_engine(postgres_server, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    async def fail(world: World) -> str:
        closing: list[asyncio.Task[None]] = []
        close = f"ALTER DATABASE {name} SET default_transaction_read_only = on"

        def closed() -> None:
            closing.append(asyncio.create_task(execute(close, cut)))  # noqa: TID251 - awaited below

        first = str(await broken(world, closed))
        await closing[0]
        assert any(words in first for words in ("name the primary", "is going down", "broke the connection")), first
        return str(await broken(world, lambda: None))

    async def mend() -> None:
        await execute(f"ALTER DATABASE {name} RESET default_transaction_read_only", cut)

    asyncio.run(goes_on(database, fail, mend, (f"/{name} ", "name the primary server")))


@pytest.mark.parametrize("make", [lambda path: path.write_text("Dear diary"), Path.mkdir])
def test_nothing_is_paid_for_where_the_journal_cannot_be_opened(tmp_path: Path, make: Callable[[Path], object]) -> None:
    """It is looked at before the first call."""
    path = tmp_path / "wrong.db"
    make(path)

    async def scenario() -> None:
        async with a_world(str(tmp_path / "journal.db"), a_fleet(time_scale=0.0)) as world:
            with pytest.raises(StoreError, match=r"wrong\.db"):
                await Ensemble.load(world.ensemble, journal=path).run(QUESTION)
            assert not len(world.fleet.log)

    asyncio.run(scenario())
