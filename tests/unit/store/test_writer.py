"""Group commit: many writes in one transaction, and none lost, whoever is cancelled and whatever else fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from attention_moa.errors import StoreError
from attention_moa.store.address import parse_address
from attention_moa.store.database import Database, open_database
from attention_moa.store.tables import META
from attention_moa.store.writer import Writer
from tests.asking import run

INSERT = META.insert()


@asynccontextmanager
async def database_in(folder: Path) -> AsyncIterator[Database]:
    """Lend a database."""
    database = await open_database(parse_address(folder / "journal.db"), busy_timeout_s=1)
    try:
        yield database
    finally:
        await database.aclose()


def row(key: object) -> dict[str, Any]:
    """Return a row to write."""
    return {"key": str(key), "value": b"x"}


async def keys(database: Database) -> set[str]:
    """Return what was written."""
    async with database.read() as connection:
        return set((await connection.execute(select(META.c.key))).scalars()) - {"secret", "schema_version"}


def test_writes_of_one_moment_share_a_transaction(tmp_path: Path) -> None:
    """A hundred of them take one commit."""

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            commits: list[object] = []
            event.listen(database.engine.sync_engine, "commit", commits.append)
            writer = Writer(database)
            async with asyncio.TaskGroup() as group:
                for number in range(100):
                    group.create_task(writer.write(INSERT, partial(row, number)))
            assert len(commits) == 1
            assert len(await keys(database)) == 100

    run(scenario)


def test_a_write_that_waits_for_the_disk_outlives_its_caller(tmp_path: Path) -> None:
    """The caller is cancelled twice, waits for the end of the write, and is cancelled then."""

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            writer = Writer(database)
            async with database.write():  # nothing else is written now
                caller = asyncio.create_task(writer.write(INSERT, lambda: row("kept")))  # noqa: TID251 - cancelled
                for _ in range(2):
                    await asyncio.sleep(0.01)
                    caller.cancel()
                await asyncio.sleep(0.01)
                assert not caller.done()
            with pytest.raises(asyncio.CancelledError):
                await caller
            assert await keys(database) == {"kept"}

    run(scenario)


def test_a_row_that_cannot_be_stored_spoils_no_other(tmp_path: Path) -> None:
    """Only who wrote it is told."""

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            writer = Writer(database)
            await writer.write(INSERT, lambda: row("taken"))
            names = ["one", "taken", "two"]
            writes = [asyncio.create_task(writer.write(INSERT, partial(row, name))) for name in names]  # noqa: TID251 - awaited below
            await asyncio.wait(writes)
            assert [type(write.exception()) for write in writes] == [type(None), StoreError, type(None)]
            assert await keys(database) == {"one", "taken", "two"}

    run(scenario)


def test_rows_that_cannot_be_made_spoil_no_other(tmp_path: Path) -> None:
    """Neither small nor big ones."""

    def broken() -> dict[str, Any]:
        raise StoreError("cannot be stored")

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            writer = Writer(database)
            async with asyncio.TaskGroup() as group:
                fine = group.create_task(writer.write(INSERT, lambda: row("big"), size_bytes=10**6))
                for size_bytes in (0, 10**6):
                    with pytest.raises(StoreError, match="cannot be stored"):
                        await writer.write(INSERT, broken, size_bytes=size_bytes)
            assert fine.done()
            assert await keys(database) == {"big"}

    run(scenario)


def test_a_failing_disk_is_told_to_all_who_wait(tmp_path: Path) -> None:
    """Then the next write is tried anew."""

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            writer = Writer(database)
            async with database.engine.connect() as other:
                await other.exec_driver_sql("BEGIN IMMEDIATE")
                writes = [asyncio.create_task(writer.write(INSERT, partial(row, n))) for n in range(2)]  # noqa: TID251 - awaited below
                await asyncio.wait(writes)
                assert ["is locked" in str(write.exception()) for write in writes] == [True, True]
                await other.rollback()
            await writer.write(INSERT, lambda: row("later"))
            assert await keys(database) == {"later"}

    run(scenario)


def test_writing_that_is_broken_off_is_told(tmp_path: Path) -> None:
    """A loop that ends in mid-write leaves nobody waiting."""

    async def scenario() -> None:
        async with database_in(tmp_path) as database:
            writer = Writer(database)
            async with database.write():
                caller = asyncio.create_task(writer.write(INSERT, lambda: row("lost")))  # noqa: TID251 - awaited below
                await asyncio.sleep(0.01)
                (flushing,) = {task for task in asyncio.all_tasks() if "_flush" in repr(task)}
                flushing.cancel()
                with pytest.raises(StoreError, match="the program ended"):
                    await caller

    run(scenario)
