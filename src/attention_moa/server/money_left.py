"""What a key may still spend, and what a run of its counts with. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from attention_moa.money import as_written, dollars, dollars_left
from attention_moa.records import RunRecord
from attention_moa.server.errors import RETRY_S, ApiError
from attention_moa.server.keys import Key

_CHEAPER = ("layers", "usd")
"""The fields of ``attention_moa`` by which a request costs less."""


class Sums(NamedTuple):
    """US dollars of a key.

    Args:
        today: Spent on this day of UTC.
        in_all: Spent ever, today too.
        held_today: Held by runs under way that began today.
        held: Held by all runs under way.
    """

    today: float = 0.0
    in_all: float = 0.0
    held_today: float = 0.0
    held: float = 0.0


def require_left(key: Key, sums: Sums, usd: float, now: datetime) -> None:
    """Raise where a run may cost more than a key has left.

    Args:
        key: Whose budgets count.
        sums: What it spent and holds.
        usd: What the run may cost.
        now: In UTC.

    Raises:
        ApiError: 429, with a wait where that helps: for midnight, or for a run under way to give back what it holds.
    """
    rules = key.rules
    budgets = (
        ("in all", rules.usd, sums.in_all, sums.held, None),
        ("a day (UTC)", rules.usd_per_day, sums.today, sums.held_today, _until_midnight_s(now)),
    )
    for when, limit, spent, held, wait_s in budgets:
        if limit is None or spent + held + usd <= limit:
            continue
        may_fit = spent + usd <= limit
        left = dollars_left(max(limit - spent - held, 0.0))
        raise ApiError(
            429,
            f"this run may cost {dollars(usd)}, and the key {key.name} has {left} left of ${as_written(limit)} "
            f"{when}: {_mend(key, may_fit=may_fit, has_new_day=wait_s is not None and usd <= limit)}",
            type="insufficient_quota",
            code="budget_exceeded",
            retry_after_s=RETRY_S if may_fit else wait_s if usd <= limit else None,
        )


def _mend(key: Key, *, may_fit: bool, has_new_day: bool) -> str:
    """Return what the key's holder can do about it: with what the key may set, and no other."""
    if may_fit:
        return "ask again when its runs under way have ended"
    refused = key.not_set(_CHEAPER)
    cheaper = [f"attention_moa.{name}" for name in _CHEAPER if name not in refused]
    means = " or ".join(cheaper) or "a shorter question, fewer tokens for the answer, or another model"
    return f"ask for less with {means}{', or wait for midnight' if has_new_day else ''}"


def counted_usd(record: RunRecord, *, held_usd: float, call_usd: float) -> float:
    """Return what a run counts with.

    What is not known counts with what the plan expected: a call by call where the run came to its end, and all of it
    where its process died, since nobody can say then what was under way.

    Args:
        record: What there is of it.
        held_usd: What was held for it.
        call_usd: What the plan expected of a call.
    """
    known = record.usage.cost_usd
    if record.state == "running":
        return max(known, held_usd)
    return known + record.usage.unpriced_calls * call_usd


def _until_midnight_s(now: datetime) -> float:
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    return (midnight - now).total_seconds()
