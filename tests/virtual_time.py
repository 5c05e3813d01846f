"""An event loop without waits: when nothing is ready, its clock jumps to the next timer.

So ``asyncio.sleep`` and ``asyncio.timeout`` take no real time, and a test can say to the second when something happens.
The clock starts at 0. A loop in which nothing will ever happen again raises ``StuckError`` instead of waiting for ever.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class StuckError(RuntimeError):
    """No timer, no socket and no thread will wake the loop: what it runs waits for nothing."""


class _JumpingSelector(selectors.SelectSelector):
    """A selector that moves a clock where another would wait."""

    def __init__(self, patience_s: float) -> None:
        super().__init__()
        self.now_s = 0.0
        self._patience_s = patience_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None:
            ready = super().select(0)
            if not ready:
                self.now_s += timeout
            return ready
        ready = super().select(self._patience_s)
        if not ready:
            raise StuckError(f"nothing happens any more at {self.now_s:g} s")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` starts at 0 and jumps.

    Args:
        patience_s: Real seconds for a thread or a socket to wake a loop that has no timer.
    """

    def __init__(self, patience_s: float = 60.0) -> None:
        self._jumping = _JumpingSelector(patience_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._jumping.now_s

    def hold_up(self, seconds: float) -> None:
        """Let time pass in which the loop does nothing, as code that blocks it would."""
        self._jumping.now_s += seconds


def run(scenario: Coroutine[Any, Any, T], *, patience_s: float = 60.0) -> T:
    """Return what a coroutine returns, run in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(patience_s)) as runner:
        return runner.run(scenario)
