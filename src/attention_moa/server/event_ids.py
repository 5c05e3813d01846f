"""The ids under which a run's events are told: each stands for its event and for all that were told before it. Pure.

A number alone would not do: where a server was killed, the run's log is made of its record, and when the run goes on it
is written anew. An id of one of these logs is none of the others: nobody goes on in a log whose beginning they missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b

from attention_moa.events import Event

_PLAIN = re.compile(r"[0-9]{1,9}")
_ID = re.compile(r"([0-9]{1,9})-[0-9a-f]{12}")
_TOLD_BY = ("at_s", "call_id", "layer", "attempt", "is_resumed")


class EventIds:
    """The ids of a log that grows, made when they are first asked for.

    Args:
        events: The log; nothing in it changes, and what comes is put at its end.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        """Keep the log."""
        self._events = events
        self._ids: list[str] = []

    def of(self, number: int) -> str:
        """Return the id of an event.

        Args:
            number: Its place in the log, from 1.
        """
        while len(self._ids) < number:
            before = self._ids[-1] if self._ids else ""
            self._ids.append(_id_after(before, len(self._ids) + 1, self._events[len(self._ids)]))
        return self._ids[number - 1]

    def known(self, last: str) -> int:
        """Return how many events, from the first on, somebody knows who goes on.

        Args:
            last: The id of the last event that they were told, or a number alone, counted in this very log. What is
                of another log, as of one that a killed server took with it, says nothing of this one: then it is 0.

        Raises:
            ValueError: It is neither.
        """
        if _PLAIN.fullmatch(last):
            return int(last) if int(last) <= len(self._events) else 0
        found = _ID.fullmatch(last)
        if found is None:
            raise ValueError(last)
        number = int(found[1])
        is_here = 0 < number <= len(self._events) and self.of(number) == last
        return number if is_here else 0


def _id_after(before: str, number: int, event: Event) -> str:
    """Return the id of an event behind another; no text of a run is in it, since a journal may have rewritten those."""
    told = [getattr(event, name, None) for name in _TOLD_BY]
    kind = type(event).__name__
    return f"{number}-{blake2b(repr((before, kind, *told)).encode(), digest_size=6).hexdigest()}"
