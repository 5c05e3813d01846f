"""Events of a run of one layer, for tests of what is drawn of them."""

from __future__ import annotations

from attention_moa.events import CallEvent, CallFinished, CallQueued, CallStarted, RunStarted
from attention_moa.messages import Stage, Usage

STARTED = RunStarted(run_id="r", at_s=0.0, ensemble="e", agents=("a", "b"), layers=1, planned_calls=9)


def about(agent: str, peer: str | None = None, *, stage: Stage = Stage.ANSWER, at_s: float = 1.0) -> dict[str, object]:
    """Return the fields of an event of a call in the first layer."""
    name = ".".join(part for part in ("1", stage.value, agent, peer) if part is not None)
    return {"run_id": "r", "at_s": at_s, "call_id": name, "stage": stage, "layer": 1, "agent": agent, "peer": peer}


def begun(agent: str, peer: str | None = None, *, stage: Stage = Stage.ANSWER) -> list[CallEvent]:
    """Return the events of a call that was sent."""
    fields = about(agent, peer, stage=stage)
    return [CallQueued(**fields), CallStarted(**fields, attempt=1)]  # type: ignore[arg-type]  # by name


def finished(agent: str, *, text: str = "So it is.", **usage: int) -> CallFinished:
    """Return the event of an answer that is whole."""
    return CallFinished(**about(agent, at_s=2.0), text=text, finish_reason="stop", usage=Usage(**usage), elapsed_s=1.0)  # type: ignore[arg-type]  # by name
