"""What happened, in one line."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallCancelled,
    CallLost,
    CallQueued,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    ResultLost,
    RunFinished,
    RunStarted,
)
from attention_moa.messages import Stage
from attention_moa.reading import told_of
from attention_moa.records import Degradation, Loss, UsageTotal
from attention_moa.ui.events_told import told
from tests.worlds import World, a_spec

RUN: dict[str, Any] = {"run_id": "r", "at_s": 1.0}
CALL: dict[str, Any] = {**RUN, "call_id": "1.answer.a", "stage": Stage.ANSWER, "layer": 1, "agent": "a"}
LOSS = Loss(stage=Stage.ANSWER, layer=1, agent="a", call_id="1.answer.a", kind="TransportError", message="gone")

LESS = Degradation(layer=1, stage=Stage.REFINE, agent="a", what="its answer stands in", why="gone")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (CallQueued(**CALL), "Layer 1, answer by a: all that it reads is there."),
        (CallStarted(**CALL, attempt=1), "Layer 1, answer by a: sent."),
        (CallStarted(**CALL, attempt=2), "Layer 1, answer by a: sent again, attempt 2."),
        (
            CallRetried(**CALL, attempt=1, kind="ServerError", message="busy", wait_s=2.0),
            "Layer 1, answer by a: failed (ServerError: busy), to be tried again in 2.0 s.",
        ),
        (
            CallLost(**CALL, kind="ServerError", message="a\nb\u202e", attempts=1),
            "Layer 1, answer by a: lost (ServerError: a b ).",
        ),
        (CallCancelled(**CALL), "Layer 1, answer by a: cancelled."),
        (ResultLost(**RUN, loss=LOSS), "Layer 1, answer by a is missing: TransportError: gone."),
        (Degraded(**RUN, degradation=LESS), f"L{told_of(LESS)[1:]} (gone)."),
        (AnswerDelta(**RUN, text="x"), "The answer goes on."),
        (AnswerReset(**RUN, message="lost"), "What was told of the answer does not stand: lost."),
        (
            RunStarted(**RUN, ensemble="e", agents=("a",), layers=1, planned_calls=1, is_resumed=True),
            "The run goes on.",
        ),
        (
            RunFinished(**RUN, state="failed", text=None, usage=UsageTotal(), error="no quorum"),
            "The run ended without an answer: no quorum.",
        ),
        (RunFinished(**RUN, state="cancelled", text=None, usage=UsageTotal()), "The run was cancelled."),
    ],
)
def test_an_event_is_told_in_one_line(event: Event, words: str) -> None:
    """Whatever it is, and whatever it holds."""
    assert told(event) == words


def test_every_event_of_a_run_is_told() -> None:
    """None is silent."""
    world = World(a_spec(2, layers=2), has_deltas=True)
    world.run()
    lines = [told(event) for event in world.events]
    assert all(len(line) > 5 for line in lines)
    assert lines[0] == "The run begins."
    assert lines[-1] == "The run is finished."
    assert "Layer 1 is done." in lines
    assert any(line.startswith("Layer 1: ") for line in lines)
