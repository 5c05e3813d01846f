"""Waiting for what must come to its end, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def end_of(future: asyncio.Future[T]) -> T:
    """Wait for a future's end, cancelled or not; then be cancelled, or return or raise what it has.

    Args:
        future: Ends by itself; cancelling who waits does not cancel it.
    """
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    try:
        if cancelled is not None:
            has_failed(future)  # it has been seen: nobody is to be told of it once more
            raise cancelled
        return future.result()
    finally:
        cancelled = None  # an error holds the frames that it passed: one that held the error would never be let go of
        del future


def has_failed(future: asyncio.Future[T]) -> bool:
    """Return whether a future that has ended has no result."""
    return future.cancelled() or future.exception() is not None
