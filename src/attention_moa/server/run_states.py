"""How far runs are, in one word wherever it is asked: a run that nobody is at any more was interrupted."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.errors import RunNotFoundError
from attention_moa.events import RunFinished
from attention_moa.ports import Journal
from attention_moa.records import RunRecord, RunState
from attention_moa.server.hub import Hub
from attention_moa.server.live import LiveRun
from attention_moa.stored_runs import RunRow

_PAGE = 200


def live_record(live: LiveRun) -> RunRecord:
    """Return the record of a run that is under way here, or lately was; one that never began has ended too."""
    record, last = live.record, live.events[-1:]
    if live.is_over and record.state == "running" and last and isinstance(last[0], RunFinished):
        return replace(record, state=last[0].state)
    return record


async def stored_record(journal: Journal, run_id: str) -> RunRecord:
    """Return the record of a run that is not under way here.

    Raises:
        RunNotFoundError: There is no such run.
        StoreError: The journal cannot be read.
    """
    record = await journal.record(run_id)
    if record.state == "running" and await journal.holder(run_id) is None:
        record = await journal.record(run_id)  # it may have ended while it was asked who is at it
        if record.state == "running":
            return replace(record, state="interrupted")
    return record


async def stored_rows(
    journal: Journal,
    hub: Hub,
    *,
    limit: int,
    before: str | None,
    owner: str | None,
    state: RunState | None,
    ensemble: str | None,
) -> list[RunRow]:
    """Return runs in the journal, the newest first, each in its state.

    Args:
        journal: The journal.
        hub: The runs under way here.
        limit: At most so many.
        before: Only runs older than this one.
        owner: Only this owner's; None for everybody's.
        state: Only runs in this state; None for any.
        ensemble: Only runs of the ensemble of this name; None for any.

    Raises:
        RunNotFoundError: There is no run ``before``, or it is another owner's.
        StoreError: The journal cannot be read.
    """
    stored: RunState | None = "running" if state == "interrupted" else state
    size = _PAGE if stored == "running" else limit  # of runs that ended, each fits
    found: list[RunRow] = []
    last = before
    while True:
        try:
            page = await journal.rows(limit=size, before=last, owner=owner, state=stored, ensemble=ensemble)
        except RunNotFoundError:
            if last == before:
                raise
            return found  # deleted since the page before
        standing = [_standing(row, hub) for row in page]
        found += [row for row in standing if state in (None, row.state)]
        if len(page) < size or len(found) >= limit:
            return found[:limit]
        last = page[-1].run_id


def _standing(row: RunRow, hub: Hub) -> RunRow:
    """Return a run's row with its state; one that ends here just now is let go of already, and not over."""
    if row.state != "running" or row.is_held:
        return row
    live = hub.get(row.run_id)
    return replace(row, state="interrupted") if live is None or live.is_over else replace(row, is_held=True)
