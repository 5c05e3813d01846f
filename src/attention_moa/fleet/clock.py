"""Simulated time: how long a simulated second takes, and waiting for a point in it."""

from __future__ import annotations

import asyncio

_SHORTEST_S = 0.001


class Clock:
    """Time as the fleet's models feel it.

    Args:
        scale: Real seconds for a simulated one; 0 for no waiting.
    """

    def __init__(self, scale: float) -> None:
        """Begin now."""
        self.scale = scale
        self.real_scale = scale or 1.0
        """Real seconds for a simulated one where nobody waits: limits a minute count real minutes then."""

    def now_s(self) -> float:
        """Return the time for limits a minute."""
        return asyncio.get_running_loop().time() / self.real_scale

    def start(self) -> Stopwatch:
        """Return a watch that starts now."""
        return Stopwatch(self.scale)


class Stopwatch:
    """Simulated seconds since a start."""

    def __init__(self, scale: float) -> None:
        """Start."""
        self._scale = scale
        self._started_s = asyncio.get_running_loop().time()
        self.due_s = 0.0
        """The last point in time that was waited for."""

    @property
    def real_s(self) -> float:
        """Real seconds since the start."""
        return asyncio.get_running_loop().time() - self._started_s

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds since the start; 0 where nobody waits."""
        return self.real_s / self._scale if self._scale else 0.0

    @property
    def spent_s(self) -> float:
        """Simulated seconds that were due so far, as far as they have passed: our own slowness is not in them."""
        return min(self.due_s, self.elapsed_s) if self._scale else self.due_s

    def is_early(self, due_s: float) -> bool:
        """Return whether a point in time is far enough off to be waited for."""
        return due_s * self._scale - self.real_s > _SHORTEST_S

    async def until(self, due_s: float) -> None:
        """Wait until so many simulated seconds after the start."""
        self.due_s = due_s
        if (wait_s := due_s * self._scale - self.real_s) > _SHORTEST_S:
            await asyncio.sleep(wait_s)
