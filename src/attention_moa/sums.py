"""Tokens and money of many attempts as tables show them, where some may be unknown. Pure.

A number alone is the whole sum; ``N+`` is the sum of what is known, where more was not told; ``?`` is nothing known,
as where some attempts were refused, which costs nothing, and no other was told.
"""

from __future__ import annotations

from attention_moa.money import amount
from attention_moa.records import UsageTotal


def told_tokens(usage: UsageTotal, *counts: int) -> str:
    """Return a number of tokens as a cell: ``1,200``, ``1,200+``, ``?``.

    Args:
        usage: Of all attempts that the number is of.
        counts: The fields of ``usage`` that are added up.
    """
    return _cell(f"{sum(counts):,}", unknown=usage.unknown_calls, has_some=has_lower_bound(usage))


def told_usd(usage: UsageTotal) -> str:
    """Return money as a cell, without its sign: ``0.0012``, ``0.0012+``, ``?``."""
    return _cell(amount(usage.cost_usd), unknown=usage.unpriced_calls, has_some=usage.cost_usd > 0)


def has_lower_bound(usage: UsageTotal) -> bool:
    """Return whether some tokens are known, so that there is a lower bound: none or more is none."""
    return usage.input_tokens + usage.output_tokens > 0


def _cell(known: str, *, unknown: int, has_some: bool) -> str:
    if not unknown:
        return known
    return f"{known}+" if has_some else "?"
