"""No key reaches the journal, an event, a record or an error, wherever a key can stand."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from attention_moa import AgentSpec, Ensemble, EnsembleSpec
from attention_moa.config import CallPolicy
from attention_moa.errors import MoaError
from attention_moa.events import Event
from attention_moa.store import open_journal
from attention_moa.store.packing import plain_json
from tests.asking import run
from tests.fake_openai import FakeOpenAI, fails, says

KEY = "sk-marked-0123456789abcdefghij"


def everything(path: Path) -> bytes:
    """Return every cell of every table but the secret, unpacked, and the raw files."""
    with sqlite3.connect(path) as connection:
        cells = [
            cell
            for table in ("moa_runs", "moa_calls", "moa_decisions")
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - the names are here
            for cell in row
        ]
    connection.close()
    unpacked = (plain_json(cell) if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
    raw = (file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    return b"\n".join((*unpacked, *raw))


@pytest.mark.parametrize(
    ("status", "echo"),
    [
        (401, f"Incorrect API key provided: {KEY}."),
        (400, f"Bad header Authorization: Bearer {KEY}"),
        (500, f"upstream failed for key={KEY}"),
    ],
)
def test_an_endpoint_that_repeats_the_key_spreads_it_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, echo: str
) -> None:
    """Not from the environment, not from the URL of the endpoint's error, not in a lost call."""
    monkeypatch.setenv("MARKED_KEY", KEY)
    path = tmp_path / "journal.db"
    events: list[Event] = []

    async def scenario() -> str:
        async with FakeOpenAI(says("The sky."), fails(status, echo)) as server:
            agents = tuple(
                AgentSpec(name=name, model="openai:fake", base_url=server.base_url, api_key_env="MARKED_KEY")
                for name in ("a", "b")
            )
            spec = EnsembleSpec(agents=agents, layers=1, calls=CallPolicy(retry_wait_s=0.0))
            async with open_journal(path) as journal, Ensemble(spec, journal=journal) as ensemble:
                said = ""
                try:
                    await ensemble.run("Why is the sky blue?", observers=[events.append])
                except MoaError as error:
                    said = f"{error!r} {error}"
                assert any(seen.headers["Authorization"] == f"Bearer {KEY}" for seen in server.requests)
                (row,) = await journal.rows()
                return said + repr(await journal.record(row.run_id)) + repr(row)

    shown = run(scenario)
    assert KEY not in shown
    assert KEY not in repr(events)
    assert KEY.encode() not in everything(path)
    assert b"MARKED_KEY" in everything(path)
    assert "lost" in shown
