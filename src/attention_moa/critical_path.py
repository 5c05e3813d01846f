"""The longest chain of calls that waited for each other: no schedule of the same calls can be faster.

It is taken from a run's own call log: each call says which calls' texts its prompt holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Timed(Protocol):
    """A call with its times and what it read: of a record, or of a run under way."""

    @property
    def call_id(self) -> str:
        """Its name."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The calls whose texts its prompt holds."""
        ...

    @property
    def queued_s(self) -> float:
        """When its inputs were there."""
        ...

    @property
    def ended_s(self) -> float:
        """When it ended."""
        ...


class CriticalPath(NamedTuple):
    """The chain's calls, first to last, and the sum of their seconds."""

    seconds: float
    call_ids: tuple[str, ...]


def critical_path(calls: Sequence[Timed]) -> CriticalPath:
    """Return the longest chain of calls by the seconds that they took.

    A call counts from the moment when its inputs were there (waits for slots, retries and backoff included) to its end.
    Reads of calls that are not in the log count as ready from the start.

    Args:
        calls: In the order in which they ended, as in a record: what a call reads ended before it.

    Returns:
        Seconds and call ids; nothing for no calls.

    Source: ours (the critical path method).
    """
    best: dict[str, CriticalPath] = {}
    for call in calls:
        before = max((best[read] for read in call.reads if read in best), default=CriticalPath(0.0, ()))
        best[call.call_id] = CriticalPath(
            before.seconds + call.ended_s - call.queued_s, (*before.call_ids, call.call_id)
        )
    return max(best.values(), default=CriticalPath(0.0, ()))
