"""The tables of keys and of what they spent, beside the journal's; a step that was released is never changed."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Double, LargeBinary, MetaData, Table, Text, inspect, select

from attention_moa.errors import SchemaVersionError
from attention_moa.store.tables import META

_VERSION = "keys_version"
_LOCK = 0x61_74_74_2D_6D_6F_6B  # "att-mok": one process at a time changes a server's tables

METADATA = MetaData()

KEYS = Table(
    "moa_keys",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("revoked_at", Text),
    Column("rules", LargeBinary, nullable=False),
)

CHARGES = Table(
    "moa_charges",
    METADATA,
    Column("charge_id", Text, primary_key=True),
    Column("run_id", Text),
    Column("owner", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("reserved_usd", Double),
    Column("call_usd", Double, nullable=False),
    Column("charged_usd", Double, nullable=False),
)

SPENT = Table(
    "moa_spent",
    METADATA,
    Column("owner", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("usd", Double, nullable=False),
)

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE moa_keys (name TEXT PRIMARY KEY, digest {bytes} NOT NULL UNIQUE, hint TEXT NOT NULL,"
        " created_at TEXT NOT NULL, revoked_at TEXT, rules {bytes} NOT NULL)",
        # A row for each life of a run: what it holds while it is under way, then what was counted of it.
        "CREATE TABLE moa_charges (charge_id TEXT PRIMARY KEY, run_id TEXT, owner TEXT NOT NULL, day TEXT NOT NULL,"
        " created DOUBLE PRECISION NOT NULL, reserved_usd DOUBLE PRECISION, call_usd DOUBLE PRECISION NOT NULL,"
        " charged_usd DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX moa_charges_open ON moa_charges (owner, day) WHERE reserved_usd IS NOT NULL",
        "CREATE INDEX moa_charges_by_run ON moa_charges (run_id)",
        "CREATE TABLE moa_spent (owner TEXT NOT NULL, day TEXT NOT NULL, usd DOUBLE PRECISION NOT NULL,"
        " PRIMARY KEY (owner, day))",
    ),
)
"""Statements by version, from 1."""


def is_current(connection: Connection) -> bool:
    """Return whether the tables are those of this version.

    Raises:
        SchemaVersionError: They are those of a later one.
    """
    return _version(connection) == len(STEPS)


def migrate(connection: Connection) -> None:
    """Bring the tables to this version; the caller's transaction makes it all or nothing.

    Args:
        connection: In a transaction that, on SQLite, no other process can write beside.

    Raises:
        SchemaVersionError: They are those of a later one.
    """
    is_server = connection.dialect.name == "postgresql"
    if is_server:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    version = _version(connection)
    for step in STEPS[version:]:
        for statement in step:
            connection.exec_driver_sql(statement.format(bytes="BYTEA" if is_server else "BLOB"))
    newest = str(len(STEPS)).encode()
    if version == 0:
        connection.execute(META.insert(), [{"key": _VERSION, "value": newest}])
    else:
        connection.execute(META.update().where(META.c.key == _VERSION).values(value=newest))


def has_tables(connection: Connection) -> bool:
    """Return whether there ever was a key: only then are there tables."""
    return inspect(connection).has_table(KEYS.name)


def _version(connection: Connection) -> int:
    stored = connection.execute(select(META.c.value).where(META.c.key == _VERSION)).scalar_one_or_none()
    version = 0 if stored is None else int(stored)
    if version > len(STEPS):
        raise SchemaVersionError(version, len(STEPS))
    return version
