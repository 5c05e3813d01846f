"""Further answers of a run: the call that writes its answer, made again from the same prompt.

They are made beside the first one where that is known to be the answer's when it starts, else after it. Each becomes a
``Choice`` or, where it cannot be had, a ``Loss`` in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from attention_moa.records import Choice, Loss
from attention_moa.wording import Wording

Write: TypeAlias = Callable[[int], Coroutine[Any, Any, Wording | Loss]]
"""Writes a further answer; it is told which, from 1."""

Finish: TypeAlias = Callable[[int, Wording], Coroutine[Any, Any, Choice | Loss]]
"""Makes an answer of what was written."""


class Choices:
    """The answers of one run beyond the first.

    Args:
        count: How many.
        group: Where they are written.
        finish: Ends, checks and tells each.
    """

    def __init__(self, count: int, group: asyncio.TaskGroup, finish: Finish) -> None:
        """Start with none under way."""
        self._count = count
        self._group = group
        self._finish = finish
        self._ways: dict[str, Write] = {}
        self._tasks: list[asyncio.Task[Choice | Loss]] = []

    def know(self, call_id: str, write: Write) -> None:
        """Keep how a call is made again, should it turn out to have written the answer.

        Args:
            call_id: The call.
            write: Makes it again.
        """
        self._ways[call_id] = write

    def begin(self, write: Write) -> None:
        """Write all of them from here on; nothing where they are under way.

        Args:
            write: Writes one.
        """
        if not self._tasks:
            numbers = range(1, self._count + 1)
            self._tasks = [self._group.create_task(self._one(write, number)) for number in numbers]

    def begin_after(self, call_id: str) -> None:
        """Write all of them as a call that is over; nothing where they are under way, or where nobody knows how.

        Args:
            call_id: The call that wrote the first answer.
        """
        if call_id in self._ways:
            self.begin(self._ways[call_id])

    async def results(self, within_s: float | None) -> list[Choice | Loss | None]:
        """Return them in order; None for each that has not come in time, and is ended.

        Args:
            within_s: Most seconds to wait; None waits for all.
        """
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        late = [task for task in self._tasks if not task.done()]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        found = [None if task in late else task.result() for task in self._tasks]
        return found or [None] * self._count

    async def _one(self, write: Write, number: int) -> Choice | Loss:
        written = await write(number)
        return written if isinstance(written, Loss) else await self._finish(number, written)
