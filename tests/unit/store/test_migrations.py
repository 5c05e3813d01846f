"""A journal that an earlier version made."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from attention_moa.events import CallQueued, Event
from attention_moa.messages import Stage
from attention_moa.store import open_journal
from attention_moa.store.identity import APPLICATION_ID
from attention_moa.store.migrations import STEPS
from attention_moa.store.packing import pack
from tests.journals import a_call, a_head, a_record

EVENTS: list[tuple[int, Event]] = [
    (1, CallQueued(run_id="run-1", at_s=0.0, call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a"))
]


def an_old_journal(file: Path) -> None:
    """Make a journal of the first version that holds one call of one run."""
    head, call = a_head(), a_call()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for statement in STEPS[0]:
            connection.execute(statement.format(bytes="BLOB"))
        connection.execute("INSERT INTO moa_meta VALUES ('secret', ?), ('schema_version', ?)", (bytes(32), b"1"))
        run = (head.run_id, head.created_at, "running", "", "request", 0, False, "", "", pack(head.ensemble))
        connection.execute(
            "INSERT INTO moa_runs (run_id, created_at, state, ensemble, request_key, sample, is_redacted, holder,"
            " question, spec, conversation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*run, pack(head.conversation)),
        )
        connection.execute(
            "INSERT INTO moa_calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (head.run_id, call.fingerprint, call.call_id, "finished", False, call.ended_s, 0.0, pack(call)),
        )


def test_an_old_journal_is_brought_to_this_version(tmp_path: Path) -> None:
    """Its runs go on; its calls are in no plan, those from now on are."""
    file = tmp_path / "journal.db"
    an_old_journal(file)

    async def scenario() -> None:
        async with open_journal(file) as journal:
            assert await journal.experience(["test:a"]) == {}
            assert await journal.head("run-1") == a_head()
            assert await journal.unfinished("request") == "run-1"
            assert [row.owner for row in await journal.rows(owner="")] == [""]
            place = await journal.resume("run-1")
            assert await place.find("key of 1.answer.a", call_id="1.answer.a") == a_call()
            await place.put("new", a_call("1.answer.b"))
            await place.end(a_record(place.head, a_call(), a_call("1.answer.b")))
            assert (await journal.experience(["test:a"]))["test:a"].calls == 1
            await journal.keep_events("run-1", EVENTS)
            assert await journal.events("run-1") == EVENTS

    asyncio.run(scenario())
    with closing(sqlite3.connect(file)) as connection:
        (version,) = connection.execute("SELECT value FROM moa_meta WHERE key = 'schema_version'").fetchone()
        (how,) = connection.execute(
            "EXPLAIN QUERY PLAN SELECT run_id, facts FROM moa_calls WHERE model = 'm' ORDER BY created DESC LIMIT 9"
        ).fetchall()
    assert int(version) == len(STEPS)
    assert "COVERING INDEX moa_calls_by_model" in how[-1]


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("owner = 'alice'", "moa_runs_by_owner"),
        ("owner = 'alice' AND (created_at, run_id) < ('2026', 'run')", "moa_runs_by_owner"),
        ("state = 'failed'", "moa_runs_by_state"),
        ("ensemble = 'embedded'", "moa_runs_by_ensemble"),
        ("owner = '' AND request_key = 'k' AND state IN ('running', 'failed')", "moa_runs_by_request"),
    ],
)
def test_lists_of_some_runs_read_no_others(tmp_path: Path, where: str, index: str) -> None:
    """An index has them in their order: nothing is sorted, however many there are."""
    file = tmp_path / "journal.db"

    async def scenario() -> None:
        async with open_journal(file):
            pass

    asyncio.run(scenario())
    order = "created_at DESC" if "request_key" in where else "created_at DESC, run_id DESC"
    with closing(sqlite3.connect(file)) as connection:
        query = f"EXPLAIN QUERY PLAN SELECT run_id, holder FROM moa_runs WHERE {where} ORDER BY {order} LIMIT 9"  # noqa: S608 - ours
        (how,) = connection.execute(query).fetchall()
    assert f"USING INDEX {index} " in how[-1]
