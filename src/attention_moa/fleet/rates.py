"""Requests and tokens a minute at one simulated model: what is left, what the headers say, and how long to wait."""

from __future__ import annotations

from typing import NamedTuple

MINUTE_S = 60.0


class RateExceededError(Exception):
    """A limit is used up.

    Args:
        what: ``requests`` or ``tokens``.
        limit: How many a minute.
        wait_s: Seconds until there is room again.
    """

    def __init__(self, what: str, limit: int, wait_s: float) -> None:
        """Keep what a client is to be told."""
        super().__init__(f"limit of {limit} {what} a minute reached")
        self.wait_s = wait_s


class Bucket:
    """A budget that fills evenly, up to one minute's worth.

    What a request takes beyond what is left becomes a debt: so a request larger than a whole minute's worth passes,
    and the next ones wait for it.

    Args:
        limit: How many a minute.
    """

    def __init__(self, limit: int) -> None:
        """Start full."""
        self.limit = limit
        self._left = float(limit)
        self._at_s: float | None = None

    def left(self, now_s: float) -> float:
        """Return how much is left at a time; below 0 for a debt."""
        if self._at_s is not None:
            self._left = min(self.limit, self._left + (now_s - self._at_s) * self.limit / MINUTE_S)
        self._at_s = now_s
        return self._left

    def take(self, amount: int, now_s: float) -> None:
        """Take some, also more than there is."""
        self._left = self.left(now_s) - amount

    def seconds_until(self, amount: float, now_s: float) -> float:
        """Return the seconds until so much is there; 0 where it is there already."""
        return max(amount - self.left(now_s), 0.0) * MINUTE_S / self.limit


class _Limit(NamedTuple):
    what: str
    bucket: Bucket
    least: float


class Rates:
    """The limits of one model. Times are simulated seconds.

    Args:
        rpm: Requests a minute; None for no limit.
        tpm: Tokens a minute; None for no limit.
    """

    def __init__(self, rpm: int | None, tpm: int | None) -> None:
        """Start with both full."""
        self._requests = Bucket(rpm) if rpm else None
        self._tokens = Bucket(tpm) if tpm else None
        self._limits = [
            _Limit(what, bucket, least)
            for what, bucket, least in (("requests", self._requests, 1.0), ("tokens", self._tokens, 0.001))
            if bucket is not None
        ]

    def take(self, tokens: int, now_s: float) -> None:
        """Take one request of so many tokens.

        Raises:
            RateExceededError: A limit is used up; nothing was taken.
        """
        for what, bucket, least in self._limits:
            if wait_s := bucket.seconds_until(least, now_s):
                raise RateExceededError(what, bucket.limit, wait_s)
        if self._requests is not None:
            self._requests.take(1, now_s)
        if self._tokens is not None:
            self._tokens.take(tokens, now_s)

    def headers(self, now_s: float, scale: float) -> dict[str, str]:
        """Return what a response says about the limits, as OpenAI's API does; empty where there is none.

        Args:
            now_s: The time.
            scale: Real seconds for a simulated one: a client waits in real time.
        """
        said: dict[str, str] = {}
        for what, bucket, _ in self._limits:
            said[f"x-ratelimit-limit-{what}"] = str(bucket.limit)
            said[f"x-ratelimit-remaining-{what}"] = str(max(int(bucket.left(now_s)), 0))
            said[f"x-ratelimit-reset-{what}"] = duration(bucket.seconds_until(bucket.limit, now_s) * scale)
        return said


def duration(seconds: float) -> str:
    """Return seconds as the headers write them: ``20ms``, ``1.5s``, ``6m0s``."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < MINUTE_S:
        return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"
    return f"{int(seconds // MINUTE_S)}m{int(seconds % MINUTE_S)}s"
