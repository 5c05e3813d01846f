"""What a run has so far: the one place where its results, calls and losses are put down, and told to observers.

At any moment, in mid-layer too, ``record()`` gives all that is finished: so an interrupted run shows what it paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from msgspec.structs import replace

from attention_moa.accounting import call_usage
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.answer_stream import AnswerStream, Tell
from attention_moa.config import EnsembleSpec, voices
from attention_moa.critical_path import critical_path
from attention_moa.errors import MoaError, describe
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    VerdictReached,
)
from attention_moa.keys import masked
from attention_moa.messages import Conversation, FinishReason, Stage, ToolCall, ToolCallDelta
from attention_moa.ports import Observer
from attention_moa.records import (
    Answer,
    CallRecord,
    Choice,
    Critique,
    Degradation,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    RunRecord,
    RunState,
    Selection,
    Summary,
    Verdict,
)
from attention_moa.schedule import Pair
from attention_moa.stored_runs import RunHead

Deltas: TypeAlias = bool | Literal["answer"]
"""Which pieces of text are events: of every reply and of the answer, of the answer alone, or none."""


class LayerBoard:
    """The results of one layer, put down as they come.

    Args:
        layer: From 1.
        pairs: The layer's critiques, in their order.
    """

    def __init__(self, layer: int, pairs: Sequence[Pair]) -> None:
        """Start empty."""
        self.layer = layer
        self.pairs = tuple(pairs)
        self.answers: dict[str, Answer | Loss] = {}
        self.critiques: dict[Pair, Critique | Loss] = {}
        self.refinements: dict[str, Refinement] = {}
        self.summary: Summary | Loss | None = None
        self.residual: Residual | Loss | None = None
        self.selection: Selection | None = None
        self.extract: Residual | Loss | None = None
        self.verdict: Verdict | None = None
        self.output: str | None = None

    def record(self, spec: EnsembleSpec, calls: Sequence[CallRecord]) -> LayerRecord:
        """Return what is there, in the ensemble's order, with the sum of the layer's calls."""
        names = [agent.name for agent in voices(spec)]
        return LayerRecord(
            layer=self.layer,
            answers={name: self.answers[name] for name in names if name in self.answers},
            critique_list=tuple(self.critiques[pair] for pair in self.pairs if pair in self.critiques),
            refinements={name: self.refinements[name] for name in names if name in self.refinements},
            summary=self.summary,
            residual=self.residual,
            selection=self.selection,
            extract=self.extract,
            verdict=self.verdict,
            output=self.output,
            usage=call_usage(call for call in calls if call.layer == self.layer),
        )


class RunLog:
    """A run's log.

    Args:
        run_id: Unique.
        created_at: ISO 8601 in UTC.
        spec: What runs.
        conversation: ``x``.
        now: Seconds on a clock that never goes back.
        observers: Who is told.
        has_deltas: Whether observers want every piece of every reply and of the answer; ``answer``: of that alone.
        wanted: What the answer is to be.
        owner: Whose run it is.
        labels: What the caller attached, name by name.
    """

    def __init__(
        self,
        run_id: str,
        created_at: str,
        spec: EnsembleSpec,
        conversation: Conversation,
        *,
        now: Callable[[], float],
        observers: Sequence[Observer] = (),
        has_deltas: Deltas = False,
        wanted: AnswerSpec = PLAIN,
        owner: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """Start the run's clock."""
        self.run_id = run_id
        self.is_resumed = False
        self.spec = spec
        self.conversation = conversation
        self.has_deltas = has_deltas
        self.listened = 0
        """How often somebody began to want pieces of calls."""
        self.wanted = wanted
        self.owner = owner
        self.labels = dict(labels or {})
        self.unopened = set[str]()
        """Models known to close thinking that they never opened; runs of one ensemble share what they learn."""
        self.calls: list[CallRecord] = []
        self.created_at = created_at
        self._now = now
        self._start = now()
        self._observers = list(observers)
        self._notes: list[str] = []
        self._boards: list[LayerBoard] = []
        self._losses: list[Loss] = []
        self._degraded: list[Degradation] = []
        self._ended: RunRecord | None = None
        self._earlier: list[CallRecord] = []
        self._answers: dict[int, AnswerStream] = {}

    def seconds(self) -> float:
        """Return the seconds since the run's start."""
        return self._now() - self._start

    def start_clock(self) -> None:
        """Let the run's time begin now: what came before it was loading and opening."""
        self._start = self._now()

    def take_up(self, head: RunHead, elapsed_s: float, calls: Iterable[CallRecord] = ()) -> None:
        """Go on as an earlier run that was interrupted: with its id, its start, its clock, and what it paid for.

        Args:
            head: What runs.
            elapsed_s: Where the run's clock goes on.
            calls: All that is known of the run's calls.
        """
        self.run_id, self.created_at, self.is_resumed = head.run_id, head.created_at, True
        self.owner, self.labels = head.owner, head.labels
        self._start = self._now() - elapsed_s
        self._earlier = list(calls)

    @property
    def all_calls(self) -> tuple[CallRecord, ...]:
        """The calls so far in the order in which they ended, with those that only an earlier life of the run made."""
        return tuple(sorted((*self._earlier, *self.calls), key=lambda call: call.ended_s))

    def earlier(self, call_id: str) -> CallRecord | None:
        """Return a call that came to its end in an earlier life and that this one has not come to; None without one."""
        ended = (call for call in self._earlier if call.call_id == call_id and call.state != "cancelled")
        return next(ended, None)

    def take_over(self, call_id: str, key: str | None) -> tuple[CallRecord, ...]:
        """Return what an earlier life left of a call that was journaled, or would have been, under a key.

        From here on the call is this life's own.
        """
        taken = tuple(call for call in self._earlier if call.call_id == call_id and call.fingerprint == key)
        self._earlier = [call for call in self._earlier if call not in taken]
        return taken

    def tell(self, event: Event) -> None:
        """Tell all observers; one that raises is told no more, and a note says so: no reply is lost by it."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - an onlooker's bug, whatever it is, ends no run
                self._observers.remove(observer)
                self.note(f"an observer broke and is told no more: {type(error).__name__}: {masked(describe(error))}")
                report = {"message": "an observer of a run raised an exception", "exception": error}
                asyncio.get_running_loop().call_exception_handler(report)

    def answer(self, choice: int) -> AnswerStream:
        """Return one of the answers as observers are told it.

        Args:
            choice: Which, from 0.
        """
        if choice not in self._answers:

            def piece(text: str, calls: tuple[ToolCallDelta, ...]) -> None:
                at_s = self.seconds()
                self.tell(AnswerDelta(run_id=self.run_id, at_s=at_s, text=text, tool_calls=calls, choice=choice))

            def reset(why: str) -> None:
                self.tell(AnswerReset(run_id=self.run_id, at_s=self.seconds(), choice=choice, message=why))

            self._answers[choice] = AnswerStream(Tell(piece, reset))
        return self._answers[choice]

    @property
    def layer(self) -> int:
        """The layer that was begun last; 0 before the first."""
        return self._boards[-1].layer if self._boards else 0

    def note(self, note: str) -> None:
        """Put down something about the run as a whole, also after its end."""
        self._notes.append(note)
        if self._ended is not None:
            self._ended = replace(self._ended, notes=(*self._ended.notes, note))

    def open_layer(self, layer: int, pairs: Sequence[Pair]) -> LayerBoard:
        """Return the board of a new layer."""
        board = LayerBoard(layer, pairs)
        self._boards.append(board)
        return board

    def lose(self, loss: Loss) -> Loss:
        """Put down that a result will be missing; return it."""
        self._losses.append(loss)
        self.tell(ResultLost(run_id=self.run_id, at_s=self.seconds(), loss=loss))
        return loss

    def degrade(self, layer: int, stage: Stage, agent: str, *, what: str, why: str) -> None:
        """Put down that something stands in for something better."""
        degradation = Degradation(layer=layer, stage=stage, agent=agent, what=what, why=why)
        self._degraded.append(degradation)
        self.tell(Degraded(run_id=self.run_id, at_s=self.seconds(), degradation=degradation))

    def close_layer(self, board: LayerBoard, output: str | None, verdict: Verdict) -> None:
        """Put down a layer's output and why the run goes on or ends."""
        board.output, board.verdict = output, verdict
        usage = call_usage(call for call in self.all_calls if call.layer == board.layer)
        at_s = self.seconds()
        self.tell(LayerFinished(run_id=self.run_id, at_s=at_s, layer=board.layer, output=output, usage=usage))
        self.tell(VerdictReached(run_id=self.run_id, at_s=at_s, verdict=verdict))

    def overrule(self, verdict: Verdict) -> None:
        """Put down that the run ends after its last layer although that layer's own verdict was to go on."""
        self._boards[-1].verdict = verdict
        self.tell(VerdictReached(run_id=self.run_id, at_s=self.seconds(), verdict=verdict))

    def end(
        self,
        state: RunState,
        text: str | None,
        error: str | None = None,
        *,
        tool_calls: tuple[ToolCall, ...] = (),
        finish_reason: FinishReason | None = None,
        choices: Sequence[Choice | Loss] = (),
    ) -> RunRecord:
        """Close the run; from here on ``record()`` gives this record.

        Args:
            state: How it ended.
            text: The answer; None where there is none.
            error: Why it failed, one line.
            tool_calls: The answer's.
            finish_reason: Why the answer ended.
            choices: The answers beyond the first.
        """
        self._ended = replace(
            self._build(state, text, error),
            tool_calls=tool_calls,
            finish_reason=finish_reason,
            choices=tuple(choices),
        )
        self._answers.clear()  # they tell it what they hand on: the log would hold itself
        return self._ended

    def show(self, record: RunRecord) -> RunRecord:
        """Take the record of a run that is over as this one, and tell its end; return it as it is."""
        self.run_id, self.created_at, self.is_resumed = record.run_id, record.created_at, True
        self._ended = record
        self.tell(
            RunFinished(
                run_id=self.run_id, at_s=record.wall_s, state=record.state, text=record.text, usage=record.usage
            )
        )
        return record

    def fail(self, error: Exception) -> RunRecord:
        """Close the run as failed; an error that is none of ours is named with its type, so that a bug shows as one."""
        why = describe(error) if isinstance(error, MoaError) else f"{type(error).__name__}: {masked(describe(error))}"
        return self.end("failed", self.best_output(), why)

    def cancel(self) -> RunRecord:
        """Close the run as cancelled."""
        return self.end("cancelled", self.best_output(), "interrupted")

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self._ended is None

    def record(self) -> RunRecord:
        """Return the run as it is: its final record once it has ended, and what is finished before that.

        Before the end, ``text`` is the best output so far: of the last layer that has one, else None.
        """
        return self._ended or self._build("running", self.best_output(), None)

    def best_output(self) -> str | None:
        """Return the newest finished output or summary; None where there is none yet."""
        for board in reversed(self._boards):
            if board.output is not None:
                return board.output
            if isinstance(board.summary, Summary):
                return board.summary.text
        return None

    def _build(self, state: RunState, text: str | None, error: str | None) -> RunRecord:
        calls = self.all_calls
        of_calls = (f"{call.agent}: {note}" for call in calls for note in call.notes)
        notes = dict.fromkeys((*self._notes, *of_calls))
        return RunRecord(
            run_id=self.run_id,
            created_at=self.created_at,
            ensemble=self.spec,
            conversation=self.conversation,
            state=state,
            text=text,
            layers=tuple(board.record(self.spec, calls) for board in self._boards),
            calls=calls,
            losses=tuple(self._losses),
            degraded=tuple(self._degraded),
            notes=tuple(notes),
            usage=call_usage(calls),
            wall_s=self.seconds(),
            critical_path_s=critical_path(calls).seconds,
            error=error,
            wanted=self.wanted,
            owner=self.owner,
            labels=self.labels,
        )
