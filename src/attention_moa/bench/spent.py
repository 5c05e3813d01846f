"""What runs in a journal have cost so far."""

from __future__ import annotations

from attention_moa.accounting import call_usage
from attention_moa.ports import Journal

_PAGE = 1000


async def spent_usd(journal: Journal, *prefixes: str) -> float:
    """Return what runs have cost so far, as far as their prices are known.

    Args:
        journal: Where they are.
        prefixes: What their names begin with, any of these.
    """
    total, before = 0.0, None
    while rows := await journal.rows(limit=_PAGE, before=before):
        for row in rows:
            if row.run_id.startswith(prefixes):
                usage = row.usage or call_usage((await journal.record(row.run_id)).calls)
                total += usage.cost_usd
        before = rows[-1].run_id
    return total
