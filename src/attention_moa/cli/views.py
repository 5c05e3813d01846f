"""What goes where: the form of the output, and the view of a run that suits it."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, TextIO

import click

from attention_moa.config import EnsembleSpec

if TYPE_CHECKING:
    from attention_moa.cli.running import View


class Form(Enum):
    """What goes to standard output."""

    ANSWER = "answer"
    QUIET = "quiet"
    JSON = "json"
    EVENTS = "events"


def choose_form(*, is_json: bool, is_events: bool, is_quiet: bool) -> Form:
    """Return the form that the flags ask for; raise a usage error where they ask for two."""
    chosen = [form for form, is_on in ((Form.JSON, is_json), (Form.EVENTS, is_events), (Form.QUIET, is_quiet)) if is_on]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0].value} and --{chosen[1].value} exclude each other")
    return chosen[0] if chosen else Form.ANSWER


def choose_view(spec: EnsembleSpec, form: Form) -> View:
    """Return the view for a run.

    On a terminal that is the live view: on standard error, so that standard output may go elsewhere; on standard output
    where that alone is a terminal and gets the answer. Elsewhere, and on a terminal that can only type, it is a line
    now and then beside an answer, and nothing beside JSON.

    Args:
        spec: What runs.
        form: What goes to standard output.
    """
    from attention_moa.cli.plain import LineView, SilentView

    terminal = _terminal(form)
    if terminal is not None:
        from attention_moa.cli.live import LiveView, can_repaint

        if can_repaint(terminal):
            return LiveView(spec, terminal)
    return LineView(spec) if form is Form.ANSWER else SilentView()


def _terminal(form: Form) -> TextIO | None:
    if form is Form.QUIET or (form is Form.EVENTS and sys.stdout.isatty()):
        return None  # events that scroll by on the same screen would tear the view apart
    if sys.stderr.isatty():
        return sys.stderr
    return sys.stdout if form is Form.ANSWER and sys.stdout.isatty() else None
