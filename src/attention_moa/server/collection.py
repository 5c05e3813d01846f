"""When a server looks for garbage: in small bites, seldom among what is old, never in what was there from the start.

Source: ours, measured. With 200 runs under way Python's own rhythm looks through all objects every few seconds, which
stops the event loop for half a second or more and finds next to nothing: nearly all that a run leaves goes at once, by
its counted references. Its looks among young objects are no smaller: it counts those made less those gone, whatever
their age, so that with many runs under way 60,000 young ones gather before it looks. Hence looks by the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Generator

_BITE_S = 0.1
"""Seconds between two looks among the objects of that time: a few thousandths of a second each."""
_EVERY_S = 60.0
_MOST_SHARE = 0.0025
"""Of the clock that looks among all objects may take: the longer one takes, the later is the next."""
_BURST = 100_000
"""New objects after which Python looks by itself, where the event loop has no turn for so long."""
_NEVER = 1_000_000


@contextlib.contextmanager
def collecting_seldom(every_s: float = _EVERY_S, bite_s: float = _BITE_S) -> Generator[None, None, None]:
    """Look for garbage by the clock, within the context; call it in a running loop.

    Args:
        every_s: Seconds between two looks among all objects, at least; 400 times as long as the last one took if that
            is more.
        bite_s: Seconds between two looks among the new ones.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_BURST, _NEVER, _NEVER)
    looks = _Looks(every_s, bite_s)
    try:
        yield
    finally:
        looks.end()
        gc.set_threshold(*before)
        gc.unfreeze()


class _Looks:
    """Looks for garbage every so often, until it is told to end."""

    def __init__(self, every_s: float, bite_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._every_s = every_s
        self._bite_s = bite_s
        self._next_whole = self._loop.call_later(every_s, self._look)
        self._next_bite = self._loop.call_later(bite_s, self._bite)

    def end(self) -> None:
        self._next_whole.cancel()
        self._next_bite.cancel()

    def _bite(self) -> None:
        gc.collect(1)
        self._next_bite = self._loop.call_later(self._bite_s, self._bite)

    def _look(self) -> None:
        started_s = time.perf_counter()
        gc.collect()
        took_s = time.perf_counter() - started_s
        self._next_whole = self._loop.call_later(max(self._every_s, took_s / _MOST_SHARE), self._look)
