"""What observers are told while a run goes on.

One stream of these feeds the terminal view, ``--events``, the library's ``stream()`` and, later, servers and stores.
Every event has the run's id and the seconds since its start; every call event says which call.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from attention_moa.messages import FinishReason, Stage, ToolCall, ToolCallDelta, Usage
from attention_moa.records import Degradation, Loss, RunState, UsageTotal, Verdict


class Happening(Struct, frozen=True, kw_only=True, tag_field="event"):
    """What all events have.

    Args:
        run_id: The run.
        at_s: Seconds since its start.
    """

    run_id: str
    at_s: float


class RunStarted(Happening, frozen=True, kw_only=True, tag="run_started"):
    """A run begins.

    Args:
        ensemble: Its name.
        agents: The agents' names, in order.
        layers: Most layers.
        planned_calls: Calls if every layer runs and nothing fails.
        is_resumed: Whether an interrupted run goes on.
        used_before: What it used before it was interrupted: part of all sums that follow, and paid for then.
    """

    ensemble: str
    agents: tuple[str, ...]
    layers: int
    planned_calls: int
    is_resumed: bool = False
    used_before: UsageTotal = UsageTotal()


class CallHappening(Happening, frozen=True, kw_only=True, tag_field="event"):
    """What all events of a call have.

    Args:
        call_id: As in the record.
        stage: What it is for.
        layer: From 1.
        agent: Who speaks.
        peer: The author, for a pairwise critique.
    """

    call_id: str
    stage: Stage
    layer: int
    agent: str
    peer: str | None = None


class CallQueued(CallHappening, frozen=True, kw_only=True, tag="call_queued"):
    """A call has all that it reads, and waits for its turn."""


class CallStarted(CallHappening, frozen=True, kw_only=True, tag="call_started"):
    """An attempt goes out; ``attempt`` counts from 1."""

    attempt: int


class CallFirstToken(CallHappening, frozen=True, kw_only=True, tag="call_first_token"):
    """The first piece of a reply is here."""


class CallDelta(CallHappening, frozen=True, kw_only=True, tag="call_delta"):
    """A piece of a reply, raw as it arrives; only where deltas were asked for."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


class CallRetried(CallHappening, frozen=True, kw_only=True, tag="call_retried"):
    """An attempt failed and another follows.

    Args:
        attempt: The attempt that failed, from 1.
        kind: The error's class name.
        message: What happened, one line.
        wait_s: Seconds until the next attempt.
    """

    attempt: int
    kind: str
    message: str
    wait_s: float


class CallFinished(CallHappening, frozen=True, kw_only=True, tag="call_finished"):
    """A usable reply is whole.

    Args:
        text: The reply.
        finish_reason: Why it ended.
        usage: Its tokens.
        elapsed_s: From queued to here.
        notes: What was adapted, trimmed or found.
        tool_calls: The tools that it calls.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    elapsed_s: float
    notes: tuple[str, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()


class CallReplayed(CallHappening, frozen=True, kw_only=True, tag="call_replayed"):
    """A reply came out of the journal: nothing was sent.

    Args:
        text: The reply.
        finish_reason: Why it ended.
        usage: Its tokens, paid for when it was sent.
        source: The run that paid for it: this one, before it was interrupted, or another.
        tool_calls: The tools that it calls.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    source: str
    tool_calls: tuple[ToolCall, ...] = ()


class CallLost(CallHappening, frozen=True, kw_only=True, tag="call_lost"):
    """A call failed for good.

    Args:
        kind: The error's class name.
        message: What happened, one line.
        attempts: How many were made.
    """

    kind: str
    message: str
    attempts: int


class CallCancelled(CallHappening, frozen=True, kw_only=True, tag="call_cancelled"):
    """A call was ended from outside before its reply was whole."""


class ResultLost(Happening, frozen=True, kw_only=True, tag="result_lost"):
    """A result will be missing: a failed call, or a call that was not made because its input is missing."""

    loss: Loss


class Degraded(Happening, frozen=True, kw_only=True, tag="degraded"):
    """Something stands in for something better."""

    degradation: Degradation


class LayerFinished(Happening, frozen=True, kw_only=True, tag="layer_finished"):
    """A layer has its output.

    Args:
        layer: From 1.
        output: ``o[l]``; None where the layer gave none.
        usage: Sum over its calls.
    """

    layer: int
    output: str | None
    usage: UsageTotal


class VerdictReached(Happening, frozen=True, kw_only=True, tag="verdict"):
    """It is decided whether the run goes on."""

    verdict: Verdict


class AnswerDelta(Happening, frozen=True, kw_only=True, tag="answer_delta"):
    """A piece of the run's answer, sure to stand unless an ``AnswerReset`` follows; only where deltas were asked for.

    Joined, the pieces of a choice are its text, and its tool calls.

    Args:
        text: Text that goes on from the last piece's.
        tool_calls: Pieces of tool calls; each goes on from the last piece of its index.
        choice: Which of the answers, from 0.
    """

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    choice: int = 0


class AnswerReset(Happening, frozen=True, kw_only=True, tag="answer_reset"):
    """What was told of an answer does not stand: the call that wrote it broke off, or something else stands in.

    Args:
        choice: Which of the answers, from 0.
        message: Why, one line.
    """

    choice: int = 0
    message: str


class RunFinished(Happening, frozen=True, kw_only=True, tag="run_finished"):
    """The run is over, one way or another.

    Args:
        state: ``finished``, ``failed`` or ``cancelled``.
        text: The answer; None where there is none.
        usage: Sum over all calls.
        error: Why it failed, one line.
    """

    state: RunState
    text: str | None
    usage: UsageTotal
    error: str | None = None


CallEvent: TypeAlias = (
    CallQueued
    | CallStarted
    | CallFirstToken
    | CallDelta
    | CallRetried
    | CallFinished
    | CallReplayed
    | CallLost
    | CallCancelled
)
Event: TypeAlias = (
    RunStarted
    | CallEvent
    | ResultLost
    | Degraded
    | LayerFinished
    | VerdictReached
    | AnswerDelta
    | AnswerReset
    | RunFinished
)
