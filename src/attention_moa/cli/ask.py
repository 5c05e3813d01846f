"""``attention-moa ask``: one question, one answer."""

from __future__ import annotations

from pathlib import Path

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.keeping import Keeping, keeping_options
from attention_moa.cli.options import ensemble_option, layers_option, model_file_option, system_option, with_layers


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
@click.option("--json", "is_json", is_flag=True, help="Print the whole record of the run: one JSON document.")
@click.option("--events", "is_events", is_flag=True, help="Print what happens while it happens: one JSON event a line.")
@click.option("-q", "--quiet", "is_quiet", is_flag=True, help="Print the answer and nothing else.")
@click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the whole record to FILE as JSON, also when the run fails or is interrupted.",
)
@keeping_options
def ask(
    *,
    question: str | None,
    ensemble: str,
    layers: int | None,
    system: str | None,
    conversation_file: Path | None,
    model_file: Path | None,
    is_json: bool,
    is_events: bool,
    is_quiet: bool,
    trace: Path | None,
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
    from attention_moa.cli.views import choose_form, choose_view
    from attention_moa.settings import load_spec

    form = choose_form(is_json=is_json, is_events=is_events, is_quiet=is_quiet)
    conversation = read_question(question, conversation_file, system=system)
    spec = keeping.limits.apply(with_layers(load_spec(ensemble), layers))
    with choose_view(spec, form) as view:
        # The view is on the screen by now: what follows loads the providers' libraries.
        from attention_moa.cli.one_run import report, run_once
        from attention_moa.cli.results import require_writable
        from attention_moa.runtime import Ensemble

        if trace is not None:
            require_writable(trace)
        loaded = Ensemble.load(
            ensemble,
            layers=layers,
            model_file=model_file,
            journal=keeping.place,
            has_reuse=keeping.has_reuse,
            is_replay=keeping.is_replay,
        )
        loaded.spec = keeping.limits.apply(loaded.spec)
        outcome = run_once(loaded, conversation, system=system, view=view, form=form, wish=keeping.wish)
    return report(outcome, form=form, trace=trace, journal=keeping.place)
