"""``attention-moa runs resume``: an interrupted run goes on from what is journaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.keeping import Limits, journal_option, limit_options, reuse_option
from attention_moa.cli.printing import Printing, printing_options

if TYPE_CHECKING:
    from attention_moa.cli.running import Outcome, View
    from attention_moa.records import RunRecord
    from attention_moa.store.journal import SqlJournal
    from attention_moa.stored_runs import RunHead


@click.command("resume", epilog=EXIT_CODES)
@click.argument("run", default="last")
@journal_option
@reuse_option
@printing_options
@limit_options
def resume_run(*, run: str, journal: str | None, has_reuse: bool, printing: Printing, limits: Limits) -> int:
    """Go on with RUN: its finished calls are taken from the journal, the others are made.

    RUN is an id, its beginning or its end; without it, the newest run. A run that has finished prints its answer once
    more and sends nothing.
    """
    from attention_moa.cli.keeping import where_is
    from attention_moa.cli.opened import find_run, with_journal

    async def read(opened: SqlJournal) -> tuple[RunRecord, RunHead]:
        run_id = await find_run(opened, run)
        return await opened.record(run_id), await opened.head(run_id)

    record, head = with_journal(journal, read)
    spec = limits.apply(record.ensemble)
    place = where_is(journal)

    def go_on(view: View) -> Outcome:
        from attention_moa.cli.one_run import run_once
        from attention_moa.journaling import RunWish
        from attention_moa.runtime import Ensemble

        ensemble = Ensemble(spec, journal=place, has_reuse=has_reuse)
        wish = RunWish(run_id=record.run_id, owner=head.owner)
        form = printing.form
        return run_once(ensemble, record.conversation, view=view, form=form, wish=wish, wanted=head.wanted)

    outcome = printing.watch(spec, go_on)
    from attention_moa.cli.one_run import report
    from attention_moa.cli.output import tell

    if record.state == "finished":
        tell(f"run {record.run_id} had finished: nothing was sent, and no limit changes it")
    return report(outcome, form=printing.form, trace=printing.trace, journal=place)
