"""The hub of runs: each is a task of the server's own, watched by any number of clients, from whichever event on.

A client that leaves takes nothing of a run with it unless it is told to; a client that comes late hears all of it from
the start. What is kept are the events; pieces of text are only passed on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import NamedTuple, Self

from attention_moa.errors import MoaError, describe
from attention_moa.events import AnswerDelta, AnswerReset, CallDelta, Event, RunFinished, RunStarted
from attention_moa.ports import Journal
from attention_moa.records import RunRecord, RunState
from attention_moa.run_stream import RunStream
from attention_moa.server.errors import RETRY_S, ApiError
from attention_moa.server.gate import Gate, Pass, Visitor
from attention_moa.server.job import Job
from attention_moa.waiting import to_the_end

_LOG = logging.getLogger("attention_moa.server")
_MOST_ENDED = 64

Begin = Callable[[Job, Visitor, int], RunStream]
"""Starts a run of a job for somebody, as which of several samples."""


class Seen(NamedTuple):
    """An event with its number: from 1, in the order in which they came; pieces of text have the last event's."""

    id: int
    event: Event


class LiveRun:
    """A run under way, or lately ended.

    Args:
        job: What was asked.
        visitor: Who asked.
        stream: The run.
    """

    def __init__(self, job: Job, visitor: Visitor, stream: RunStream) -> None:
        """Keep all; nothing has begun."""
        self.job = job
        self.visitor = visitor
        self.events: list[Event] = []
        self.error: BaseException | None = None
        self._stream = stream
        self._record: RunRecord | None = None
        self._watchers: dict[asyncio.Queue[Seen | None], bool] = {}
        self._begun = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_unwanted = False

    @property
    def run_id(self) -> str:
        """The run's id: sure once the run has begun, since it may turn out to be an earlier one that goes on."""
        return self._stream.record.run_id

    @property
    def record(self) -> RunRecord:
        """What is finished so far; the final record once the run is over."""
        return self._record or self._stream.record

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, one way or another."""
        return self._over.is_set()

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

    def cancel(self) -> None:
        """End the run and all of its calls; what was finished stays. Idempotent."""
        self._is_unwanted = True
        if self._task is not None and self._begun.is_set():
            self._task.cancel()

    async def watch(self, after: int = 0, *, deltas: bool = False) -> AsyncGenerator[Seen, None]:
        """Yield the run's events from one on, then those that follow until it is over.

        Args:
            after: The number of the last event that is known already; 0 for none.
            deltas: Whether pieces of the answer are passed on too, from now on.
        """
        queue: asyncio.Queue[Seen | None] = asyncio.Queue()
        past = [Seen(number, event) for number, event in enumerate(self.events[after:], after + 1)]
        if not self.is_over:
            self._watchers[queue] = deltas
        try:
            for seen in past:
                yield seen
            while not (self.is_over and queue.empty()) and (seen_now := await queue.get()) is not None:
                yield seen_now
        finally:
            self._watchers.pop(queue, None)

    def tell(self, event: Event) -> None:
        """Keep an event and pass it on; pieces of text are passed on alone."""
        if isinstance(event, CallDelta):
            return
        is_piece = isinstance(event, (AnswerDelta, AnswerReset))
        if not is_piece:
            self.events.append(event)
        seen = Seen(len(self.events), event)
        for queue, wants_pieces in self._watchers.items():
            if wants_pieces or not is_piece:
                queue.put_nowait(seen)
        if isinstance(event, RunStarted):
            self._begun.set()

    async def follow(self) -> None:
        """Run to the end, whatever it is; returns once all of it is put down.

        Raises:
            CancelledError: The run was cancelled.
        """
        try:
            if self._is_unwanted:
                raise asyncio.CancelledError  # noqa: TRY301 - as if it had come a moment later
            self._task = asyncio.current_task()
            async with aclosing(self._stream):
                async for item in self._stream:
                    if isinstance(item, RunRecord):
                        self._record = item
                    else:
                        self.tell(item)
        except asyncio.CancelledError:
            self.error = ApiError(499, "the run was cancelled", type="cancelled", code="cancelled", run_id=self.run_id)
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended the run, those who wait for it hear of it
            self.error = error
            if not isinstance(error, MoaError):
                _LOG.exception("server.run_broke", extra={"run_id": self.run_id})
        finally:
            self._close()

    def _close(self) -> None:
        """Put down how the run ended, and let all watchers go."""
        self._record = self._stream.record
        if not any(isinstance(event, RunFinished) for event in self.events[-1:]):
            self.tell(_last_event(self._record, self.error))
        self._begun.set()
        self._over.set()
        for queue in self._watchers:
            queue.put_nowait(None)


class Hub:
    """All runs of a server; use it as an async context manager, around all that begins one.

    Args:
        begin: Starts a run.
        gate: Says who may make one.
        journal: Keeps the events of runs that are over; None for nowhere.
        max_runs: Most runs at once.
    """

    def __init__(self, begin: Begin, gate: Gate, *, journal: Journal | None, max_runs: int) -> None:
        """Start without any run."""
        self.is_draining = False
        self._begin = begin
        self._gate = gate
        self._journal = journal
        self._max_runs = max_runs
        self._group = asyncio.TaskGroup()
        self._starting = 0
        self._running: dict[int, LiveRun] = {}
        self._ended: OrderedDict[str, LiveRun] = OrderedDict()

    async def __aenter__(self) -> Self:
        """Take runs from here on."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all runs and wait until nothing of them is left."""
        self.is_draining = True
        self.cancel_all()
        await self._group.__aexit__(kind, error, trace)

    @property
    def running(self) -> Sequence[LiveRun]:
        """The runs under way, the oldest first."""
        return tuple(self._running.values())

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run under way, or one that lately ended; None where there is none of that id."""
        return next((live for live in self._running.values() if live.run_id == run_id), self._ended.get(run_id))

    async def start(self, job: Job, visitor: Visitor, *, sample: int = 0) -> LiveRun:
        """Return a new run, under way.

        Args:
            job: What is asked.
            visitor: Who asks.
            sample: Which of several runs of one request.

        Raises:
            ApiError: There are too many, the server is about to end, or the gate says no.
            ConfigError: The question is empty.
        """
        if self.is_draining:
            raise _busy("the server is about to end: try again", code="draining")
        if len(self._running) + self._starting >= self._max_runs:
            most = f"{self._max_runs} runs are under way, which is the most at once"
            raise _busy(f"{most}: try again", code="overloaded")
        self._starting += 1
        try:
            leave = await self._gate.admit(visitor, job)
        finally:
            self._starting -= 1
        try:
            live = LiveRun(job, visitor, self._begin(job, visitor, sample))
        except BaseException:  # whatever it is: what was held for the run is given back
            await to_the_end(leave.settle(None))
            raise
        self._running[id(live)] = live
        self._group.create_task(self._follow(live, leave))
        self._group.create_task(_note(live, leave))
        return live

    async def drain(self, within_s: float) -> None:
        """Let runs under way finish, and begin none any more; those that take too long are ended.

        Args:
            within_s: Seconds that they have.
        """
        self.is_draining = True
        try:
            async with asyncio.timeout(within_s):
                for live in self.running:
                    await live.over()
        except TimeoutError:
            self.cancel_all()

    def cancel_all(self) -> None:
        """End all runs."""
        for live in self.running:
            live.cancel()

    async def _follow(self, live: LiveRun, leave: Pass) -> None:
        try:
            await live.follow()
        finally:
            await to_the_end(self._put_away(live, leave))

    async def _put_away(self, live: LiveRun, leave: Pass) -> None:
        """Settle what a run took, and keep its events; none of it may end other runs."""
        try:
            await leave.settle(live.record)
        except Exception:  # noqa: BLE001 - whatever it is, other runs go on; the log has it
            _LOG.exception("server.run_not_settled", extra={"run_id": live.run_id})
        self._running.pop(id(live), None)
        self._ended[live.run_id] = live
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)


async def _note(live: LiveRun, leave: Pass) -> None:
    """Tell the gate which run it is, once that is sure."""
    await live.begun()
    try:
        await leave.begun(live.run_id)
    except MoaError:
        _LOG.exception("server.run_not_noted", extra={"run_id": live.run_id})


def _busy(message: str, *, code: str) -> ApiError:
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
