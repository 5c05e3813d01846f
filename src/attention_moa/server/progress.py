"""A run's events as lines for a person, for who waits for the answer. Pure; no text of models or users is in them."""

from __future__ import annotations

from attention_moa.events import (
    AnswerReset,
    CallLost,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    LayerFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Stage

_DOES = {
    Stage.ANSWER: "answers",
    Stage.CRITIQUE: "reads the answers of others",
    Stage.REFINE: "refines its answer",
    Stage.SUMMARY: "sums up",
    Stage.RESIDUAL: "merges it with what was before",
    Stage.SELECT: "chooses",
    Stage.EXTRACT: "looks for what is new",
    Stage.REPAIR: "mends the answer's form",
}


def progress_line(event: Event) -> str | None:
    """Return one line on an event; None for one that is nothing to tell.

    Args:
        event: Any.
    """
    if isinstance(event, (CallStarted, CallRetried, CallLost)):
        what = _of_call(event)
        return None if what is None else f"layer {event.layer}: {event.agent} {what}"
    return _of_run(event)


def _of_call(event: CallStarted | CallRetried | CallLost) -> str | None:
    match event:
        case CallStarted():
            return _does(event.stage, event.agent, event.peer) if event.attempt == 1 else None
        case CallRetried():
            return f"tries again in {event.wait_s:.1f} s ({event.kind})"
        case CallLost():
            return f"is lost ({event.kind})"


def _of_run(event: Event) -> str | None:
    match event:
        case RunStarted():
            goes_on = "goes on with" if event.is_resumed else "begins:"
            return f"{event.ensemble} {goes_on} {_count(len(event.agents), 'agent')}, {_count(event.layers, 'layer')}"
        case Degraded(degradation=less):
            return f"layer {less.layer}: {less.what}"
        case LayerFinished():
            return f"layer {event.layer} is finished"
        case VerdictReached(verdict=verdict):
            is_end = verdict.is_stop or verdict.rule == "last"
            why = "" if verdict.rule == "none" else f" ({verdict.rule})"
            return f"layer {verdict.layer}: the run {'ends' if is_end else 'goes on'}{why}"
        case AnswerReset():
            return "what was written of the answer does not stand"
        case _:
            return None


def _does(stage: Stage, agent: str, peer: str | None) -> str:
    if stage is not Stage.CRITIQUE or peer is None:
        return _DOES[stage]
    return "reassesses its own answer" if agent == peer else f"reads {peer}'s answer"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
