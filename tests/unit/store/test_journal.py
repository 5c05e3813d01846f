"""What a journal on a database does beyond the contract of all journals."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from attention_moa.errors import RunBusyError, StoreError
from attention_moa.messages import user
from attention_moa.records import CallRecord
from attention_moa.store import open_journal
from attention_moa.store.packing import pack, unpack
from tests.asking import run
from tests.journals import a_call, a_head, a_record


def changed(path: Path, statement: str) -> None:
    """Change a journal behind its back."""
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_a_new_run_s_id_that_is_taken_is_busy(tmp_path: Path) -> None:
    """Held by somebody, whether he has written it down yet or not."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            await journal.begin(a_head())
            with pytest.raises(RunBusyError):
                await journal.begin(a_head())

    run(scenario)


def test_the_lock_of_a_process_that_died_is_taken_away(tmp_path: Path) -> None:
    """By the first one who looks; the lock of a living one stays."""
    locks = tmp_path / "journal.db.locks"

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal, open_journal(tmp_path / "journal.db") as other:
            place = await journal.begin(a_head("dead"))
            (lock,) = set(locks.glob("*.lock")) - {locks / "open.lock"}
            await place.release()
            lock.touch()
            await other.begin(a_head("alive"))
            held = {row.run_id: row.is_held for row in await journal.rows()}
            assert held == {"dead": False, "alive": True}
            assert len(set(locks.glob("*.lock")) - {locks / "open.lock", lock}) == 1
            assert not lock.exists()

    run(scenario)


def test_a_call_that_was_journaled_and_is_gone_is_named(tmp_path: Path) -> None:
    """The record cannot be told whole, so it is not told."""
    path = tmp_path / "journal.db"

    async def scenario() -> None:
        async with open_journal(path) as journal:
            place = await journal.begin(a_head())
            call = a_call()
            await place.put(str(call.fingerprint), call)
            await place.end(a_record(a_head(), call))
            changed(path, "DELETE FROM moa_calls")
            with pytest.raises(StoreError, match="has lost a call of run run-1"):
                await journal.record("run-1")

    run(scenario)


def test_a_lost_call_is_found_again_where_its_success_was_not_written(tmp_path: Path) -> None:
    """Memory says what the disk says."""
    path = tmp_path / "journal.db"

    async def scenario() -> None:
        async with open_journal(path, busy_timeout_s=0.1) as journal:
            place = await journal.begin(a_head())
            lost = a_call(state="lost")
            await place.put("key", lost)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked"):
                await place.put("key", a_call())
            other.execute("ROLLBACK")
            other.close()
            assert await place.find("key", call_id="1.answer.a") is lost

    run(scenario)


def test_what_is_big_is_packed_in_another_thread(tmp_path: Path) -> None:
    """So the event loop goes on; what is small is not worth one."""
    seen: dict[int, int] = {}

    def hook(text: str) -> str:
        seen[len(text)] = threading.get_ident()
        return text

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db", redact=hook) as journal:
            place = await journal.begin(a_head())
            for characters in (1_000, 1_000_000):
                call = a_call(f"1.answer.{characters}", messages=(user("x" * characters),))
                await place.put("key", call)
        assert seen[1_000] == threading.get_ident()
        assert seen[1_000_000] != threading.get_ident()

    run(scenario)


def test_the_secret_stays_in_the_journal(tmp_path: Path) -> None:
    """No line, no record and no error shows it."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            secret = await journal.secret()
            place = await journal.begin(a_head())
            await place.put("key", a_call())
            shown = repr((journal, await journal.rows(), await journal.record("run-1"))).encode()
            assert secret not in shown
            assert secret.hex().encode() not in shown

    run(scenario)


def test_two_tasks_that_open_a_journal_share_its_connections(tmp_path: Path) -> None:
    """Whoever comes first opens it."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal, asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(journal.begin(a_head(f"run-{number}")))

    run(scenario)


@pytest.mark.parametrize("characters", [0, 100, 100_000])
def test_what_is_packed_is_unpacked_equal(characters: int) -> None:
    """And a long text takes less room than it has."""
    call = a_call(reply="x" * characters)
    packed = pack(call)
    assert unpack(packed, CallRecord) == call
    assert len(packed) < max(characters / 10, 1_000)
