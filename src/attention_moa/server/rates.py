"""How often and how much at once: counted by key, in this process. Pure but for the clock that it is given."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from attention_moa.server.errors import RETRY_S, ApiError
from attention_moa.server.keys import Key

_WINDOW_S = 60.0


class Rates:
    """The requests of the last minute, and the runs under way, of each key.

    Args:
        now: Seconds on a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Start with nobody."""
        self._now = now
        self._asked: dict[str, deque[float]] = {}
        self._under_way: Counter[str] = Counter()

    def ask(self, key: Key) -> float | None:
        """Count a request of a key that is about to begin a run; return what ``take_back`` is told where it does not.

        Raises:
            ApiError: 429: there were as many as it may have in the last 60 seconds. This one is not counted.
        """
        rpm = key.rules.rpm
        if rpm is None:
            return None
        now = self._now()
        asked = self._asked.setdefault(key.name, deque())
        while asked and asked[0] <= now - _WINDOW_S:
            asked.popleft()
        if len(asked) >= rpm:
            raise ApiError(
                429,
                f"the key {key.name} may ask {rpm:,} times a minute: wait until the first of them is a minute ago",
                type="rate_limit_error",
                code="rate_limit_exceeded",
                retry_after_s=asked[len(asked) - rpm] + _WINDOW_S - now,
            )
        asked.append(now)
        return now

    def take_back(self, key: Key, asked_at: float | None) -> None:
        """Count a request no more, since no run of it began.

        Args:
            key: Whose.
            asked_at: What ``ask`` returned.
        """
        asked = self._asked.get(key.name, deque())
        if asked_at is not None and asked_at in asked:
            asked.remove(asked_at)

    def begin(self, key: Key) -> None:
        """Count a run of a key as under way, until ``end``.

        Raises:
            ApiError: 429: as many as it may have are. This one is not counted.
        """
        most = key.rules.concurrency
        if most is not None and self._under_way[key.name] >= most:
            raise ApiError(
                429,
                f"the key {key.name} may have {most:,} runs at once: ask again when one of them has ended",
                type="rate_limit_error",
                code="concurrency_exceeded",
                retry_after_s=RETRY_S,
            )
        self._under_way[key.name] += 1

    def end(self, key: Key) -> None:
        """Count a run of a key as over."""
        self._under_way[key.name] -= 1
        if not self._under_way[key.name]:
            del self._under_way[key.name]
