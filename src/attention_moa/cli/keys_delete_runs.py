"""``attention-moa keys delete-runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attention_moa.cli.keeping import journal_option

if TYPE_CHECKING:
    from attention_moa.store.database import Database
    from attention_moa.store.journal import SqlJournal


@click.command("delete-runs")
@click.argument("name")
@journal_option
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask.")
def delete_runs(*, name: str, journal: str | None, is_sure: bool) -> int:
    """Delete all runs of the key of NAME, their calls and texts, for good; what they cost stays counted.

    Runs that somebody is at stay.
    """
    from attention_moa.cli.account import count
    from attention_moa.cli.keys_opened import with_keys
    from attention_moa.cli.opened import with_journal
    from attention_moa.cli.output import tell
    from attention_moa.cli.runs_delete import is_wanted
    from attention_moa.server.key_store import KeyStore

    async def owner(database: Database) -> str:
        return (await KeyStore(database).get(name)).owner

    whose = with_keys(journal, owner, is_only_read=True)
    if not (is_sure or is_wanted(f"all runs of {name}")):
        tell("nothing was deleted")
        return 0

    async def delete(opened: SqlJournal) -> int:
        return await opened.delete_all(whose)

    tell(f"deleted: {count(with_journal(journal, delete, is_only_read=False), 'run')}")
    return 0
