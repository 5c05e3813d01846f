"""The money of a whole benchmark: what a run may take of it, and when there is too little to begin another one."""

from __future__ import annotations

import asyncio
from math import inf


class Grant:
    """What one run may spend.

    Args:
        usd: Reserved for it; infinity where nothing is limited.
        before_usd: What the run had spent before this life of it.
    """

    def __init__(self, usd: float, before_usd: float) -> None:
        """Hold the reservation."""
        self.usd = usd
        self.before_usd = before_usd

    @property
    def limit_usd(self) -> float | None:
        """The limit of the run as a whole; None for none."""
        return None if self.usd == inf else self.usd + self.before_usd


class Purse:
    """Money for many runs, some of them at once; the sum of what they may spend is never more than what is left.

    Args:
        usd: All that may be spent; None for no limit.
        parallel: How many runs are under way at once at most: each may take such a share of what is left.
    """

    def __init__(self, usd: float | None, *, parallel: int) -> None:
        """Start with nothing spent."""
        self._usd = inf if usd is None else usd
        self._parallel = parallel
        self._reserved_usd = 0.0
        self._under_way = 0
        self._changed = asyncio.Condition()
        self.spent_usd = 0.0
        self.is_empty = False

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._usd < inf

    @property
    def free_usd(self) -> float:
        """What is neither spent nor reserved."""
        return max(self._usd - self.spent_usd - self._reserved_usd, 0.0)

    def fill(self, usd: float) -> None:
        """Say what may be spent, before anybody takes of it."""
        self._usd = usd

    async def take(self, *, most_usd: float, usual_usd: float, before_usd: float = 0.0) -> Grant | None:
        """Return what a run may spend; None where the rest does not cover it.

        It waits while runs are under way that may leave something over.

        Args:
            most_usd: The most that it can cost.
            usual_usd: What such runs cost; with nothing else under way that much is enough.
            before_usd: What it has spent already.
        """
        async with self._changed:
            if self.is_empty and most_usd > before_usd:
                return None
            while self.is_limited and self.free_usd < most_usd - before_usd:
                if self.is_empty:
                    return None
                if not self._under_way:
                    if self.free_usd > 0 and self.free_usd >= usual_usd - before_usd:
                        break
                    self.is_empty = True
                    self._changed.notify_all()
                    return None
                await self._changed.wait()
            share = max(most_usd - before_usd, self.free_usd / self._parallel)
            grant = Grant(min(share, self.free_usd) if self.is_limited else inf, before_usd)
            self._reserved_usd += grant.usd if self.is_limited else 0.0
            self._under_way += 1
            return grant

    async def settle(self, grant: Grant, usd: float) -> None:
        """Count what a run spent in the place of what was reserved for it.

        Args:
            grant: What it was given.
            usd: What it has spent in all its lives.
        """
        async with self._changed:
            self._under_way -= 1
            self._reserved_usd -= grant.usd if self.is_limited else 0.0
            self.spent_usd += usd - grant.before_usd
            self._changed.notify_all()

    async def close(self) -> None:
        """Let nobody begin any more."""
        async with self._changed:
            self.is_empty = True
            self._changed.notify_all()
