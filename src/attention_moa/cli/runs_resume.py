"""``attention-moa runs resume``: an interrupted run goes on from what is journaled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.keeping import Limits, journal_option, limit_options

if TYPE_CHECKING:
    from attention_moa.records import RunRecord
    from attention_moa.store.journal import SqlJournal


@click.command("resume", epilog=EXIT_CODES)
@click.argument("run", default="last")
@journal_option
@click.option("--reuse", "has_reuse", is_flag=True, help="Take replies to equal calls out of other runs, unpaid.")
@click.option("--json", "is_json", is_flag=True, help="Print the whole record of the run: one JSON document.")
@click.option("--events", "is_events", is_flag=True, help="Print what happens while it happens: one JSON event a line.")
@click.option("-q", "--quiet", "is_quiet", is_flag=True, help="Print the answer and nothing else.")
@click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the whole record to FILE as JSON, also when the run fails or is interrupted.",
)
@limit_options
def resume_run(
    *,
    run: str,
    journal: str | None,
    has_reuse: bool,
    is_json: bool,
    is_events: bool,
    is_quiet: bool,
    trace: Path | None,
    limits: Limits,
) -> int:
    """Go on with RUN: its finished calls are taken from the journal, the others are made.

    RUN is an id, its beginning or its end; without it, the newest run. A run that has finished prints its answer once
    more and sends nothing.
    """
    from attention_moa.cli.keeping import where_is
    from attention_moa.cli.opened import find_run, with_journal
    from attention_moa.cli.output import tell
    from attention_moa.cli.views import choose_form, choose_view

    form = choose_form(is_json=is_json, is_events=is_events, is_quiet=is_quiet)

    async def read(opened: SqlJournal) -> RunRecord:
        return await opened.record(await find_run(opened, run))

    record = with_journal(journal, read)
    spec = limits.apply(record.ensemble)
    place = where_is(journal)
    with choose_view(spec, form) as view:
        from attention_moa.cli.one_run import report, run_once
        from attention_moa.cli.results import require_writable
        from attention_moa.journaling import RunWish
        from attention_moa.runtime import Ensemble

        if trace is not None:
            require_writable(trace)
        ensemble = Ensemble(spec, journal=place, has_reuse=has_reuse)
        outcome = run_once(ensemble, record.conversation, view=view, form=form, wish=RunWish(run_id=record.run_id))
    if record.state == "finished":
        tell(f"run {record.run_id} had finished: nothing was sent, and no limit changes it")
    return report(outcome, form=form, trace=trace, journal=place)
