"""One run from the command line, as ``ask`` and ``runs resume`` make it: watched while it goes on, then told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.cli.keeping import named
from attention_moa.cli.output import results_apart, say_json, tell
from attention_moa.cli.results import best_so_far, print_outcome, write_trace
from attention_moa.cli.running import Outcome, View, run_watched
from attention_moa.cli.views import Form
from attention_moa.codec import event_to_json, record_to_json
from attention_moa.events import Event
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation
from attention_moa.runtime import Ensemble


def run_once(
    ensemble: Ensemble,
    conversation: Conversation,
    *,
    view: View,
    form: Form,
    wish: RunWish,
    system: str | None = None,
    wanted: AnswerSpec = PLAIN,
) -> Outcome:
    """Return how a run ended.

    Args:
        ensemble: What runs.
        conversation: What it is asked.
        view: Shown every event.
        form: Of standard output: ``EVENTS`` prints each event.
        wish: Which run of the journal.
        system: A system prompt to put first.
        wanted: What the answer is to be.
    """
    results = sys.stdout

    def print_event(event: Event) -> None:
        say_json(event_to_json(event), results)

    observers = [print_event] if form is Form.EVENTS else []
    with results_apart():
        return asyncio.run(
            run_watched(ensemble, conversation, system=system, view=view, observers=observers, wish=wish, wanted=wanted)
        )


def report(outcome: Outcome, *, form: Form, trace: Path | None, journal: str | Path | None) -> int:
    """Print a run that is over, and return its exit code.

    Args:
        outcome: How it ended.
        form: Of standard output.
        trace: The file that the record goes to; None for none.
        journal: Where its calls are; None for nowhere.

    Raises:
        StoreError: The trace could not be written; the answer has been printed.
    """
    # The trace first, since whoever reads the answer may leave early; its failure last, since the answer is paid for.
    trouble = None if trace is None else write_trace(outcome.record, trace)
    if form is Form.JSON:
        say_json(record_to_json(outcome.record))
    print_outcome(outcome, form=form, has_table=sys.stderr.isatty())
    if outcome.has_more_to_come:
        _tell_what_is_left(outcome, form, journal)
    if trouble is not None:
        raise trouble
    return outcome.status


def _tell_what_is_left(outcome: Outcome, form: Form, journal: str | Path | None) -> None:
    """Say where the finished part of a run that ended early is; where it is nowhere else, show the best of it."""
    if journal is not None:
        tell(f"what was finished is kept: attention-moa runs resume {outcome.record.run_id}{named(journal)}")
    elif form is Form.QUIET and (best := best_so_far(outcome.record)) is not None:
        tell(f"[partial: {best[1]}]")
        tell(best[0])
