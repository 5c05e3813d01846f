"""All runs of a server: begun where there is room and leave, counted, drained, ended with it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeAlias

from msgspec.structs import replace

from attention_moa.errors import MoaError, RunNotFoundError
from attention_moa.ports import Journal, Observer
from attention_moa.run_stream import RunStream
from attention_moa.server.gate import Gate, Pass, Visitor
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun, busy, ending
from attention_moa.server.room import require_room
from attention_moa.telemetry.lines import FIELDS
from attention_moa.waiting import to_the_end

_LOG = logging.getLogger("attention_moa.server")
_MOST_ENDED = 64

Begin: TypeAlias = Callable[[Job, Visitor, int], RunStream]
"""Starts a run of a job for somebody, as which of several samples."""

ObserversOf: TypeAlias = Callable[[Job, Visitor], Sequence[Observer]]
"""Gives those who are told of a job's run, made for somebody."""


class Hub:
    """All runs of a server; use it as an async context manager, around all that begins one.

    Args:
        begin: Starts a run.
        gate: Says who may make one.
        journal: Keeps the events of runs that are over; None for nowhere.
        max_runs: Most runs at once.
        observers_of: Gives those who are told of a run.
    """

    def __init__(
        self,
        begin: Begin,
        gate: Gate,
        *,
        journal: Journal | None,
        max_runs: int,
        observers_of: ObserversOf = lambda _job, _visitor: (),
    ) -> None:
        """Start without any run."""
        self.is_draining = False
        self._observers_of = observers_of
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
        await self._group.__aexit__(None, None, None)  # an error of whoever entered it is theirs to tell

    @property
    def running(self) -> Sequence[LiveRun]:
        """The runs under way, the oldest first."""
        return tuple(self._running.values())

    @property
    def known(self) -> Sequence[LiveRun]:
        """The runs under way, and those that lately ended and that no journal has whole."""
        return (*self._running.values(), *self._ended.values())

    def forget(self, run_id: str) -> None:
        """Know a run that ended no more."""
        self._ended.pop(run_id, None)

    def get(self, run_id: str) -> LiveRun | None:
        """Return a run under way, or one that lately ended and that no journal has whole; None where there is none."""
        return next((live for live in self._running.values() if live.run_id == run_id), self._ended.get(run_id))

    async def start(self, job: Job, visitor: Visitor) -> LiveRun:
        """Return a new run, under way; as ``start_all`` of one."""
        return (await self.start_all(replace(job, runs=1), visitor))[0]

    async def start_all(self, job: Job, visitor: Visitor) -> tuple[LiveRun, ...]:
        """Return the runs of a job, all under way or none; who watches them at once misses nothing of them.

        Args:
            job: What is asked.
            visitor: Who asks.

        Raises:
            ApiError: There are too many, the server is about to end, the gate says no, or not even one call fits a
                limit of the request's own.
            ConfigError: The question is empty.
        """
        self._require_room(job.runs)
        self._starting += job.runs
        leaves: list[Pass] = []
        try:
            for sample in range(job.runs):
                leave = await self._gate.admit(visitor, job, sample=sample)
                leaves.append(leave)  # at once: it is given back where the next one is refused
            await require_room(job)  # behind the gate: who may not set a limit is told that
            if self.is_draining:  # since then
                raise ending()  # noqa: TRY301 - what was held is given back below
            runs = tuple(self._live(job, visitor, sample) for sample in range(job.runs))
        except BaseException:  # whatever it is: what was held for the runs is given back
            for leave in leaves:
                await to_the_end(leave.settle(None))
            raise
        finally:
            self._starting -= job.runs
        for live, leave in zip(runs, leaves, strict=True):
            self._running[id(live)] = live
            self._group.create_task(self._follow(live, leave))
            self._group.create_task(_note(live, leave))
        return runs

    def _live(self, job: Job, visitor: Visitor, sample: int) -> LiveRun:
        return LiveRun(job, visitor, self._begin(job, visitor, sample), self._observers_of(job, visitor))

    def _require_room(self, runs: int) -> None:
        """Raise unless so many more runs may begin."""
        if self.is_draining:
            raise ending()
        if len(self._running) + self._starting + runs > self._max_runs:
            most = f"{self._max_runs} runs at once are the most"
            raise busy(f"{most}: try again", code="overloaded")

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
            for live in self.running:
                await live.over()

    def cancel_all(self) -> None:
        """End all runs, and begin none any more; what was finished of them is kept."""
        self.is_draining = True
        for live in self.running:
            live.cancel(ending())

    async def _follow(self, live: LiveRun, leave: Pass) -> None:
        try:
            await live.follow(self._journal)
        finally:
            await to_the_end(self._put_away(live, leave))

    async def _put_away(self, live: LiveRun, leave: Pass) -> None:
        """Settle what a run took and keep its events, then let go of who waits: a next run finds it settled.

        What a journal has whole is not held here too: a run's prompts may take megabytes.
        """
        is_kept = live.is_refused
        try:
            await leave.settle(None if live.is_refused else live.record)
            if self._journal is not None and not live.is_refused:
                await live.keep(self._journal)
                is_kept = True
        except RunNotFoundError:
            is_kept = (
                live.job.run_id is not None
            )  # it ended before it had its place; an earlier one's keeps what it has
        except Exception:  # noqa: BLE001 - whatever it is, other runs go on; the log has it
            _LOG.exception("server.run_not_settled", extra={FIELDS: {"run_id": live.run_id}})
        finally:
            self._running.pop(id(live), None)
            if not is_kept:
                self._remember(live)
            live.close()

    def _remember(self, live: LiveRun) -> None:
        self._ended[live.run_id] = live
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)


async def _note(live: LiveRun, leave: Pass) -> None:
    """Tell the gate which run it is, once that is sure."""
    await live.begun()
    try:
        await leave.begun(live.run_id)
    except MoaError:
        _LOG.exception("server.run_not_noted", extra={FIELDS: {"run_id": live.run_id}})
