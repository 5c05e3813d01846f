"""The counts of a fleet as a table: what each model was asked, what went wrong, what it read and wrote. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attention_moa.cli.account import count
from attention_moa.cli.layout import fold, table
from attention_moa.fleet.stats import ModelStats

_HEADINGS = ("model", "asked", "now", "in line", "faults", "prompt", "cached", "written")


def describe(stats: Mapping[str, ModelStats], bad_requests: int, *, room: int | None) -> list[str]:
    """Return the table of a fleet's counts and, below it, what went wrong how often.

    Args:
        stats: By model.
        bad_requests: Requests that reached no model.
        room: Most columns; None for any number.
    """
    rows = [_row(name, each) for name, each in stats.items()]
    if len(rows) > 1:
        rows.append(_row("all", total(stats)))
    lines = table(_HEADINGS, rows, room=room)
    return lines + [fold(line, room) for line in _troubles(stats, bad_requests)]


def total(stats: Mapping[str, ModelStats]) -> ModelStats:
    """Return the counts of all models together."""
    whole = ModelStats()
    for each in stats.values():
        for field in ModelStats.__struct_fields__:
            if field != "faults":
                setattr(whole, field, getattr(whole, field) + getattr(each, field))
    faults: Counter[str] = Counter()
    for each in stats.values():
        faults.update(each.faults)
    whole.faults = dict(faults.most_common())
    return whole


def _row(name: str, stats: ModelStats) -> tuple[str, ...]:
    faults = sum(stats.faults.values())
    counts = stats.requests, stats.working, stats.waiting, faults
    tokens = stats.prompt_tokens, stats.cached_tokens, stats.output_tokens
    return name, *map(_short, (*counts, *tokens))


def _short(number: int) -> str:
    """Return a number as it fits a column of seven characters: from 100,000 on in thousands or millions."""
    if number < 100_000:
        return f"{number:,}"
    return f"{number // 1000} k" if number < 1_000_000 else f"{number / 1_000_000:,.2f} M"


def _troubles(stats: Mapping[str, ModelStats], bad_requests: int) -> list[str]:
    whole = total(stats)
    lines: list[str] = []
    if whole.faults:
        lines.append("faults: " + ", ".join(f"{kind} {number:,}" for kind, number in whole.faults.items()))
    others = [
        f"{number:,} {what}"
        for number, what in (
            (whole.refused, "refused by a limit"),
            (whole.left, "given up by the client"),
            (bad_requests, "wrong in themselves"),
        )
        if number
    ]
    if others:
        lines.append("others: " + ", ".join(others))
    return lines


def in_short(stats: Mapping[str, ModelStats]) -> str:
    """Return the counts in one line."""
    whole = total(stats)
    parts = [f"{count(whole.requests, 'request')} over", f"{whole.working:,} now", f"{whole.waiting:,} in line"]
    parts += [f"{sum(whole.faults.values()):,} with a fault", f"{whole.output_tokens:,} tokens written"]
    return ", ".join(parts)
