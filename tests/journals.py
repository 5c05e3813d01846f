"""Runs and calls to put into journals, and a PostgreSQL server to keep them on."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from attention_moa.config import EnsembleSpec
from attention_moa.messages import Conversation, Sampling, Stage, Usage, user
from attention_moa.records import Attempt, CallRecord, CallState, RunHead, RunRecord, RunState, UsageTotal
from tests.worlds import a_spec

SCRIPT = Path(__file__).parents[1] / "scripts" / "postgres.sh"
VARIABLE = "ATTENTION_MOA_TEST_POSTGRES"
QUESTION: Conversation = (user("Why is the sky blue?"),)
SPEC: EnsembleSpec = a_spec(2)


def a_head(run_id: str = "run-1", *, minute: int = 0, request_key: str = "request", **fields: Any) -> RunHead:
    """Return a run's head; a later minute makes a newer run."""
    told: dict[str, Any] = {
        "run_id": run_id,
        "created_at": f"2026-01-01T00:{minute:02}:00.000+00:00",
        "ensemble": SPEC,
        "conversation": QUESTION,
        "request_key": request_key,
    }
    return RunHead(**(told | fields))


def a_call(
    call_id: str = "1.answer.a", *, state: CallState = "finished", reply: str = "It scatters.", **fields: Any
) -> CallRecord:
    """Return a call that finished, or was lost."""
    is_finished = state == "finished"
    told: dict[str, Any] = {
        "call_id": call_id,
        "stage": Stage.ANSWER,
        "layer": 1,
        "agent": "a",
        "model": "test:a",
        "sampling": Sampling(temperature=0.5),
        "messages": QUESTION,
        "state": state,
        "reads": (),
        "queued_s": 0.0,
        "ended_s": 1.5,
        "attempts": (
            Attempt(
                started_s=0.0,
                ended_s=1.5,
                error=None if is_finished else "ServerError",
                usage=Usage(input_tokens=10, output_tokens=5),
            ),
        ),
        "text": reply if is_finished else None,
        "finish_reason": "stop" if is_finished else None,
        "error": None if is_finished else "ServerError",
        "message": None if is_finished else "down",
        "fingerprint": f"key of {call_id}",
    }
    return CallRecord(**(told | fields))


def a_record(head: RunHead, *calls: CallRecord, state: RunState = "finished", **fields: Any) -> RunRecord:
    """Return the record of a run that has come to its end."""
    told: dict[str, Any] = {
        "run_id": head.run_id,
        "created_at": head.created_at,
        "ensemble": head.ensemble,
        "conversation": head.conversation,
        "state": state,
        "text": "It scatters." if state == "finished" else None,
        "calls": calls,
        "usage": UsageTotal(calls=len(calls)),
        "wall_s": 2.0,
    }
    return RunRecord(**(told | fields))


@contextmanager
def postgres() -> Iterator[str]:
    """Lend the URL of a PostgreSQL server: the one that a variable names, else a new one.

    Raises:
        FileNotFoundError: There is none on this machine.
    """
    if named := os.environ.get(VARIABLE):  # noqa: TID251 - the tests' own
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="moa-postgres-", ignore_cleanup_errors=True) as folder:
        started = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, timeout=120, check=False)
        if started.returncode == 3:
            raise FileNotFoundError(started.stderr.strip())
        assert started.returncode == 0, started.stderr
        try:
            yield started.stdout.strip()
        finally:
            subprocess.run([SCRIPT, "stop", folder], capture_output=True, timeout=120, check=True)


async def a_database(server: str) -> str:
    """Return the URL of a new database on a server."""
    name = f"moa_{uuid4().hex}"
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
    finally:
        await engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
