"""The head of a run's pages: what was asked, how far it is, and the way to its other pages."""

from __future__ import annotations

from markupsafe import Markup

from attention_moa.ui.html import render
from attention_moa.ui.names import name_html
from attention_moa.ui.ports import Standing
from attention_moa.ui.run_states import ShownState, shown_state
from attention_moa.ui.words import seconds

_QUESTION = 300


def run_head(standing: Standing, tab: str) -> Markup:
    """Return the head of a page.

    Args:
        standing: The run.
        tab: Which page it is.
    """
    record = standing.record
    asked = next((turn.text for turn in reversed(record.conversation) if turn.role == "user"), "")
    state = state_of(standing)
    return render(
        "run-head.html",
        run_id=record.run_id,
        tab=tab,
        question=name_html(asked, _QUESTION),
        ensemble=name_html(record.ensemble.name),
        state=state,
        at=record.created_at,
        took=None if state in ("running", "elsewhere") else seconds(record.wall_s),
    )


def state_of(standing: Standing) -> ShownState:
    """Return how far a run is, seen from here."""
    return shown_state(standing.record.state, is_here=standing.is_under_way)
