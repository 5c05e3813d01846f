"""What happened, in one line for a person: plain text that may hold words of anybody. Pure."""

from __future__ import annotations

from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallCancelled,
    CallDelta,
    CallFinished,
    CallFirstToken,
    CallHappening,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.reading import reason_of, told_of
from attention_moa.ui.words import call_name, one_line, seconds

_DONE: dict[type[CallHappening], str] = {
    CallQueued: "all that it reads is there",
    CallFirstToken: "its reply begins",
    CallDelta: "it goes on",
    CallFinished: "done",
    CallReplayed: "replayed from an earlier run",
    CallCancelled: "cancelled",
}
_ENDS = {
    "finished": "The run is finished",
    "cancelled": "The run was cancelled",
    "failed": "The run ended without an answer",
}


def told(event: Event) -> str:
    """Return what happened, in one line."""
    if isinstance(event, CallHappening):
        words = one_line(f"{call_name(event.layer, event.stage, event.agent, event.peer)}: {_told_of_call(event)}")
    else:
        words = one_line(_told_of_run(event))
    return f"{words[:1].upper()}{words[1:]}."


def _told_of_call(event: CallHappening) -> str:
    match event:
        case CallStarted(attempt=attempt):
            return "sent" if attempt == 1 else f"sent again, attempt {attempt}"
        case CallRetried():
            return f"failed ({event.kind}: {event.message}), to be tried again in {seconds(event.wait_s)}"
        case CallLost():
            return f"lost ({event.kind}: {event.message})"
        case _:
            return _DONE[type(event)]


def _told_of_run(event: Event) -> str:
    match event:
        case RunStarted():
            return "The run goes on" if event.is_resumed else "The run begins"
        case RunFinished(state=state, error=error):
            return f"{_ENDS.get(state, state)}: {error}" if error else _ENDS.get(state, state)
        case AnswerDelta():
            return "The answer goes on"
        case AnswerReset():
            return f"What was told of the answer does not stand: {event.message}"
        case _:
            return _told_of_layer(event)


def _told_of_layer(event: Event) -> str:
    match event:
        case ResultLost(loss=loss):
            return f"{call_name(loss.layer, loss.stage, loss.agent, loss.peer)} is missing: {loss.kind}: {loss.message}"
        case Degraded(degradation=less):
            return f"{told_of(less)} ({less.why})"
        case LayerFinished(layer=layer):
            return f"Layer {layer} is done"
        case VerdictReached(verdict=verdict):
            return f"Layer {verdict.layer}: {reason_of(verdict)}"
        case _:  # a call's, which is told elsewhere
            return ""
