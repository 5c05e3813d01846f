"""One attempt of a call as its events tell it. Pure."""

from __future__ import annotations

from msgspec import Struct


class Try(Struct, frozen=True, kw_only=True):
    """One attempt.

    Args:
        started_s: When it went out, in seconds of the run.
        first_token_s: When its reply began; None where it has not.
        failed_s: When it failed; None for one that is under way or gave the reply.
        is_broken: Whether it was ended from outside in the place of failing.
    """

    started_s: float
    first_token_s: float | None = None
    failed_s: float | None = None
    is_broken: bool = False
