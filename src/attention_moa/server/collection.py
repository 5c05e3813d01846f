"""When a server looks for garbage: seldom, and never in what was there from the start.

Source: ours, measured. With 200 runs under way Python's own rhythm looks through all objects every few seconds, which
stops the event loop for half a second or more and finds next to nothing: nearly all that a run leaves goes at once, by
its counted references.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Generator

_EVERY_S = 60.0
_YOUNG = (2_000, 10)
"""New objects after which they are looked at, and such looks after which those before are too: a few hundredths of a
second each."""
_NEVER = 1_000_000


@contextlib.contextmanager
def collecting_seldom(every_s: float = _EVERY_S) -> Generator[None, None, None]:
    """Look for garbage among old objects only every so often, within the context; call it in a running loop.

    Args:
        every_s: Seconds between two looks.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG, _NEVER)
    looks = _Looks(every_s)
    try:
        yield
    finally:
        looks.end()
        gc.set_threshold(*before)
        gc.unfreeze()


class _Looks:
    """Looks for garbage every so often, until it is told to end."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = self._later()

    def end(self) -> None:
        self._next.cancel()

    def _later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._every_s, self._look)

    def _look(self) -> None:
        gc.collect()
        self._next = self._later()
