"""Money that is known whole, in part or not at all: a sum of what is known, and whether more belongs to it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from attention_moa.journaling import CUT_OFF
from attention_moa.records import RunRecord


class Money(NamedTuple):
    """What something cost.

    Args:
        usd: As far as it is known; None where nothing is.
        is_lower_bound: Whether more belongs to it that nobody told.
    """

    usd: float | None
    is_lower_bound: bool = False


NOTHING = Money(0.0)


def money_of(usd: float, *, is_lower_bound: bool) -> Money:
    """Return a sum of what is known.

    Args:
        usd: The sum; 0 where nothing is known.
        is_lower_bound: Whether more belongs to it.
    """
    return Money(None if is_lower_bound and not usd else usd, is_lower_bound)


def sum_of(parts: Iterable[Money]) -> Money:
    """Return the sum of what is known of many amounts; None only where nothing is known and something should be."""
    told = tuple(parts)
    known = sum(part.usd or 0.0 for part in told)
    return money_of(known, is_lower_bound=any(part.is_lower_bound or part.usd is None for part in told))


def run_money(record: RunRecord) -> Money:
    """Return what a run cost.

    What was under way when a run was cut off is in no sum; where all that is known cost nothing, that did not either.

    Args:
        record: Whole, or in part where the run failed.
    """
    usage = record.usage
    has_lost = is_cut_off(record) and usage.cost_usd > 0
    return money_of(usage.cost_usd, is_lower_bound=usage.unpriced_calls > 0 or has_lost)


def is_cut_off(record: RunRecord) -> bool:
    """Return whether a run went on after the end of a process, which may have had calls under way."""
    return CUT_OFF in record.notes
