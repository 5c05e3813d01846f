"""A run of the server: a task of its own, watched by any number of clients, from whichever event on.

A client that leaves takes nothing of a run with it unless it is told to; a client that comes late hears all of it from
the start. What is kept are the events, and the answers as far as they were told; pieces of calls are only made and kept
while somebody wants them, and until the call is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import Literal, NamedTuple, TypeAlias

from msgspec.structs import replace

from attention_moa.errors import MoaError, RunNotFoundError, describe
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallDelta,
    CallFirstToken,
    CallHappening,
    Event,
    RunFinished,
    RunStarted,
)
from attention_moa.ports import Journal, Observer
from attention_moa.records import RunRecord, RunState
from attention_moa.run_stream import RunStream
from attention_moa.server.errors import RETRY_S, ApiError, api_error
from attention_moa.server.event_ids import EventIds
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.telemetry.lines import FIELDS

_LOG = logging.getLogger("attention_moa.server")


class Seen(NamedTuple):
    """An event of a run.

    Args:
        id: Its number, from 1 in the order in which events came; pieces of text have the last event's.
        event: The event.
        live: The run.
    """

    id: int
    event: Event
    live: LiveRun


_Queue: TypeAlias = "asyncio.Queue[Seen | None]"

Pieces: TypeAlias = bool | Literal["all"]
"""Which pieces of text are passed on: none, the answer's, or with ``all`` every call's too."""


class LiveRun:
    """A run under way, or lately ended.

    Args:
        job: What was asked.
        visitor: Who asked.
        stream: The run.
        observers: Told every event but pieces of text.
    """

    def __init__(self, job: Job, visitor: Visitor, stream: RunStream, observers: Sequence[Observer] = ()) -> None:
        """Keep all; nothing has begun."""
        self.job = job
        self.visitor = visitor
        self.events: list[Event] = []
        self.ids = EventIds(self.events)
        self.error: BaseException | None = None
        self._stream = stream
        self._observers = list(observers)
        self._recalled = 0
        self._watchers: dict[_Queue, Pieces] = {}
        self._told: dict[int, list[str]] = {}
        self._said: dict[str, list[CallDelta]] = {}
        self._begun = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unwanted: ApiError | None = None

    @property
    def run_id(self) -> str:
        """The run's id: sure once the run has begun, since it may turn out to be an earlier one that goes on."""
        return self._stream.run_id

    @property
    def record(self) -> RunRecord:
        """What is finished so far; the final record once the run is over."""
        return self._stream.record

    @property
    def has_begun(self) -> bool:
        """Whether the run has begun, so that its id is sure, or is over."""
        return self._begun.is_set()

    @property
    def has_started(self) -> bool:
        """Whether the run has told that it started: its id is its own."""
        return any(isinstance(event, RunStarted) for event in self.events)

    @property
    def is_refused(self) -> bool:
        """Whether there was never a run: what was asked cannot be run, or somebody else is at it."""
        if self.error is None or isinstance(self.error, ApiError) or self.has_started:
            return False
        return api_error(self.error).status < 500

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, one way or another."""
        return self._over.is_set()

    @property
    def watchers(self) -> int:
        """How many watch it now."""
        return len(self._watchers)

    async def begun(self, within_s: float | None = None) -> bool:
        """Return whether the run has begun, so that its id is sure, or is over.

        Args:
            within_s: Most seconds to wait for that; None waits for as long as it takes.
        """
        try:
            async with asyncio.timeout(within_s):
                await self._begun.wait()
        except TimeoutError:
            return False
        return True

    async def over(self) -> None:
        """Wait until the run is over."""
        await self._over.wait()

    async def result(self) -> RunRecord:
        """Return the record of the run once it is over.

        Raises:
            MoaError: It ended without an answer.
            ApiError: It was cancelled.
        """
        await self._over.wait()
        if self.error is not None:
            raise self.error
        return self.record

    def cancel(self, why: ApiError | None = None) -> None:
        """End the run and all of its calls; what was finished stays. Idempotent.

        Args:
            why: What those are told who wait for it; None says that it was cancelled.
        """
        if self._unwanted is None:
            self._unwanted = why or ApiError(
                409, "the run was cancelled", type="conflict_error", code="run_cancelled", run_id=self.run_id
            )
            if self._task is not None:
                self._task.cancel()

    def watch(
        self, after: int = 0, *, deltas: Pieces = False, tick_s: float | None = None
    ) -> AsyncGenerator[Sequence[Seen], None]:
        """Yield the run's events from one on, then those that follow until it is over; as ``watch_all``."""
        return watch_all([self], after=after, deltas=deltas, tick_s=tick_s)

    def join(self, queue: _Queue, *, after: int, deltas: Pieces) -> None:
        """Let a queue hear the events after one, and what follows; None ends it.

        Who wants all pieces is first told what the answers have so far: it comes in mid-answer to all of it. What calls
        under way said comes likewise; to who is the first to watch, with the next piece of each.
        """
        for number, event in enumerate(self.events[after:], after + 1):
            queue.put_nowait(Seen(number, event, self))
        if self.is_over:
            queue.put_nowait(None)
            return
        if deltas == "all":
            so_far: list[Event] = [*self._calls_so_far(), *self._answers_so_far()]
            for piece in so_far:
                queue.put_nowait(Seen(len(self.events), piece, self))
        self._watchers[queue] = deltas
        self._want_pieces()

    def leave(self, queue: _Queue) -> None:
        """Let a queue hear no more."""
        self._watchers.pop(queue, None)
        self._want_pieces()

    def _want_pieces(self) -> None:
        """Have the run make pieces of its calls while somebody wants them: a run that nobody watches makes none."""
        is_wanted = "all" in self._watchers.values()
        self._stream.tell_calls(is_told=is_wanted)
        if not is_wanted:
            self._said.clear()

    def _calls_so_far(self) -> Iterator[CallDelta]:
        """Yield what calls under way said to those who watch already; to who comes first, their next piece tells it."""
        for pieces in self._said.values():
            text = "".join(piece.text for piece in pieces)
            thinking = "".join(piece.thinking for piece in pieces)
            called = tuple(call for one in pieces for call in one.tool_calls)
            yield replace(pieces[-1], text=text, thinking=thinking, tool_calls=called)

    def _answers_so_far(self) -> Iterator[AnswerDelta]:
        at_s = self.events[-1].at_s if self.events else 0.0
        for choice, texts in self._told.items():
            yield AnswerDelta(run_id=self.run_id, at_s=at_s, text="".join(texts), choice=choice)

    def tell(self, event: Event) -> None:
        """Keep an event and pass it on; pieces of calls are passed on alone."""
        if isinstance(event, CallDelta):
            self._pass_on(event)
            return
        if isinstance(event, CallHappening) and not isinstance(event, CallFirstToken):
            self._said.pop(event.call_id, None)  # it is over, or begins anew
        self._keep_answer(event)
        is_piece = isinstance(event, (AnswerDelta, AnswerReset))
        if not is_piece:
            self.events.append(event)
            self._tell_observers(event)
        seen = Seen(len(self.events), event, self)
        for queue, wants_pieces in self._watchers.items():
            if wants_pieces or not is_piece:
                queue.put_nowait(seen)
        if isinstance(event, RunStarted):
            self._begun.set()

    def _pass_on(self, piece: CallDelta) -> None:
        """Tell a piece of a call to those who want it, and keep it for those who come after them."""
        seen = Seen(len(self.events), piece, self)
        listening = [queue for queue, wanted in self._watchers.items() if wanted == "all"]
        for queue in listening:
            queue.put_nowait(seen)
        if listening:
            self._said.setdefault(piece.call_id, []).append(piece)

    def _keep_answer(self, event: Event) -> None:
        """Keep answers as far as they were told; what does not stand is let go of, and all of it at the end."""
        if isinstance(event, AnswerDelta):
            self._told.setdefault(event.choice, []).append(event.text)
        elif isinstance(event, AnswerReset):
            self._told.pop(event.choice, None)
        elif isinstance(event, RunFinished):
            self._told.clear()

    def _tell_observers(self, event: Event) -> None:
        """Tell those who count and log; one that breaks is told no more, and the log says so."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - an onlooker's bug, whatever it is, ends no run
                self._observers.remove(observer)
                _LOG.exception("server.observer_broke", extra={FIELDS: {"run_id": self.run_id}})

    async def follow(self, journal: Journal | None) -> None:
        """Run to the end, whatever it is; returns once all of it is put down. ``close`` then lets everybody go.

        Args:
            journal: Has the events of the run's earlier lives; None for nowhere.

        Raises:
            CancelledError: The run was cancelled.
        """
        try:
            if self._unwanted is not None:
                raise asyncio.CancelledError  # noqa: TRY301 - as if it had come a moment later
            self._task = asyncio.current_task()
            async with aclosing(self._stream):
                async for item in self._stream:
                    if not isinstance(item, RunRecord):
                        await self._hear(item, journal)
        except asyncio.CancelledError:
            self.error = self._unwanted or ending()
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended the run, those who wait for it hear of it
            if not isinstance(error, MoaError):
                _LOG.exception("server.run_broke", extra={FIELDS: {"run_id": self.run_id}})
            self.error = error.with_traceback(None)  # which holds frames, and these the run
        finally:
            self._task = None
            if not any(isinstance(event, RunFinished) for event in self.events[-1:]) and not self.is_refused:
                self.tell(_last_event(self.record, self.error))
            self._begun.set()

    async def keep(self, journal: Journal) -> None:
        """Keep the run's events in a journal; of one that has not started there are none, and its id may be another's.

        Raises:
            StoreError: They cannot be kept.
            RunNotFoundError: It ended before it had its place in the journal.
        """
        if not self.has_started:
            raise RunNotFoundError(self.run_id)
        known = self._recalled
        await journal.keep_events(self.run_id, list(enumerate(self.events[known:], known + 1)))

    def close(self) -> None:
        """Let go of everybody who waits for the run or watches it: nothing follows."""
        self._over.set()
        watchers, self._watchers = self._watchers, {}
        for queue in watchers:
            queue.put_nowait(None)

    async def _hear(self, event: Event, journal: Journal | None) -> None:
        """Tell an event; where a run goes on, first those of its earlier lives: they are numbered through all."""
        if isinstance(event, RunStarted) and event.is_resumed and journal is not None:
            observers, self._observers = self._observers, []  # they heard of it when it happened
            for _, past in await journal.events(event.run_id):
                self.tell(past)
            self._observers, self._recalled = observers, len(self.events)
        self.tell(event)


def watch_all(
    runs: Sequence[LiveRun], *, after: int = 0, deltas: Pieces = False, tick_s: float | None = None
) -> AsyncGenerator[Sequence[Seen], None]:
    """Yield the events of some runs, as many at a time as are there, until all of them are over.

    It listens from now on, before the first iteration: pieces of text that come in between are not lost.

    Args:
        runs: Whose.
        after: The number of the last event of each that is known already; 0 for none.
        deltas: Whether pieces of the answer are passed on too; ``all``: and those of every call.
        tick_s: Seconds without any event after which nothing is yielded, so that a connection can be kept alive; None
            waits for as long as it takes.
    """
    queue: _Queue = asyncio.Queue()
    for live in runs:
        live.join(queue, after=after, deltas=deltas)
    return _batches(runs, queue, tick_s)


async def _batches(
    runs: Sequence[LiveRun], queue: _Queue, tick_s: float | None
) -> AsyncGenerator[Sequence[Seen], None]:
    left = len(runs)
    try:
        while left:
            batch = await _batch(queue, tick_s)
            left -= batch.count(None)
            yield [seen for seen in batch if seen is not None]
    finally:
        for live in runs:
            live.leave(queue)


async def _batch(queue: _Queue, tick_s: float | None) -> list[Seen | None]:
    """Return all that is in a queue, at least one thing; nothing where none comes in time."""
    try:
        async with asyncio.timeout(tick_s if queue.empty() else None):
            batch = [await queue.get()]
    except TimeoutError:
        return []
    while not queue.empty():
        batch.append(queue.get_nowait())
    return batch


def ending() -> ApiError:
    """Return the error of a run that there is no time for: the server is about to end."""
    return busy("the server is about to end: try again, and what was finished serves the next run", code="draining")


def busy(message: str, *, code: str) -> ApiError:
    """Return the error of a run that there is no room for now."""
    return ApiError(503, message, type="overloaded_error", code=code, retry_after_s=RETRY_S)


def _last_event(record: RunRecord, error: BaseException | None) -> RunFinished:
    """Return the end of a run that could not tell it itself: cancelled, or broken before it began."""
    state: RunState = "cancelled" if isinstance(error, ApiError) else "failed"
    return RunFinished(
        run_id=record.run_id,
        at_s=record.wall_s,
        state=record.state if record.state != "running" else state,
        text=record.text,
        usage=record.usage,
        error=record.error or (None if error is None else describe(error)),
    )
