"""A run under way, to iterate: its events as they happen, then its record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from types import AsyncGeneratorType
from typing import cast

from attention_moa.events import Event
from attention_moa.records import RunRecord
from attention_moa.run_log import RunLog
from attention_moa.waiting import outlast


class RunStream:
    """A run under way: iterate it for its events and, last, its record.

    ``aclose()`` cancels the run and all of its calls; so does letting go of the stream. Who leaves the iteration early
    while holding on to the stream closes it (``contextlib.aclosing``). ``record`` tells at any time what is finished,
    also after that.

    Args:
        log: The run's log.
        run: Starts the run.
        events: Where the run's events arrive.
    """

    def __init__(
        self,
        log: RunLog,
        run: Callable[[], Coroutine[None, None, RunRecord]],
        events: asyncio.Queue[Event | None],
    ) -> None:
        """Keep the run; it starts with the first iteration."""
        self._log = log
        self._tasks: list[asyncio.Task[RunRecord]] = []
        items = _iterate(run, events, log, self._tasks)
        self._items = cast("AsyncGeneratorType[Event | RunRecord, None]", items)

    @property
    def run_id(self) -> str:
        """The run's id, without the cost of its record; it may turn out to be an earlier run's that goes on."""
        return self._log.run_id

    @property
    def record(self) -> RunRecord:
        """What is finished so far; the final record once the run has ended."""
        return self._log.record()

    def tell_calls(self, *, is_told: bool) -> None:
        """Have pieces of every call told from now on, or those of the answer alone; one that tells none stays so.

        The next piece of a call that is under way comes with all that was said before.
        """
        if self._log.has_deltas:
            self._log.listened += is_told and self._log.has_deltas is not True
            self._log.has_deltas = True if is_told else "answer"

    def __aiter__(self) -> AsyncGenerator[Event | RunRecord, None]:
        """Return the events, then the record; raises what ``Ensemble.run`` raises."""
        return self._items

    async def aclose(self) -> None:
        """Cancel the run if it has not ended; idempotent.

        For whoever iterates in another task the iteration is over then.
        """
        for task in self._tasks:
            await _end(task, self._log)
        if not self._items.ag_running:  # else the other task sees that the run has ended
            await self._items.aclose()
        if self._log.is_open:  # nobody ever iterated
            self._log.cancel()


async def _iterate(
    run: Callable[[], Coroutine[None, None, RunRecord]],
    events: asyncio.Queue[Event | None],
    log: RunLog,
    tasks: list[asyncio.Task[RunRecord]],
) -> AsyncGenerator[Event | RunRecord, None]:
    # A task group cannot stay open across the yields of a generator: the task is ended by hand, in ``finally``. Nothing
    # that the task holds may hold the stream: who lets go of a stream ends its run.
    task = asyncio.get_running_loop().create_task(run())
    task.add_done_callback(lambda _: events.put_nowait(None))
    tasks.append(task)
    try:
        while (event := await events.get()) is not None:
            yield event
        if not task.cancelled():
            yield task.result()
    finally:
        await _end(task, log)
        tasks.clear()
        del task  # it holds its error, which holds this frame


async def _end(task: asyncio.Task[RunRecord], log: RunLog) -> None:
    """Cancel a run and wait until nothing of it is left; one that has ended stays as it is."""
    task.cancel()
    try:
        await outlast(task)
    finally:
        if not task.cancelled():
            task.exception()  # it is heard of, so the loop has nothing to complain about
        elif log.is_open:  # it was cancelled before its first turn
            log.cancel()
