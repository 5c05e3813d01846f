"""The tables as queries name them; ``migrations.py`` makes them. Texts of any kind are packed into bytes."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()

META = Table(
    "moa_meta",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

RUNS = Table(
    "moa_runs",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("ensemble", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("is_redacted", Boolean, nullable=False),
    Column("holder", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("text", Text),
    Column("usage", LargeBinary),
    Column("wall_s", Double),
    Column("spec", LargeBinary, nullable=False),
    Column("conversation", LargeBinary, nullable=False),
    Column("record", LargeBinary),
    Column("owner", Text, nullable=False),
    Column("labels", LargeBinary),
    Column("wanted", LargeBinary),
    Column("salt", LargeBinary),
)

CALLS = Table(
    "moa_calls",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("is_redacted", Boolean, nullable=False),
    Column("ended_s", Double, nullable=False),
    Column("created", Double, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("model", Text),
    Column("facts", LargeBinary),
)

DECISIONS = Table(
    "moa_decisions",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

EVENTS = Table(
    "moa_events",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
"""A row holds some of a run's events, each with its number; ``seq`` is the last one's."""
