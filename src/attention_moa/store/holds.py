"""Who is at which run: locks that go when their process dies, whatever kills it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from filelock import FileLock
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from attention_moa.store.database import Database, try_lock
from attention_moa.store.endings import end_of, has_failed
from attention_moa.store.faults import told
from attention_moa.store.identity import locks_folder

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_TRIES = 10
_POLL_S = 0.02


class Holds(Protocol):
    """The runs that this process is at, and a look at those of others."""

    async def take(self, run_id: str) -> bool:
        """Return whether this process now has the run; False where anybody has it, this process included."""
        ...

    async def free(self, run_id: str) -> None:
        """Let others have the run; idempotent."""
        ...

    async def held(self, run_ids: Iterable[str]) -> set[str]:
        """Return those runs that anybody is at."""
        ...

    async def aclose(self) -> None:
        """Let go of all of them."""
        ...


def holds_of(database: Database) -> Holds:
    """Return the holds that fit a database."""
    file = database.address.file
    name = database.address.name
    return ServerHolds(database.engine, name) if file is None else FileHolds(locks_folder(file), name)


def this_process() -> str:
    """Return who this is, for a person."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class FileHolds:
    """A locked file for each run, beside the journal; the kernel unlocks it when the process is gone.

    Args:
        folder: Where they are.
        name: What the journal is called.
    """

    def __init__(self, folder: Path, name: str) -> None:
        """Hold nothing."""
        self._folder = folder
        self._name = name
        self._mine: dict[str, FileLock] = {}

    async def take(self, run_id: str) -> bool:
        """Return whether this process now has the run."""
        if run_id in self._mine:
            return False
        lock = self._lock(run_id)
        for _ in range(_TRIES):  # somebody who looks whether it is held has it for a moment
            with told(self._name):
                is_taken = try_lock(lock)
            if is_taken:
                self._mine[run_id] = lock
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def free(self, run_id: str) -> None:
        """Let others have the run."""
        lock = self._mine.pop(run_id, None)
        if lock is not None:
            _drop(lock)

    async def held(self, run_ids: Iterable[str]) -> set[str]:
        """Return those runs that anybody is at, or may be at where this user cannot see it; dead files are removed."""
        return {run_id for run_id in run_ids if run_id in self._mine or self._is_elsewhere(run_id)}

    async def aclose(self) -> None:
        """Let go of all of them."""
        for run_id in tuple(self._mine):
            await self.free(run_id)

    def _is_elsewhere(self, run_id: str) -> bool:
        lock = self._lock(run_id)
        try:
            if not Path(lock.lock_file).exists():
                return False
            if not try_lock(lock):
                return True
        except OSError:  # another user's: it may be held
            return True
        _drop(lock)
        return False

    def _lock(self, run_id: str) -> FileLock:
        return FileLock(self._folder / f"{_digest(run_id).hex()[:32]}.lock", thread_local=False, mode=0o600)


class ServerHolds:
    """A session lock of the server for each run, all on one connection; the server drops them when it breaks.

    Args:
        engine: SQLAlchemy's.
        name: What the journal is called.
    """

    def __init__(self, engine: AsyncEngine, name: str) -> None:
        """Hold nothing; connect when something is."""
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        self._mine: set[str] = set()
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def take(self, run_id: str) -> bool:
        """Return whether this process now has the run."""
        # A query that is cancelled breaks the connection, and with it the hold on all other runs.
        taking = asyncio.create_task(self._take(run_id))  # noqa: TID251 - awaited to its end
        try:
            return await end_of(taking)
        except asyncio.CancelledError:
            if not has_failed(taking) and taking.result():
                await self.free(run_id)
            raise

    async def _take(self, run_id: str) -> bool:
        async with self._turn:
            if run_id in self._mine:
                return False
            with told(self._name):
                is_taken = await self._ask("pg_try_advisory_lock", run_id)
            if is_taken:
                self._mine.add(run_id)
            return is_taken

    async def free(self, run_id: str) -> None:
        """Let others have the run."""
        await end_of(asyncio.create_task(self._free(run_id)))  # noqa: TID251 - awaited to its end

    async def _free(self, run_id: str) -> None:
        async with self._turn:
            if run_id in self._mine:
                self._mine.discard(run_id)
                with told(self._name):
                    await self._ask("pg_advisory_unlock", run_id)

    async def held(self, run_ids: Iterable[str]) -> set[str]:
        """Return those runs that anybody is at, on any machine."""
        query = text(
            "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with told(self._name):
            async with self._engine.connect() as connection:
                keys = set((await connection.execute(query)).scalars())
        return {run_id for run_id in run_ids if _number(run_id) in keys}

    async def aclose(self) -> None:
        """Let go of all of them."""
        self._mine.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.invalidate()
            await connection.close()

    async def _ask(self, function: str, run_id: str) -> bool:
        """Return what a function of the server says; where the connection broke, another one takes the locks anew."""
        if self._connection is not None:
            with suppress(_GoneError):
                return await _call(self._connection, function, run_id)
            broken, self._connection = self._connection, None
            await broken.close()
        connection = await self._engine.connect()
        try:
            for mine in self._mine:
                await _call(connection, "pg_try_advisory_lock", mine)
        except BaseException:  # a cancellation too: it would leave a connection open that nobody knows
            await connection.close()
            raise
        self._connection = connection
        return await _call(connection, function, run_id)


class _GoneError(Exception):
    """The connection that took the locks broke."""


async def _call(connection: AsyncConnection, function: str, run_id: str) -> bool:
    try:
        found = await connection.execute(text(f"SELECT {function}(:key)"), {"key": _number(run_id)})
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _GoneError from error
        raise
    return bool(found.scalar_one())


def _drop(lock: FileLock) -> None:
    """Take the file away while it is locked, then unlock it; who waits sees that it is gone, and makes a new one."""
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()


def _number(run_id: str) -> int:
    return int.from_bytes(_digest(run_id)[:8], signed=True)


def _digest(run_id: str) -> bytes:
    return hashlib.sha256(f"attention-moa run {run_id}".encode()).digest()
