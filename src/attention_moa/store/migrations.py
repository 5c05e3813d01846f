"""The schema, as the list of everything that was ever done to it. A step that was released is never changed.

To change the schema, append a step here and bring ``tables.py`` in line.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, inspect, select

from attention_moa.errors import SchemaVersionError, StoreError
from attention_moa.store.tables import META

_LOCK = 0x61_74_74_2D_6D_6F_61  # "att-moa": one process at a time changes a server's schema
_VERSION, _SECRET = "schema_version", "secret"

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE moa_meta (key TEXT PRIMARY KEY, value {bytes} NOT NULL)",
        "CREATE TABLE moa_runs (run_id TEXT PRIMARY KEY, created_at TEXT NOT NULL, state TEXT NOT NULL,"
        " ensemble TEXT NOT NULL, request_key TEXT NOT NULL, sample INTEGER NOT NULL, is_redacted BOOLEAN NOT NULL,"
        " holder TEXT NOT NULL, question TEXT NOT NULL, text TEXT, usage {bytes}, wall_s DOUBLE PRECISION,"
        " spec {bytes} NOT NULL, conversation {bytes} NOT NULL, record {bytes})",
        "CREATE INDEX moa_runs_by_time ON moa_runs (created_at, run_id)",
        "CREATE INDEX moa_runs_by_request ON moa_runs (request_key, created_at)",
        "CREATE TABLE moa_calls (run_id TEXT NOT NULL REFERENCES moa_runs ON DELETE CASCADE,"
        " fingerprint TEXT NOT NULL, call_id TEXT NOT NULL, state TEXT NOT NULL, is_redacted BOOLEAN NOT NULL,"
        " ended_s DOUBLE PRECISION NOT NULL, created DOUBLE PRECISION NOT NULL, record {bytes} NOT NULL,"
        " PRIMARY KEY (run_id, fingerprint, call_id))",
        "CREATE INDEX moa_calls_by_fingerprint ON moa_calls (fingerprint, created)",
        "CREATE TABLE moa_decisions (run_id TEXT NOT NULL REFERENCES moa_runs ON DELETE CASCADE,"
        " key TEXT NOT NULL, value {bytes} NOT NULL, PRIMARY KEY (run_id, key))",
    ),
    (  # calls in numbers, to plan by, all in the index; those of older versions have none
        "ALTER TABLE moa_calls ADD COLUMN model TEXT",
        "ALTER TABLE moa_calls ADD COLUMN facts {bytes}",
        "CREATE INDEX moa_calls_by_model ON moa_calls (model, created, run_id, facts)",
    ),
    (  # whose a run is, what answer was wanted, and what was told while it went on; older runs are the command line's
        "ALTER TABLE moa_runs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE moa_runs ADD COLUMN labels {bytes}",
        "ALTER TABLE moa_runs ADD COLUMN wanted {bytes}",
        "ALTER TABLE moa_runs ADD COLUMN salt {bytes}",
        "DROP INDEX moa_runs_by_request",
        "CREATE INDEX moa_runs_by_request ON moa_runs (owner, request_key, created_at)",
        "CREATE INDEX moa_runs_by_owner ON moa_runs (owner, created_at, run_id)",
        "CREATE INDEX moa_runs_by_state ON moa_runs (state, created_at, run_id)",
        "CREATE INDEX moa_runs_by_ensemble ON moa_runs (ensemble, created_at, run_id)",
        "CREATE TABLE moa_events (run_id TEXT NOT NULL REFERENCES moa_runs ON DELETE CASCADE,"
        " seq INTEGER NOT NULL, body {bytes} NOT NULL, PRIMARY KEY (run_id, seq))",
    ),
)
"""Statements by schema version, from 1."""


def is_current(connection: Connection) -> bool:
    """Return whether the schema is the one of this version.

    Raises:
        SchemaVersionError: It is a later one.
    """
    return _version(connection) == len(STEPS)


def migrate(connection: Connection) -> None:
    """Bring the schema to this version; the caller's transaction makes it all or nothing.

    Args:
        connection: In a transaction that, on SQLite, no other process can write beside.

    Raises:
        SchemaVersionError: It is a later one.
    """
    is_server = connection.dialect.name == "postgresql"
    if is_server:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    version = _version(connection)
    for step in STEPS[version:]:
        for statement in step:
            connection.exec_driver_sql(statement.format(bytes="BYTEA" if is_server else "BLOB"))
    if version == 0:
        connection.execute(META.insert(), [{"key": _SECRET, "value": secrets.token_bytes(32)}])
        connection.execute(META.insert(), [{"key": _VERSION, "value": b"0"}])
    newest = str(len(STEPS)).encode()
    connection.execute(META.update().where(META.c.key == _VERSION).values(value=newest))


def secret(connection: Connection) -> bytes:
    """Return what was drawn when the journal was made."""
    drawn: bytes = connection.execute(select(META.c.value).where(META.c.key == _SECRET)).scalar_one()
    return drawn


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(META.name):
        return 0
    stored = connection.execute(select(META.c.value).where(META.c.key == _VERSION)).scalar_one_or_none()
    if not isinstance(stored, bytes) or not stored.isdigit():
        raise StoreError(
            "the journal does not say which schema it has: put a copy back, or name another with --journal"
        )
    version = int(stored)
    if version > len(STEPS):
        raise SchemaVersionError(version, len(STEPS))
    return version
