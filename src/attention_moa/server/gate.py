"""Who may come in, and what a run of theirs may take: the seam at which keys, rates and budgets are put in.

``OpenGate`` is the server without keys: everybody is let in as the one owner that the command line is too.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from starlette.requests import HTTPConnection

from attention_moa.records import RunRecord
from attention_moa.server.job import Job


class Visitor(Struct, frozen=True, kw_only=True):
    """Somebody who was let in.

    Args:
        owner: Whose runs theirs are; empty without keys.
        is_admin: Whether all runs are theirs to see.
        ensembles: The ensembles that they may use; None for all.
        salt: What every prompt of theirs begins with, so that no provider's cache is shared; empty for nothing.
    """

    owner: str = ""
    is_admin: bool = False
    ensembles: frozenset[str] | None = None
    salt: str = ""

    def may_use(self, ensemble: str) -> bool:
        """Whether an ensemble is among those that they may use."""
        return self.ensembles is None or ensemble in self.ensembles


class Pass(Protocol):
    """Leave to make one run."""

    async def begun(self, run_id: str) -> None:
        """Note which run it is, now that it is sure: should the server die, what it cost is still found.

        Raises:
            StoreError: It cannot be noted.
        """
        ...

    async def settle(self, record: RunRecord | None) -> None:
        """Give back what was held for a run, once, when it is over; charge what it took.

        Args:
            record: What there is of it; None where it never began.
        """
        ...


class Gate(Protocol):
    """Lets clients in, and runs begin."""

    async def has_keys(self) -> bool:
        """Return whether there is any key; without one everybody is let in, where that may be."""
        ...

    async def enter(self, connection: HTTPConnection) -> Visitor:
        """Return who asks.

        Raises:
            ApiError: 401: there is no key, or none that is known.
        """
        ...

    async def admit(self, visitor: Visitor, job: Job, *, sample: int = 0) -> Pass:
        """Return leave to make a run; what it may take is held until it is settled.

        Args:
            visitor: Who asks.
            job: What they ask.
            sample: Which run of the request it is, from 0; the request itself counts with the first.

        Raises:
            ApiError: 403: the ensemble or a setting is not theirs to use; 429: too many requests, too many runs at
                once, or too little money left.
        """
        ...


class _FreePass:
    """Leave that nobody counts."""

    async def begun(self, run_id: str) -> None:
        """Note nothing."""

    async def settle(self, record: RunRecord | None) -> None:
        """Count nothing."""


class OpenGate:
    """The gate of a server without keys."""

    async def has_keys(self) -> bool:
        """Return that there is none."""
        return False

    async def enter(self, connection: HTTPConnection) -> Visitor:  # noqa: ARG002 - the seam's signature
        """Let everybody in, as one."""
        return Visitor(is_admin=True)

    async def admit(self, visitor: Visitor, job: Job, *, sample: int = 0) -> Pass:  # noqa: ARG002 - the seam's signature
        """Let every run begin."""
        return _FreePass()
