"""``attention-moa ask``: one question, one answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.choice import Choice
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.keeping import Keeping, keeping_options
from attention_moa.cli.options import ensemble_option, layers_option, model_file_option, system_option
from attention_moa.cli.printing import Printing, printing_options

if TYPE_CHECKING:
    from attention_moa.cli.running import Outcome, View


@click.command(epilog=EXIT_CODES)
@click.argument("question", required=False)
@ensemble_option
@layers_option
@system_option
@click.option(
    "-f",
    "--file",
    "conversation_file",
    metavar="CONVERSATION",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Ask with these turns: JSON, the messages of the OpenAI API. QUESTION comes after them where both are given.",
)
@model_file_option
@printing_options
@keeping_options
def ask(
    *,
    question: str | None,
    ensemble: str,
    layers: int | None,
    system: str | None,
    conversation_file: Path | None,
    model_file: Path | None,
    printing: Printing,
    keeping: Keeping,
) -> int:
    """Ask QUESTION and print one answer.

    Without QUESTION it comes from the environment variable ATTENTION_MOA_QUESTION, else from standard input where that
    is no terminal; QUESTION - reads standard input. On a terminal the run is shown while it goes on. The answer goes to
    standard output, all else to standard error.

    Every call that ends is kept in the journal: a run that was interrupted goes on from there when the same is asked
    again, and pays for no call twice.
    """
    from attention_moa.cli.question import read_question

    conversation = read_question(question, conversation_file, system=system)
    choice = Choice(ensemble, layers, model_file)

    def run(view: View) -> Outcome:
        from attention_moa.cli.one_run import run_once

        loaded = choice.load(keeping)
        return run_once(loaded, conversation, system=system, view=view, form=printing.form, wish=keeping.wish)

    outcome = printing.watch(choice.spec(keeping.limits), run)
    from attention_moa.cli.one_run import report

    return report(outcome, form=printing.form, trace=printing.trace, journal=keeping.place)
