"""Progress without a terminal: a line now and then on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import RLock, Thread
from typing import Self

from attention_moa.cli.account import count
from attention_moa.cli.output import tell
from attention_moa.cli.progress import CallView, Progress, describe_call
from attention_moa.config import EnsembleSpec
from attention_moa.events import CallFinished, Event, LayerFinished, RunStarted
from attention_moa.schedule import count_calls

_EVERY_S = 10.0
_LONG = 6
_RARELY = 3
_LOOKS = 20


class LineView:
    """A view that says what runs as soon as it does, and then where it is: after each layer, and every ten seconds.

    Before that nothing is said: what cannot run is told in one line, which is not this view's.

    Where no call ends it says for whom it waits: every ten seconds for a minute, every thirty after that. A thread of
    its own does so, which a loop that is busy cannot hold up.

    Args:
        spec: What runs.
        every_s: Seconds between lines; after six times as many in which no call ended, three times as many.
        clock: Seconds that never go back.
    """

    def __init__(
        self, spec: EnsembleSpec, *, every_s: float = _EVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare the view; nothing is said yet."""
        self._spec = spec
        self._every_s = every_s
        self._clock = clock
        self._progress = Progress(spec)
        self._lock = RLock()
        self._is_over = Flag()
        self._ticking = Thread(target=self._tick_on, name="attention-moa-lines", daemon=True)
        self._said_s = self._ended_s = self._began_s = clock()

    def __enter__(self) -> Self:
        """Begin to look at the clock."""
        self._said_s = self._ended_s = self._began_s = self._clock()
        self._ticking.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Say nothing more."""
        self._is_over.set()
        self._ticking.join()

    def __call__(self, event: Event) -> None:
        """Take one event into account."""
        with self._lock:
            now_s = self._clock()
            over = self._progress.calls_over
            self._progress.apply(event, now_s)
            self._began_s = now_s - event.at_s
            if self._progress.calls_over > over:
                self._ended_s = now_s
            self._tell(event, now_s)

    def tick(self) -> None:
        """Say for whom the run waits, where that is due."""
        with self._lock:
            now_s = self._clock()
            has_waited_long = now_s - self._ended_s > _LONG * self._every_s
            if now_s - self._said_s < self._every_s * (_RARELY if has_waited_long else 1):
                return
            calls, layer = self._progress.under_way, self._progress.current
            if calls and layer is not None:
                self._say(f"layer {layer.layer}", now_s, f"; {_awaited(calls, now_s)}")

    def stopping(self) -> None:
        """Say that the run is being ended."""
        tell("stopping (Ctrl-C again kills)")

    def _tick_on(self) -> None:
        with suppress(OSError):  # nobody reads standard error any more
            while not self._is_over.wait(self._every_s / _LOOKS):
                self.tick()

    def _tell(self, event: Event, now_s: float) -> None:
        if isinstance(event, RunStarted):
            self._tell_start(event)
        elif isinstance(event, LayerFinished) and event.output is not None:
            self._say(f"layer {event.layer} done", now_s)
        elif isinstance(event, CallFinished) and now_s - self._said_s >= self._every_s:
            self._say(f"layer {event.layer}", now_s)

    def _tell_start(self, event: RunStarted) -> None:
        spec = self._spec
        parts = (count(len(spec.agents), "agent"), count(spec.layers, "layer"), count(count_calls(spec), "call"))
        tell(f"{spec.name}: {parts[0]}, at most {parts[1]} and {parts[2]}")
        if event.is_resumed:
            tell(f"going on with run {event.run_id} from the journal (ask --fresh begins anew)")

    def _say(self, where: str, now_s: float, more: str = "") -> None:
        progress = self._progress
        replayed = f" ({progress.replayed_calls} from the journal)" if progress.replayed_calls else ""
        calls = f"{progress.calls_over} of {progress.planned_calls} calls{replayed}"
        tell(f"{where}, {calls}, {now_s - self._began_s:.1f} s{more}")
        self._said_s = now_s


def _awaited(calls: list[CallView], now_s: float) -> str:
    """Return who is waited for, and the longest for whom; ``calls`` begin with that one."""
    first = calls[0]
    longest = f"{describe_call(first.stage, first.agent, first.peer)} ({first.state}, {first.seconds(now_s):.0f} s)"
    return f"waiting for {longest}" if len(calls) == 1 else f"waiting for {len(calls)} calls, longest for {longest}"


class SilentView:
    """A view that shows nothing."""

    def __enter__(self) -> Self:
        """Show nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Show nothing."""

    def __call__(self, event: Event) -> None:
        """Show nothing."""

    def stopping(self) -> None:
        """Show nothing."""
