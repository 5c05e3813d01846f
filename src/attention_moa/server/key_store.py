"""Keys in the journal's database: of a key, only what tells it from others is kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.exc import IntegrityError

from attention_moa.errors import ConfigError, StoreError
from attention_moa.server.key_tables import KEYS, has_tables, is_current, migrate
from attention_moa.server.keys import HINT_CHARACTERS, Key, KeyRules, digest_of, new_secret, require_name
from attention_moa.store import BUSY_TIMEOUT_S
from attention_moa.store.address import parse_address
from attention_moa.store.database import Database, open_database
from attention_moa.store.faults import told
from attention_moa.store.packing import pack, unpack
from attention_moa.waiting import to_the_end


@asynccontextmanager
async def open_key_database(
    place: str | Path, *, is_only_read: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> AsyncGenerator[Database]:
    """Lend the journal's database with the tables of keys in it.

    Args:
        place: The journal's path or URL; a file is made where there is none.
        is_only_read: Whether nothing is going to be written: then a file that this user may not write does as well.
        busy_timeout_s: Most seconds that a write waits for another process's.

    Raises:
        ConfigError: The path or URL cannot be one.
        StoreError: It cannot be opened, or is no journal.
    """
    address = parse_address(place)._replace(is_only_read=is_only_read)
    database = await open_database(address, busy_timeout_s=busy_timeout_s)
    try:
        if not is_only_read:
            await _prepare(database)
        yield database
    finally:
        await to_the_end(database.aclose())


class KeyStore:
    """The keys of a journal.

    Args:
        database: As ``open_key_database`` lends it.
    """

    def __init__(self, database: Database) -> None:
        """Keep the database."""
        self._database = database

    async def add(self, name: str, rules: KeyRules) -> tuple[Key, str]:
        """Return a new key and its secret, which is nowhere else and never shown again.

        Raises:
            ConfigError: It is no name, or one that a key has or had.
            StoreError: It cannot be stored.
        """
        require_name(name)
        secret = new_secret()
        key = Key(name=name, hint=secret[:HINT_CHARACTERS], created_at=_now(), rules=rules)
        row = {
            "name": name,
            "digest": digest_of(secret),
            "hint": key.hint,
            "created_at": key.created_at,
            "rules": pack(rules),
        }
        try:
            async with self._database.write() as connection:
                await connection.execute(KEYS.insert(), [row])
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                message = f"there is or was a key {name!r}, and its runs are that one's for good: choose another name"
                raise ConfigError(message, key="NAME") from error
            raise
        return key, secret

    async def revoke(self, name: str) -> Key:
        """Return a key that is good no more; its runs stay. One that was revoked before stays as it is.

        Raises:
            ConfigError: There is none of that name.
        """
        revoked = update(KEYS).where(KEYS.c.name == name, KEYS.c.revoked_at.is_(None)).values(revoked_at=_now())
        async with self._database.write() as connection:
            await connection.execute(revoked)
        return await self.get(name)

    async def get(self, name: str) -> Key:
        """Return the key of a name, revoked or not.

        Raises:
            ConfigError: There is none.
        """
        keys = {key.name: key for key, _ in await self._rows()}
        if name not in keys:
            known = ", ".join(keys) or "none yet"
            raise ConfigError(f"there is no key {name!r}: there are {known}", key="NAME")
        return keys[name]

    async def keys(self) -> list[Key]:
        """Return all keys, those that were revoked too, the oldest first."""
        return [key for key, _ in await self._rows()]

    async def by_digest(self) -> dict[bytes, Key]:
        """Return all keys, those that were revoked too, by the digests of their secrets."""
        return {digest: key for key, digest in await self._rows()}

    async def _rows(self) -> list[tuple[Key, bytes]]:
        async with self._database.read() as connection:
            if not await connection.run_sync(has_tables):
                return []
            rows = (await connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.name))).all()
        return [(_key(row), row.digest) for row in rows]


def _key(row: Row[*tuple[Any, ...]]) -> Key:
    return Key(
        name=row.name,
        hint=row.hint,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        rules=unpack(row.rules, KeyRules),
    )


async def _prepare(database: Database) -> None:
    """Make the tables, or bring them to this version."""
    with told(database.address.name):
        async with database.engine.connect() as connection:
            if await connection.run_sync(is_current):
                return
        async with database.engine.connect() as connection:
            if not database.is_server:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            await connection.run_sync(migrate)
            await connection.commit()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
