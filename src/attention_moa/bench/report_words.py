"""Numbers as a reader of a report reads them. Pure."""

from __future__ import annotations

from attention_moa.bench.scores import Interval, Score
from attention_moa.money import dollars

UNKNOWN = "?"
NONE = "-"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with separators; a dash where there is none.

    Args:
        value: The number.
        digits: After the point; a whole number (of type int) has none.
    """
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def spread(interval: Interval | None, digits: int = 2) -> str:
    """Return an interval in words; empty where there is none."""
    return (
        "" if interval is None else f"{number(float(interval.low), digits)} to {number(float(interval.high), digits)}"
    )


def told(score: Score | None) -> tuple[str, str]:
    """Return a score, and below it its interval and how many are missing."""
    if score is None:
        return NONE, ""
    missing = f"{score.missing:,} missing" if score.missing else ""
    return number(score.value), ", ".join(part for part in (spread(score.interval), missing) if part)


def money(usd: float | None, *, is_lower_bound: bool = False) -> str:
    """Return an amount; a question mark where nothing is known of it.

    Args:
        usd: What is known of it; None for nothing.
        is_lower_bound: Whether more belongs to it: then a ``+`` stands behind it.
    """
    return UNKNOWN if usd is None else at_least(dollars(usd), is_lower_bound=is_lower_bound)


def tokens(number: int, *, is_lower_bound: bool) -> str:
    """Return a number of tokens; a question mark where none is known and there were some.

    Args:
        number: Those that are known.
        is_lower_bound: Whether more belong to it: then a ``+`` stands behind it.
    """
    return UNKNOWN if is_lower_bound and not number else at_least(f"{number:,}", is_lower_bound=is_lower_bound)


def at_least(text: str, *, is_lower_bound: bool) -> str:
    """Return a number with a ``+`` behind it where it is a lower bound."""
    return f"{text}+" if is_lower_bound else text


def seconds(value: float | None) -> str:
    """Return a time."""
    return NONE if value is None else f"{value:,.1f} s" if value < 100 else f"{value:,.0f} s"


def count(value: int, what: str) -> str:
    """Return a number of things: ``1 question``, ``2 questions``."""
    return f"{value:,} {what}{'' if value == 1 else 's'}"
