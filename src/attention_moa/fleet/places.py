"""The places at a model: so many requests are worked on at once, the others wait in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class QueueFullError(Exception):
    """Too many requests wait already."""


class Places:
    """Places that are given first come, first served.

    Args:
        concurrency: How many there are.
        queue: How many requests may wait; None for any number.
    """

    def __init__(self, concurrency: int, queue: int | None) -> None:
        """Start with all places free."""
        self._free = concurrency
        self._most_waiting = queue
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.busy = 0

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None, None]:
        """Hold a place while inside; wait for one before.

        Raises:
            QueueFullError: As many wait as may.
        """
        await self._take()
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1
            self._give()

    async def _take(self) -> None:
        if self._free:
            self._free -= 1
            return
        if self._most_waiting is not None and len(self._waiting) >= self._most_waiting:
            raise QueueFullError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self._give()  # the place came in the moment in which the client left
            raise

    def _give(self) -> None:
        """Hand a place that is free to the first who still waits for one, else keep it."""
        for turn in self._waiting:
            if not turn.done():
                self._waiting.remove(turn)
                turn.set_result(None)
                return
        self._free += 1
