"""Numbers as the page writes them. Pure."""

from __future__ import annotations

from attention_moa.money import dollars

_THIN = "\u202f"


def number(count: float) -> str:
    """Return a count in few characters: 950, 9,500, 12.3k, 4.5M."""
    if count < 1e4:
        return f"{count:,.0f}"
    size, unit = (1e6, "M") if count >= 1e6 else (1e3, "k")
    shown = count / size
    return f"{shown:.0f}{unit}" if shown >= 100 else f"{shown:.1f}{unit}"


def clock(seconds: float) -> str:
    """Return a time as a clock shows it: 8.4 s, 42 s, 3:05, 1:02:09."""
    if seconds < 9.95:
        return f"{seconds:.1f}{_THIN}s"
    whole = round(seconds)  # as everywhere: a time that is cut here and rounded there would be two
    if whole < 60:
        return f"{whole}{_THIN}s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def money(usd: float | None) -> str:
    """Return a sum of US dollars; one that nobody knows is said to be unknown."""
    return "unknown" if usd is None else dollars(usd)
