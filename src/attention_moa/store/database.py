"""One database behind SQLAlchemy: opened, checked, brought to this version's schema; reads, and one write at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from attention_moa.errors import ConfigError, StoreError
from attention_moa.store.address import Address
from attention_moa.store.faults import told
from attention_moa.store.identity import APPLICATION_ID, is_ours, locks_folder, require_ours
from attention_moa.store.in_use import take_up
from attention_moa.store.looking import looking_url, may_write, writing_url
from attention_moa.store.migrations import is_current, migrate, secret

_SQLITE_SETTINGS = ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
_SERVER_SETTINGS = {
    "application_name": "attention-moa",
    # A machine that is cut off lets go of its runs after a minute; by default that takes hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_POOL: dict[str, Any] = {"pool_size": 6, "max_overflow": 0, "hide_parameters": True}
_CONNECT_S = 10.0
_COMMAND_S = 60.0
_POLL_S = 0.02


class Database:
    """An open database.

    Args:
        engine: SQLAlchemy's.
        address: Where it is.
        let_go: Called once when nothing is connected any more.
    """

    def __init__(self, engine: AsyncEngine, address: Address, let_go: Callable[[], None] = lambda: None) -> None:
        """Take over the engine; ``open_database`` makes one."""
        self.engine = engine
        self.address = address
        self._let_go: Callable[[], None] | None = let_go
        self.secret = b""
        self._writing = asyncio.Lock()

    @property
    def is_server(self) -> bool:
        """Whether it is shared over the network."""
        return self.address.file is None

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection for reading.

        Raises:
            StoreError: The database cannot be read.
        """
        with told(self.address.name):
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a connection in a transaction, which is on disk when this is left; one at a time in this process.

        Raises:
            StoreError: The database cannot be written; then nothing of the transaction is.
        """
        async with self._writing:
            with told(self.address.name):
                async with self.engine.begin() as connection:
                    yield connection

    async def reclaim(self) -> None:
        """Give the room of what was deleted back, and leave no trace of it; a busy database does so later."""
        if self.is_server:
            return
        async with self._writing:
            with suppress(StoreError), told(self.address.name):
                async with self.engine.connect() as connection:
                    (await connection.exec_driver_sql("PRAGMA incremental_vacuum")).close()
                    (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).close()

    async def aclose(self) -> None:
        """Put what was written into the file itself, as far as nobody reads it, and let go of all connections."""
        if not self.is_server:
            with suppress(StoreError), told(self.address.name):
                async with self.engine.connect() as connection:
                    (await connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")).close()
        await self.dispose()

    async def dispose(self) -> None:
        """Let go of all connections, and of the file; idempotent."""
        await self.engine.dispose()
        let_go, self._let_go = self._let_go, None
        if let_go is not None:
            let_go()


async def open_database(address: Address, *, busy_timeout_s: float) -> Database:
    """Return a database that is there, is ours, and has this version's schema.

    Args:
        address: Where it is; a file is made where there is none. One that is only read and cannot be written is opened
            as it is.
        busy_timeout_s: Most seconds that a write waits for another process's.

    Raises:
        SchemaVersionError: A later version has changed its schema.
        StoreError: It cannot be opened, or is not ours.
    """
    with told(address.name), ExitStack() as stack:
        looked_at = _looked_at(address)
        let_go = _taken_up(address.file, is_made=looked_at is None)
        stack.callback(let_go)
        engine = _engine(address, busy_timeout_s) if looked_at is None else _looking_engine(looked_at)
        stack.pop_all()
    database = Database(engine, address, let_go)
    try:
        with told(address.name):
            if looked_at is not None:
                await _look(database)
            elif address.file is None:
                await _greet(database)
                await _prepare(database)
            else:
                async with _alone(address.file, busy_timeout_s):
                    await _claim(database)
                    await _prepare(database)
    except BaseException:  # a cancellation too: nobody else can let go of these connections
        await database.dispose()
        raise
    return database


def _taken_up(file: Path | None, *, is_made: bool) -> Callable[[], None]:
    """Return what lets go of a database's file, which was looked into, and made where it may be; of none, nothing."""
    if file is None:
        return lambda: None
    return take_up(file, look=require_ours, make=make_file if is_made else None)


