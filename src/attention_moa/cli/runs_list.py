"""``attention-moa runs list``."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.numbers import Whole
from attention_moa.cli.printing import json_option

if TYPE_CHECKING:
    from attention_moa.store.journal import SqlJournal
    from attention_moa.stored_runs import RunRow

_HEADINGS = ("run", "began", "state", "ensemble", "calls ended", "tokens", "USD", "seconds", "question")
_QUESTION = 60


_WIDE = 110
"""From so many columns on, and in pipes, every column is shown."""


@click.command("list")
@journal_option
@click.option("-n", "--limit", type=Whole(min=1), default=20, show_default=True, metavar="N", help="At most N.")
@click.option("--before", metavar="RUN", help="Only runs that began before this one.")
@json_option("Print one JSON document.")
def list_runs(*, journal: str | None, limit: int, before: str | None, is_json: bool) -> int:
    """List the runs in the journal, the newest first."""
    from attention_moa.cli.layout import table
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import room_of, say, say_json, tell

    async def read(opened: SqlJournal) -> list[RunRow]:
        older_than = None if before is None else await find_run(opened, before)
        return await opened.rows(limit=limit, before=older_than)

    rows = with_journal(journal, read)
    if is_json:
        import msgspec

        say_json(msgspec.json.encode(rows))
        return 0
    if not rows:
        tell("no runs")
        return 0
    room = room_of(sys.stdout)
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    if room is not None and room < _WIDE:
        cells = [_narrow(row) for row in cells]
    for line in table(cells[0], cells[1:], room=room):
        say(line)
    if len(rows) == limit:
        tell(f"more: attention-moa runs list --before {rows[-1].run_id}")
    return 0


def _cells(row: RunRow) -> tuple[str, ...]:
    from attention_moa.cli.clean import one_line

    began = f"{datetime.fromisoformat(row.created_at).astimezone():%Y-%m-%d %H:%M}"
    tokens, usd = _sums(row)
    seconds = "-" if row.wall_s is None else f"{row.wall_s:.1f}"
    question = one_line(row.question, _QUESTION)
    return (row.run_id, began, state_of(row), row.ensemble, f"{row.calls:,}", tokens, usd, seconds, question)


def _narrow(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a narrow terminal has room for: of the id its end, which names a run too; of the time no year."""
    run, began, state, _, calls, _, usd, _, question = cells
    return run[-8:], began[-11:], state, calls, usd, question


def state_of(row: RunRow) -> str:
    """Return how far a run is, in a word; what is not over and has nobody at it was interrupted."""
    if row.is_held:
        return "running"
    return "interrupted" if row.state == "running" else row.state


def _sums(row: RunRow) -> tuple[str, str]:
    from attention_moa.sums import told_tokens, told_usd

    usage = row.usage
    if usage is None:
        return "-", "-"
    return told_tokens(usage, usage.input_tokens, usage.output_tokens), told_usd(usage)
