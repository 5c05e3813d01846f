"""``attention-moa runs delete``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option
from attention_moa.cli.numbers import Number

if TYPE_CHECKING:
    from attention_moa.store.journal import SqlJournal


@click.command("delete")
@click.argument("runs", nargs=-1)
@journal_option
@click.option("--older-than", type=Number(min=0), metavar="DAYS", help="Delete all runs that began longer ago instead.")
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask.")
def delete_runs(*, runs: tuple[str, ...], journal: str | None, older_than: float | None, is_sure: bool) -> int:
    """Delete RUNS, their calls and texts, for good. Runs that somebody is at stay.

    RUNS are ids, or beginnings or ends of ids.
    """
    from attention_moa.cli.account import count
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import tell

    if bool(runs) == (older_than is not None):
        raise click.UsageError("write which RUNS, or --older-than DAYS")

    async def find(opened: SqlJournal) -> list[str]:
        return list(dict.fromkeys([await find_run(opened, run) for run in runs]))

    found = with_journal(journal, find, is_only_read=False)
    what = ", ".join(found) if older_than is None else f"all runs older than {older_than:g} days"
    if not (is_sure or is_wanted(what)):
        tell("nothing was deleted")
        return 0

    async def delete(opened: SqlJournal) -> int:
        if older_than is not None:
            return await opened.prune(older_than)
        for run_id in found:
            await opened.delete(run_id)
        return len(found)

    tell(f"deleted: {count(with_journal(journal, delete, is_only_read=False), 'run')}")
    return 0


def is_wanted(what: str) -> bool:
    """Return whether the person at the terminal says yes; raise a usage error where nobody is there."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"this would delete {what}: say --yes")
    return click.confirm(f"Delete {what} for good?", err=True)