def make_file(file: Path) -> None:
    """Make a journal's file and folders where they are missing, for this user's eyes alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    locks_folder(file).mkdir(exist_ok=True, mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if file.is_file() and not file.stat().st_size:  # an empty file of this user's becomes the journal: so it is closed
        with suppress(OSError):
            file.chmod(0o600)


def _looked_at(address: Address) -> Path | None:
    """Return the file that is only read since this user may not write it; None for any other journal."""
    file = address.file if address.is_only_read else None
    if file is None or not file.exists() or may_write(file):
        return None
    return file


async def _look(database: Database) -> None:
    """Make sure of a journal that cannot be brought to this version's schema, and read its secret.

    Raises:
        StoreError: It is another application's, or would have to be written first.
    """
    async with database.engine.connect() as connection:
        marked = (await connection.exec_driver_sql("PRAGMA application_id")).scalar_one()
        tables = (await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")).scalar_one()
        name = database.address.name
        if not is_ours(marked, tables, name) or not await connection.run_sync(is_current):
            raise StoreError(f"the journal {name} is of an earlier version: let who may write it open it once")
        database.secret = await connection.run_sync(secret)


async def _greet(database: Database) -> None:
    """Connect to a server once; raise a ``ConfigError`` for settings in its URL that the driver does not know."""
    try:
        async with database.engine.connect():
            pass
    except TypeError as error:
        raise ConfigError(f"the URL has a setting that asyncpg does not take: {error}", key="journal") from error


async def _prepare(database: Database) -> None:
    async with database.engine.connect() as connection:
        is_ready = await connection.run_sync(is_current)
    if not is_ready:
        async with database.engine.connect() as connection:
            if not database.is_server:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(migrate)
            await connection.commit()
    async with database.engine.connect() as connection:
        database.secret = await connection.run_sync(secret)


async def _claim(database: Database) -> None:
    """Mark a new SQLite file as ours.

    Raises:
        StoreError: It is another application's.
    """
    async with database.engine.connect() as connection:
        marked = (await connection.exec_driver_sql("PRAGMA application_id")).scalar_one()
        tables = (await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")).scalar_one()
        if is_ours(marked, tables, database.address.name):
            return
        for setting in ("auto_vacuum=INCREMENTAL", f"application_id={APPLICATION_ID}", "journal_mode=WAL"):
            (await connection.exec_driver_sql(f"PRAGMA {setting}")).close()


def _engine(address: Address, busy_timeout_s: float) -> AsyncEngine:
    """Return an engine that connects later, and whose errors and logs hold no text of a record."""
    if address.file is None:
        settings: dict[str, Any] = {
            "timeout": _CONNECT_S,
            "command_timeout": _COMMAND_S,
            "server_settings": _SERVER_SETTINGS,
        }
        return create_async_engine(address.url, pool_pre_ping=True, connect_args=settings, **_POOL)
    # A transaction that writes asks for the write lock at its start: one that asks later can fail without waiting.
    settings = {"timeout": busy_timeout_s, "isolation_level": "IMMEDIATE"}
    engine = create_async_engine(writing_url(address.file), connect_args=settings, **_POOL)
    event.listen(engine.sync_engine, "connect", _set_up)
    return engine


def _looking_engine(file: Path) -> AsyncEngine:
    """Return an engine that changes nothing at a file, and makes nothing beside it."""
    return create_async_engine(looking_url(file), **_POOL)


def _set_up(connection: Any, _: object) -> None:  # noqa: ANN401 - SQLAlchemy's own
    cursor = connection.cursor()
    try:
        for setting in _SQLITE_SETTINGS:
            cursor.execute(f"PRAGMA {setting}")
    finally:
        cursor.close()


@asynccontextmanager
async def _alone(file: Path, timeout_s: float) -> AsyncGenerator[None]:
    """While entered, no other process opens the file: one that is new is made once."""
    lock = FileLock(locks_folder(file) / "open.lock", thread_local=False, mode=0o600)
    async with asyncio.timeout(timeout_s):
        while not try_lock(lock):  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.release()


def try_lock(lock: FileLock) -> bool:
    """Return whether a lock is now held by the caller; do not wait."""
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
