"""What a run looks like at one moment: events in, the state of every call out. Pure, without a terminal."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from attention_moa.config import EnsembleSpec
from attention_moa.events import (
    CallCancelled,
    CallDelta,
    CallFinished,
    CallFirstToken,
    CallHappening,
    CallLost,
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
from attention_moa.messages import Stage
from attention_moa.reading import reason_of, told_of
from attention_moa.records import Loss
from attention_moa.schedule import Pair, count_calls, count_layer_calls, pairs

_TAIL = 2000
_STAGES = tuple(Stage)


class State(StrEnum):
    """What a call is doing, in the word that is shown."""

    WAITS = "waits"
    QUEUED = "queued"
    ASKED = "asked"
    WRITES = "writes"
    RETRIES = "retries"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"

    @property
    def is_under_way(self) -> bool:
        """Whether the call is out."""
        return self in (State.ASKED, State.WRITES, State.RETRIES)


class CallView(Struct):
    """One call as it is shown; changes while the run goes on.

    Args:
        layer: From 1.
        stage: What it is for.
        agent: Who speaks.
        peer: The author, for a pairwise critique.
        state: What it is doing.
        since_s: When it was queued, in seconds of the viewer's clock.
        ended_s: When it ended; None while it has not.
        tail: The last of the text so far.
        is_cut: Whether the reply hit its token limit.
    """

    layer: int
    stage: Stage
    agent: str
    peer: str | None = None
    state: State = State.WAITS
    since_s: float = 0.0
    ended_s: float | None = None
    tail: str = ""
    is_cut: bool = False

    def seconds(self, now_s: float) -> float:
        """Return how long the call has taken so far."""
        return (self.ended_s if self.ended_s is not None else now_s) - self.since_s


class LayerView(Struct):
    """One layer as it is shown.

    Args:
        layer: From 1.
        planned_calls: Calls where nothing fails.
        pairs: Who criticises whom.
        since_s: When its first call was queued.
        ended_s: When it had its output; None before that.
        reason: Why the run went on or ended after it; empty before that.
        calls: By stage, agent and peer.
    """

    layer: int
    planned_calls: int
    pairs: tuple[Pair, ...]
    since_s: float
    ended_s: float | None = None
    reason: str = ""
    calls: dict[tuple[Stage, str, str | None], CallView] = {}

    def call(self, stage: Stage, agent: str, peer: str | None = None) -> CallView:
        """Return a call; one that waits where nothing has happened yet."""
        return self.calls.get((stage, agent, peer)) or CallView(self.layer, stage, agent, peer)

    def writers(self, stage: Stage) -> list[CallView]:
        """Return the calls of the summary or the residual stage: the writer's, then its fallbacks'."""
        return [call for call in self.calls.values() if call.stage is stage]


class Progress:
    """The run so far.

    Args:
        spec: What runs.
    """

    def __init__(self, spec: EnsembleSpec) -> None:
        """Start before the first event."""
        self.spec = spec
        self.planned_calls = count_calls(spec)
        self.layers: dict[int, LayerView] = {}
        self.calls_over = 0
        self.replayed_calls = 0
        self.input_tokens = 0
        self.cached_tokens = 0
        self.output_tokens = 0
        self.has_unknown_tokens = False
        self.notices: list[str] = []
        self.is_over = False

    @property
    def current(self) -> LayerView | None:
        """The newest layer; None before the first call."""
        return self.layers[max(self.layers)] if self.layers else None

    @property
    def writing(self) -> CallView | None:
        """The call whose text is worth showing: of the latest stage that writes, the one that began first."""
        calls = self.current.calls.values() if self.current else ()
        writing = [call for call in calls if call.state is State.WRITES and call.tail]
        return min(writing, key=lambda call: (-_STAGES.index(call.stage), call.since_s), default=None)

    @property
    def under_way(self) -> list[CallView]:
        """The calls that are out, the one that was queued first at the front."""
        calls = (call for layer in self.layers.values() for call in layer.calls.values())
        return sorted((call for call in calls if call.state.is_under_way), key=lambda call: call.since_s)

    def apply(self, event: Event, now_s: float) -> None:
        """Take one event into account.

        Args:
            event: What happened.
            now_s: When it was heard of, in seconds of the viewer's clock.
        """
        match event:
            case CallHappening():
                self._apply_call(event, self._call_of(event, now_s), now_s)
            case ResultLost(loss=loss):
                self._lose(loss, now_s)
            case Degraded(degradation=degraded):
                self.notices.append(told_of(degraded))
            case LayerFinished(layer=number):
                self._layer(number, now_s).ended_s = now_s
            case VerdictReached(verdict=verdict):
                self._layer(verdict.layer, now_s).reason = reason_of(verdict)
            case RunStarted(is_resumed=True, run_id=run_id):
                self.notices.append(f"goes on with run {run_id} from the journal")
            case RunFinished():
                self.is_over = True
            case _:
                pass

    def _apply_call(self, event: CallHappening, call: CallView, now_s: float) -> None:
        match event:
            case CallStarted():
                call.state, call.tail = State.ASKED, ""
            case CallFirstToken():
                call.state = State.WRITES
            case CallDelta(text=text):
                call.tail = (call.tail + text)[-_TAIL:]
            case CallRetried(kind=kind, wait_s=wait_s):
                call.state = State.RETRIES
                self.notices.append(f"{_who(call)}: {kind}, again in {wait_s:.0f} s")
            case CallFinished():
                self._end(call, State.DONE, now_s)
                call.is_cut = event.finish_reason == "length"
                self._count(event)
            case CallReplayed():
                self._end(call, State.DONE, now_s)
                call.is_cut = event.finish_reason == "length"
                self.replayed_calls += 1
            case CallLost() | CallCancelled():
                self._end(call, State.FAILED if isinstance(event, CallLost) else State.STOPPED, now_s)
            case _:
                pass

    def _end(self, call: CallView, state: State, now_s: float) -> None:
        call.state, call.ended_s = state, now_s
        self.calls_over += 1

    def _count(self, event: CallFinished) -> None:
        usage = event.usage
        self.input_tokens += usage.input_tokens or 0
        self.cached_tokens += usage.cached_tokens or 0
        self.output_tokens += usage.output_tokens or 0
        self.has_unknown_tokens |= usage.input_tokens is None or usage.output_tokens is None

    def _lose(self, loss: Loss, now_s: float) -> None:
        calls = self._layer(loss.layer, now_s).calls
        key = (loss.stage, loss.agent, loss.peer)
        if loss.is_skipped:
            calls.setdefault(key, CallView(loss.layer, *key)).state = State.SKIPPED
        else:
            self.notices.append(f"{_who(CallView(loss.layer, *key))}: {loss.kind}: {loss.message}")
        if loss.stage is Stage.ANSWER and self.layers[loss.layer].pairs:  # without an answer there is nothing to refine
            refinement = (Stage.REFINE, loss.agent, None)
            calls[refinement] = CallView(loss.layer, *refinement, state=State.SKIPPED)

    def _call_of(self, event: CallHappening, now_s: float) -> CallView:
        calls = self._layer(event.layer, now_s).calls
        key = (event.stage, event.agent, event.peer)
        return calls.setdefault(key, CallView(event.layer, *key, state=State.QUEUED, since_s=now_s))

    def _layer(self, number: int, now_s: float) -> LayerView:
        if number not in self.layers:
            planned = count_layer_calls(self.spec, number)
            self.layers[number] = LayerView(number, planned, pairs(self.spec, number), now_s)
        return self.layers[number]


_NOUNS = {
    Stage.REFINE: "refinement",
    Stage.SELECT: "choice",
    Stage.EXTRACT: "account of what differs",
    Stage.REPAIR: "mending of the answer",
}


def describe_call(stage: Stage, agent: str, peer: str | None) -> str:
    """Return what a call is, in words: ``the critique of b by a``."""
    if stage is Stage.CRITIQUE and peer is not None:
        return f"{agent}'s critique of {'itself' if peer == agent else peer}"
    return f"{agent}'s {_NOUNS.get(stage, stage.value)}"


def _who(call: CallView) -> str:
    return f"layer {call.layer}, {describe_call(call.stage, call.agent, call.peer)}"
