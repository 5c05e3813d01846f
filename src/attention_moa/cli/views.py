"""What goes where: the form of the output, and the view of a run that suits it."""

from __future__ import annotations

import sys
from enum import Enum
from typing import TYPE_CHECKING, TextIO

from attention_moa.config import EnsembleSpec

if TYPE_CHECKING:
    from attention_moa.cli.running import View


class Form(Enum):
    """What goes to standard output."""

    ANSWER = "answer"
    QUIET = "quiet"
    JSON = "json"
    EVENTS = "events"


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
