"""What takes long to be found out about a run: found in a thread, and kept for runs that are over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from attention_moa.records import RunRecord

T = TypeVar("T")

_MOST = 64


class Findings(Generic[T]):
    """What was found out about runs; who asks has been shown the record, so that nothing here is asked for a key.

    Args:
        find: Finds it out; it is called in a thread.
    """

    def __init__(self, find: Callable[[RunRecord], T]) -> None:
        """Keep nothing yet."""
        self._find = find
        self._kept: dict[tuple[str, str, int], T] = {}

    async def of(self, record: RunRecord) -> T:
        """Return what is found out about a run; of one that went on since it is found out anew.

        Args:
            record: The run, over or not.
        """
        name = (record.run_id, record.state, len(record.calls))
        if name in self._kept:
            self._kept[name] = self._kept.pop(name)  # those that are asked for stay
            return self._kept[name]
        found = await asyncio.to_thread(self._find, record)
        if record.state != "running":
            self._kept[name] = found
            while len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
        return found
