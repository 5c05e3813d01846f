"""``attention-moa ask``: one question, one answer."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from attention_moa.cli.exits import EXIT_CODES
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
@click.option(
    "--no-journal",
    "is_unjournaled",
    is_flag=True,
    help="Keep no journal of the run. This version keeps none anyway, so it changes nothing yet.",
)
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
    is_unjournaled: bool,  # noqa: ARG001 - true of every run of this version
) -> int:
    """Ask QUESTION and print one answer.

    Without QUESTION it comes from the environment variable ATTENTION_MOA_QUESTION, else from standard input where that
    is no terminal; QUESTION - reads standard input. On a terminal the run is shown while it goes on. The answer goes to
    standard output, all else to standard error.
    """
    from attention_moa.cli.question import read_question
    from attention_moa.cli.views import Form, choose_view
    from attention_moa.settings import load_spec

    chosen = [form for form, is_on in ((Form.JSON, is_json), (Form.EVENTS, is_events), (Form.QUIET, is_quiet)) if is_on]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0].value} and --{chosen[1].value} exclude each other")
    form = chosen[0] if chosen else Form.ANSWER
    conversation = read_question(question, conversation_file)
    with choose_view(with_layers(load_spec(ensemble), layers), form) as view:
        # The view is on the screen by now: what follows loads the providers' libraries.
        import asyncio

        from attention_moa.cli.output import say_json
        from attention_moa.cli.results import print_outcome, require_writable, write_trace
        from attention_moa.cli.running import run_watched
        from attention_moa.codec import event_to_json, record_to_json
        from attention_moa.events import Event
        from attention_moa.runtime import Ensemble

        def print_event(event: Event) -> None:
            say_json(event_to_json(event))

        if trace is not None:
            require_writable(trace)
        loaded = Ensemble.load(ensemble, layers=layers, model_file=model_file)
        observers = [print_event] if is_events else []
        outcome = asyncio.run(run_watched(loaded, conversation, system=system, view=view, observers=observers))
    # The trace first, since whoever reads the answer may leave early; its failure last, since the answer is paid for.
    trouble = None if trace is None else write_trace(outcome.record, trace)
    if form is Form.JSON:
        say_json(record_to_json(outcome.record))
    print_outcome(outcome, form=form, has_table=sys.stderr.isatty())
    if trouble is not None:
        raise trouble
    return outcome.status
