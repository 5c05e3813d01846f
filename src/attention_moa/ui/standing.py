"""How far a run and its layers are, and what did not go as planned: the values that a run's story is made of. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.records import RunState, UsageTotal, Verdict
from attention_moa.ui.call_story import State

NoticeKind: TypeAlias = Literal["retried", "lost", "stand-in", "resumed", "reset"]


class Notice(Struct, frozen=True, kw_only=True):
    """Something that did not go as planned.

    Args:
        at_s: When, in seconds of the run.
        kind: What it is about.
        text: One line; it may hold words of anybody.
        call_id: The call; None where it is about none.
    """

    at_s: float
    kind: NoticeKind
    text: str
    call_id: str | None = None


class LayerStory(Struct, frozen=True, kw_only=True):
    """One layer so far.

    Args:
        layer: From 1.
        planned_calls: Calls where nothing fails.
        state: ``waiting``, ``running``, ``done``, ``cancelled``, or ``not made`` where the run ended before.
        calls_over: Calls of which nothing more will come.
        since_s: When its first call was ready, in seconds of the run.
        ended_s: When it had its output.
        output: ``o[l]``; None where it has none, or none yet.
        used: What its calls took, as the run told it at its end; None before.
        verdict: Why the run went on after it, or did not.
    """

    layer: int
    planned_calls: int
    state: State = State.WAITING
    calls_over: int = 0
    since_s: float | None = None
    ended_s: float | None = None
    output: str | None = None
    used: UsageTotal | None = None
    verdict: Verdict | None = None


class Head(Struct, frozen=True, kw_only=True):
    """The run as a whole.

    Args:
        run_id: Empty before its first event.
        state: How far it is; None before its first event.
        now_s: The newest time that was told, in seconds of the run.
        life_s: When this life of it began: a deadline counts from there.
        is_resumed: Whether it goes on after an interruption.
        planned_calls: Calls if every layer runs and nothing fails.
        error: Why it failed, one line; None where it did not.
        text: The answer of a run that is over, or the best that it had; None where there is none.
    """

    run_id: str = ""
    state: RunState | None = None
    now_s: float = 0.0
    life_s: float = 0.0
    is_resumed: bool = False
    planned_calls: int = 0
    error: str | None = None
    text: str | None = None
