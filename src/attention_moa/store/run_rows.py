"""What is asked and done of one run's rows, whoever holds it."""

from __future__ import annotations

from attention_moa.errors import RunNotFoundError, StoreError
from attention_moa.store.holds import this_process
from attention_moa.store.packing import unpack
from attention_moa.store.rows import AnyRow
from attention_moa.store.run import Kept, Shelf
from attention_moa.store.statements import (
    CALLS_OF_RUN,
    DECISIONS_OF_RUN,
    DELETIONS,
    GIVE_UP,
    GIVEN_UP,
    HEAD,
    UPDATE_RUN,
)
from attention_moa.store.views import TRIES_AGAIN


async def row_of(shelf: Shelf, run_id: str) -> AnyRow:
    """Return a run's row; raise ``RunNotFoundError`` where there is none."""
    async with shelf.database.read() as connection:
        row = (await connection.execute(HEAD, {"of_run": run_id})).first()
    if row is None:
        raise RunNotFoundError(run_id)
    return row


async def take_up(shelf: Shelf, row: AnyRow) -> None:
    """Write down that this process is at a run; one that has finished stays finished.

    Raises:
        StoreError: What it was asked is not what is stored.
    """
    if row.is_redacted:
        raise StoreError(f"run {row.run_id} was stored with its question redacted: ask anew")
    async with shelf.database.write() as connection:
        if row.state in TRIES_AGAIN:
            await connection.execute(GIVE_UP, {"of_run": row.run_id})
        state = "finished" if row.state == "finished" else "running"
        await connection.execute(UPDATE_RUN, {"of_run": row.run_id, "state": state, "holder": this_process()})


async def kept_of(shelf: Shelf, run_id: str) -> Kept:
    """Return what a run has that may be found again: no call that was given up, and none that a hook changed."""
    async with shelf.database.read() as connection:
        calls = (await connection.execute(CALLS_OF_RUN, {"of_run": run_id})).all()
    found = {
        (call.fingerprint, call.call_id): call.record
        for call in calls
        if call.state != GIVEN_UP and not call.is_redacted
    }
    decided = await decisions_of(shelf, run_id)
    return Kept(dict(found), decided, max((call.ended_s for call in calls), default=0.0))


async def decisions_of(shelf: Shelf, run_id: str) -> dict[str, object]:
    """Return what was decided in a run, by key."""
    async with shelf.database.read() as connection:
        decisions = (await connection.execute(DECISIONS_OF_RUN, {"of_run": run_id})).all()
    return {row.key: unpack(row.value, object) for row in decisions}


async def delete_run(shelf: Shelf, run_id: str) -> None:
    """Take a run and all that belongs to it out, at once or not at all."""
    async with shelf.database.write() as connection:
        for deletion in DELETIONS:
            await connection.execute(deletion, {"of_run": run_id})
