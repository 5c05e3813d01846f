"""One call as its events tell it: what it does and why, how long it takes, what it used. Pure.

A story is a value: hearing an event gives another one. So a page may hold on to what it has drawn, and a replay to what
was before.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.accounting import add, attempt_usage, call_usage
from attention_moa.events import (
    CallCancelled,
    CallDelta,
    CallEvent,
    CallFinished,
    CallFirstToken,
    CallLost,
    CallQueued,
    CallReplayed,
    CallRetried,
    CallStarted,
)
from attention_moa.messages import Stage, Usage
from attention_moa.money import Price, cost_usd
from attention_moa.planned_call import PlannedCall
from attention_moa.records import Attempt, CallRecord, Loss, UsageTotal
from attention_moa.ui.tries import Try
from attention_moa.ui.words import call_name, one_line, seconds
from attention_moa.wording import without_decision

MOST_WORDS = 200
"""Characters of a reply that a story keeps: of one under way the last ones, of one that is whole the first."""

_DECIDING = (Stage.SELECT, Stage.EXTRACT, Stage.RESIDUAL)
"""The stages whose replies may begin with a line that decides something."""


class State(StrEnum):
    """What a call is doing, in the word that is shown; a layer has these states too."""

    WAITING = "waiting"
    RUNNING = "running"
    RETRIED = "retried"
    DONE = "done"
    REPLAYED = "replayed"
    LOST = "lost"
    CANCELLED = "cancelled"
    NOT_MADE = "not made"

    @property
    def sign(self) -> str:
        """One character for it, so that a colour is never alone."""
        return _SIGNS[self]

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self not in _OPEN


_OPEN = frozenset({State.WAITING, State.RUNNING, State.RETRIED})
_SIGNS = dict(zip(State, "◌◔↻●↺✕⊘∅", strict=True))


class CallStory(Struct, frozen=True, kw_only=True):
    """One call so far.

    Args:
        call_id: Its name, equal in every run of the ensemble.
        stage: What it is for.
        layer: From 1.
        agent: Who speaks.
        peer: The author, for a critique of one.
        reads: The calls that it waits for, as planned.
        is_planned: Whether the run was to make it: not a fallback's, nor a repair.
        state: What it is doing.
        why: Why it does that, one line of words that may be anybody's; empty for no particular reason.
        queued_s: When all that it reads was there, in seconds of the run; None before.
        ended_s: When it ended; None before.
        tries: Its attempts in this life of the run.
        attempt: The number of the newest attempt, from 1; 0 before the first.
        usage: Tokens of its reply.
        used: Tokens and money of all its attempts as far as events tell them.
        words: Of a reply under way its last characters, of a whole one its first.
        thinks: Whether all that has come so far is thinking.
        is_cut: Whether the reply hit its token limit.
        left_out: Why nobody waits for it any more; empty where somebody does.
        was_begun: Whether an earlier life of the run had begun it.
        head: The beginning of a reply that may turn out to be a line that decides; None behind it.
    """

    call_id: str
    stage: Stage
    layer: int
    agent: str
    peer: str | None = None
    reads: tuple[str, ...] = ()
    is_planned: bool = True
    state: State = State.WAITING
    why: str = ""
    queued_s: float | None = None
    ended_s: float | None = None
    tries: tuple[Try, ...] = ()
    attempt: int = 0
    usage: Usage = Usage()
    used: UsageTotal = UsageTotal()
    words: str = ""
    thinks: bool = False
    is_cut: bool = False
    left_out: str = ""
    was_begun: bool = False
    head: str | None = None

    @property
    def name(self) -> str:
        """What it is called: ``layer 1, critique of bob by ada``."""
        return call_name(self.layer, self.stage, self.agent, self.peer)

    @property
    def told(self) -> str:
        """All that its box says, for those who do not see it."""
        again = f"after {self.retries} {'retry' if self.retries == 1 else 'retries'}" if self.retries else ""
        parts = (
            f"{self.name}: {self.state}",
            again,
            "cut at its token limit" if self.is_cut else "",
            self.why,
            self.left_out,
        )
        return ", ".join(part for part in parts if part)

    @property
    def retries(self) -> int:
        """How many attempts of a finished call failed before the one that gave its reply; 0 for any other call."""
        return sum(one.failed_s is not None for one in self.tries) if self.state is State.DONE else 0

    @property
    def open_tries(self) -> int:
        """How many attempts are under way."""
        return 0 if self.ended_s is not None else sum(one.failed_s is None for one in self.tries)

    def seconds(self, now_s: float) -> float | None:
        """Return how long it has taken since all that it reads was there; None before.

        Args:
            now_s: The run's clock.
        """
        if self.queued_s is None:
            return None
        return max((now_s if self.ended_s is None else self.ended_s) - self.queued_s, 0.0)


def waiting(planned: PlannedCall) -> CallStory:
    """Return the story of a call that is still to come."""
    return CallStory(
        call_id=planned.call_id,
        stage=planned.stage,
        layer=planned.layer,
        agent=planned.agent.name,
        peer=planned.peer,
        reads=planned.reads,
    )


def hear(call: CallStory, event: CallEvent, price: Price | None) -> CallStory:
    """Return a call after an event; the very same one where the event says nothing new.

    Args:
        call: Before it.
        event: One of this call.
        price: What its model's tokens cost; None for not known.
    """
    match event:
        case CallQueued():
            return _queued(call, event)
        case CallReplayed():
            return _replayed(call, event)
        case _ if call.ended_s is not None:
            return call  # told twice: only a new life of the run takes up what is over
        case CallFinished() | CallLost() | CallCancelled():
            return _ended(call, event, price)
        case _:
            return _under_way(call, event)


def miss(call: CallStory, loss: Loss) -> CallStory:
    """Return a call whose result turned out to be missing.

    Args:
        call: Before it.
        loss: What is missing. A section of a panel says nothing of the call as a whole, nor does an answer's form.
    """
    why = one_line(loss.message)
    if loss.call_id is None:
        if call.state is State.LOST or (call.state.is_over and loss.kind != "Late"):
            return call
        if loss.kind == "Late":
            call, why = replace(call, left_out=why), ""
        return call if call.queued_s is not None else not_made(call, why)
    is_of_it = (loss.stage, loss.peer) == (call.stage, call.peer)
    if is_of_it and call.state in (State.DONE, State.REPLAYED):
        return replace(call, state=State.LOST, why=one_line(f"{loss.kind}: {loss.message}"))
    return call


def not_made(call: CallStory, why: str) -> CallStory:
    """Return a call that is not going to be made; one that an earlier life of the run had begun was cancelled."""
    return replace(call, state=State.CANCELLED if call.was_begun else State.NOT_MADE, why=why)


def close(call: CallStory, at_s: float, why: str) -> CallStory:
    """Return a call of which nothing more will be heard: it was not made, or was ended under way.

    Args:
        call: Before it.
        at_s: When that was known, in seconds of the run.
        why: What was over.
    """
    if call.state.is_over:
        return call
    if call.queued_s is None and not call.tries:
        return not_made(call, why)
    used = _and_failed(call.used, call.open_tries, "Cancelled")
    return replace(call, state=State.CANCELLED, why=why, ended_s=at_s, used=used)


def settled(call: CallStory, record: CallRecord) -> CallStory:
    """Return a call as its record has it where its run ended before its own end was told: replies still came in."""
    if call.state is not State.CANCELLED or record.state == "lost":
        return call
    used = call_usage((record,))
    if record.state == "cancelled":
        return replace(call, used=used)
    words = _first_words(call.stage, record.text or "")
    return replace(call, state=State.DONE, why="", used=used, ended_s=record.ended_s, words=words)


def take_up(call: CallStory) -> CallStory:
    """Return a call as a run that goes on finds it: what was not finished is to be made."""
    if call.state in (State.DONE, State.REPLAYED, State.LOST):
        return call
    was_begun = call.was_begun or call.queued_s is not None
    return replace(_fresh(call), was_begun=was_begun, queued_s=None, why="", left_out="")


def _fresh(call: CallStory) -> CallStory:
    return replace(
        call,
        state=State.WAITING,
        ended_s=None,
        tries=(),
        attempt=0,
        words="",
        thinks=False,
        is_cut=False,
        head=None,
    )


def _queued(call: CallStory, event: CallQueued) -> CallStory:
    if call.queued_s is not None and event.at_s <= call.queued_s:
        return call
    return replace(_fresh(call), queued_s=event.at_s, why="waits for its turn")


def _under_way(call: CallStory, event: CallStarted | CallFirstToken | CallDelta | CallRetried) -> CallStory:
    match event:
        case CallStarted():
            return _started(call, event)
        case CallRetried():
            return _retried(call, event)
        case CallFirstToken():
            *before, last = call.tries or (Try(started_s=event.at_s),)
            tries = (*before, replace(last, first_token_s=event.at_s))
            return replace(call, state=State.RUNNING, tries=tries)
        case _:
            return _written(call, event.text, event.thinking)


def _started(call: CallStory, event: CallStarted) -> CallStory:
    if event.attempt <= call.attempt:
        return call
    why = call.why if call.state is State.RETRIED else ""
    if call.open_tries:
        why = "a second attempt beside one that has not begun its reply"
    return replace(
        call,
        state=State.RUNNING,
        why=why,
        tries=(*call.tries, Try(started_s=event.at_s)),
        attempt=event.attempt,
        words="",
        thinks=False,
        head="" if call.stage in _DECIDING else None,
    )


def _written(call: CallStory, text: str, thinking: str) -> CallStory:
    if not text:
        is_new = bool(thinking) and not (call.thinks or call.words or call.head)
        return replace(call, state=State.RUNNING, thinks=True) if is_new else call
    if call.head is None:
        words = (call.words + text)[-MOST_WORDS:]
        return replace(call, state=State.RUNNING, words=words, thinks=False)
    head = call.head + text
    is_behind = "\n" in head.lstrip() or len(head) > MOST_WORDS
    words = without_decision(head)[-MOST_WORDS:]
    return replace(call, state=State.RUNNING, words=words, thinks=False, head=None if is_behind else head)


def _retried(call: CallStory, event: CallRetried) -> CallStory:
    if call.tries and not call.open_tries:
        return call
    tries = tuple(one if one.failed_s is not None else replace(one, failed_s=event.at_s) for one in call.tries)
    return replace(
        call,
        state=State.RETRIED,
        why=f"{one_line(f'{event.kind}: {event.message}')}; again after {seconds(event.wait_s)}",
        tries=tries,
        attempt=event.attempt,
        used=_and_failed(call.used, max(call.open_tries, 1), event.kind),
        words="",
        thinks=False,
    )


def _ended(call: CallStory, event: CallFinished | CallLost | CallCancelled, price: Price | None) -> CallStory:
    took_s = event.elapsed_s if isinstance(event, CallFinished) else 0.0
    queued_s = max(event.at_s - took_s, 0.0) if call.queued_s is None else call.queued_s
    over = replace(call, ended_s=event.at_s, queued_s=queued_s, head=None, thinks=False, words="", why="")
    match event:
        case CallFinished():
            return _finished(over, event, beside=max(call.open_tries - 1, 0), price=price)
        case CallLost():
            # Of a call that was heard of from its start it is known what went before; of another one what it says.
            failed = call.open_tries if call.attempt else max(event.attempts - call.used.calls, 0)
            used = _and_failed(call.used, failed, event.kind)
            why = one_line(f"{event.kind}: {event.message}")
            return replace(over, state=State.LOST, why=why, used=used, attempt=event.attempts)
        case _:
            used = _and_failed(call.used, call.open_tries, "Cancelled")
            return replace(over, state=State.CANCELLED, why="ended from outside", used=used)


def _finished(call: CallStory, event: CallFinished, *, beside: int, price: Price | None) -> CallStory:
    """Return a call that gave its reply.

    Args:
        call: With its end.
        event: The reply.
        beside: How many other attempts were ended by it.
        price: What its model's tokens cost.
    """
    reply = Attempt(started_s=0.0, ended_s=0.0, usage=event.usage, cost_usd=cost_usd(event.usage, price))
    return replace(
        call,
        state=State.DONE,
        usage=event.usage,
        used=_and_failed(add((call.used, attempt_usage(reply))), beside, "Cancelled"),
        words=_first_words(call.stage, event.text),
        is_cut=event.finish_reason == "length",
    )


def _replayed(call: CallStory, event: CallReplayed) -> CallStory:
    if call.state is State.REPLAYED and call.ended_s == event.at_s:
        return call
    is_own = event.source == event.run_id
    return replace(
        _fresh(call),
        state=State.REPLAYED,
        why="from the journal" if is_own else f"from the journal: run {one_line(event.source, 80)} paid for it",
        queued_s=event.at_s if call.queued_s is None else call.queued_s,
        ended_s=event.at_s,
        usage=event.usage,
        words=_first_words(call.stage, event.text),
        is_cut=event.finish_reason == "length",
    )


def _first_words(stage: Stage, text: str) -> str:
    head = text[: 3 * MOST_WORDS]
    return (without_decision(head) if stage in _DECIDING else head)[:MOST_WORDS]


def _and_failed(used: UsageTotal, attempts: int, kind: str) -> UsageTotal:
    """Return what was used, with attempts that failed: events do not tell their tokens."""
    if not attempts:
        return used
    failed = attempt_usage(Attempt(started_s=0.0, ended_s=0.0, error=kind))
    return add((used, *[failed] * attempts))
