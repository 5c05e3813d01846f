"""Money that servers held which are no more: what their runs cost stands in the journal, and is counted from there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime

from attention_moa.errors import RunNotFoundError, StoreError
from attention_moa.server.money_left import counted_usd
from attention_moa.server.spending import Held, Spending
from attention_moa.store.journal import SqlJournal
from attention_moa.telemetry.lines import FIELDS

EVERY_S = 60.0
UNBEGUN_S = 900.0
"""Seconds after which a run that has not begun is not going to."""

_LOG = logging.getLogger("attention_moa.server")


async def settle_leftovers(
    spending: Spending, journal: SqlJournal, *, own: Callable[[], Collection[str]], now: Callable[[], datetime]
) -> int:
    """Settle what is held for runs that nobody is at; return how many.

    Args:
        spending: Who holds what.
        journal: Where the runs are.
        own: Returns the ids of the charges of this server's runs, which settle them themselves.
        now: The time, in UTC.

    Raises:
        StoreError: The database cannot be read or written.
    """
    settled = 0
    for held in await spending.held():
        if held.charge_id in own():
            continue
        usd = await _cost(journal, held, age_s=now().timestamp() - held.created)
        if usd is not None and held.charge_id not in own():
            await spending.settle(held, held.run_id, usd)
            _LOG.info("server.leftover_settled", extra={FIELDS: {"run_id": held.run_id}})
            settled += 1
    return settled


async def _cost(journal: SqlJournal, held: Held, *, age_s: float) -> float | None:
    """Return what a run counts with that nobody is at; None while somebody is, or may still be about to begin it."""
    if held.run_id is None:
        # Between the first of its calls and the note of its id its server died: what it cost nobody knows.
        return held.usd if age_s > UNBEGUN_S else None
    try:
        if await journal.holder(held.run_id) is not None:
            return None
        record = await journal.record(held.run_id)
    except RunNotFoundError:
        # It was deleted, or the journal could not keep it.
        return held.usd if age_s > UNBEGUN_S else None
    except StoreError:
        _LOG.warning("server.leftover_unreadable", extra={FIELDS: {"run_id": held.run_id}})
        return held.usd
    return counted_usd(record, held_usd=held.usd, call_usd=held.call_usd)
