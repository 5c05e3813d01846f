"""What calls of a run are doing, in few words: the list that stands beside an answer while it is made. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.accounting import known_usd
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
    Event,
    LayerFinished,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import Stage
from attention_moa.records import RunState

CallStateWord: TypeAlias = Literal["waiting", "running", "done", "replayed", "retried", "lost", "cancelled"]

SIGNS: dict[CallStateWord, str] = {
    "waiting": "◌",
    "running": "◔",
    "done": "●",
    "replayed": "↺",
    "retried": "↻",
    "lost": "✕",
    "cancelled": "⊘",
}
"""The sign of each state; its word stands beside it, so that neither colour nor sign is needed to tell them apart."""

UNDER_WAY: tuple[CallStateWord, ...] = ("waiting", "running", "retried")
_NEWEST = 200
_CUT_AT = 1000


class Line(Struct):
    """A call as the list shows it; changes while the run goes on.

    Args:
        number: Of the call in the run, in the order in which they were queued.
        layer: From 1.
        stage: What it is for.
        agent: Who speaks.
        peer: The author, for a critique of one answer.
        state: What it is doing.
        since_s: When it got into that state, or went out; seconds of the run.
        why: Why it is lost or tried again; empty else.
        newest: The last words so far.
    """

    number: int
    layer: int
    stage: Stage
    agent: str
    peer: str | None
    state: CallStateWord = "waiting"
    since_s: float = 0.0
    why: str = ""
    newest: str = ""

    @property
    def sign(self) -> str:
        """The state's sign."""
        return SIGNS[self.state]

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return self.state in UNDER_WAY


class Row(Struct):
    """The calls of one stage of one layer."""

    layer: int
    stage: Stage
    lines: list[Line]

    @property
    def ended(self) -> int:
        """How many have ended."""
        return sum(not line.is_under_way for line in self.lines)


class Board:
    """The calls of a run."""

    def __init__(self) -> None:
        """Start before the run's first event."""
        self.lines: dict[str, Line] = {}
        self.state: RunState = "running"
        self.error: str | None = None
        self.why = ""
        self.layers = 0
        self.planned_calls = 0
        self.at_s = 0.0
        self.tokens = 0
        self.usd: float | None = None
        self.is_usd_whole = True
        self.seen = 0
        self.changed: set[str] = set()

    @property
    def ended(self) -> int:
        """How many calls have ended."""
        return sum(not line.is_under_way for line in self.lines.values())

    @property
    def under_way(self) -> list[Line]:
        """The calls that have not ended, the ones that are out first."""
        found = [line for line in self.lines.values() if line.is_under_way]
        return sorted(found, key=lambda line: (line.state == "waiting", line.number))

    @property
    def lost(self) -> list[Line]:
        """The calls that failed for good."""
        return [line for line in self.lines.values() if line.state == "lost"]

    def rows(self) -> list[Row]:
        """Return the stages that were begun, in order."""
        rows: dict[tuple[int, Stage], Row] = {}
        for line in self.lines.values():
            rows.setdefault((line.layer, line.stage), Row(line.layer, line.stage, [])).lines.append(line)
        order = list(Stage)
        return sorted(rows.values(), key=lambda row: (row.layer, order.index(row.stage)))

    def hear(self, event: Event) -> None:
        """Take an event; pieces of the answer are nothing to it."""
        if isinstance(event, (AnswerDelta, AnswerReset)):
            return
        self.at_s = max(self.at_s, event.at_s)
        if isinstance(event, CallHappening):
            self._hear_call(event)
        elif isinstance(event, RunStarted):
            self.state, self.layers, self.planned_calls = "running", event.layers, event.planned_calls
        elif isinstance(event, VerdictReached):
            self.why = event.verdict.reason
        elif isinstance(event, LayerFinished):
            self._add_usd(known_usd(event.usage), is_whole=not event.usage.unpriced_calls)
        elif isinstance(event, RunFinished):
            self.state, self.error = event.state, event.error
            self.tokens = event.usage.input_tokens + event.usage.output_tokens
            self.usd, self.is_usd_whole = known_usd(event.usage), not event.usage.unpriced_calls

    def _add_usd(self, usd: float | None, *, is_whole: bool) -> None:
        if usd is not None:
            self.usd = (self.usd or 0.0) + usd
        self.is_usd_whole = self.is_usd_whole and is_whole

    def _hear_call(self, event: CallHappening) -> None:
        line = self.lines.get(event.call_id)
        if line is None:
            number = len(self.lines)
            line = Line(number, event.layer, event.stage, event.agent, event.peer, since_s=event.at_s)
            self.lines[event.call_id] = line
        self.changed.add(event.call_id)
        match event:
            case CallDelta():
                self._add(line, event)
            case CallQueued() | CallStarted() | CallFirstToken():
                self._begin(line, event)
            case CallRetried(kind=kind, message=message):
                self._turn(line, "retried", event.at_s, f"{kind}: {message}")
            case CallLost(kind=kind, message=message):
                self._turn(line, "lost", event.at_s, f"{kind}: {message}")
            case CallCancelled():
                self._turn(line, "cancelled", event.at_s)
            case CallFinished() | CallReplayed():
                self.tokens += (event.usage.input_tokens or 0) + (event.usage.output_tokens or 0)
                self._turn(line, "done" if isinstance(event, CallFinished) else "replayed", event.at_s)
            case _:
                pass

    @staticmethod
    def _begin(line: Line, event: CallHappening) -> None:
        if isinstance(event, CallStarted):
            line.since_s, line.newest = event.at_s, ""
        if not isinstance(event, CallQueued):
            line.state, line.why = "running", ""

    @staticmethod
    def _turn(line: Line, state: CallStateWord, at_s: float, why: str = "") -> None:
        line.state, line.since_s, line.why, line.newest = state, at_s, why, ""

    @staticmethod
    def _add(line: Line, event: CallDelta) -> None:
        if line.is_under_way:
            line.state = "running"
            line.newest = (line.newest + (event.text or event.thinking))
            if len(line.newest) > _CUT_AT:
                line.newest = line.newest[-_NEWEST:]
