"""Progress without a terminal: a line now and then on standard error."""

from __future__ import annotations

import time
from typing import Self

from attention_moa.cli.account import count
from attention_moa.cli.output import tell
from attention_moa.cli.progress import Progress
from attention_moa.config import EnsembleSpec
from attention_moa.events import CallFinished, Event, LayerFinished, RunStarted
from attention_moa.schedule import count_calls

_EVERY_S = 10.0


class LineView:
    """A view that says what runs at once, and then where it is: after each layer, and every ten seconds.

    Args:
        spec: What runs.
    """

    def __init__(self, spec: EnsembleSpec) -> None:
        """Prepare the view; nothing is said yet."""
        self._spec = spec
        self._progress = Progress(spec)
        self._said_s = 0.0

    def __enter__(self) -> Self:
        """Say what runs."""
        spec = self._spec
        parts = (count(len(spec.agents), "agent"), count(spec.layers, "layer"), count(count_calls(spec), "call"))
        tell(f"{spec.name}: {parts[0]}, at most {parts[1]} and {parts[2]}")
        self._said_s = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Say nothing more."""

    def __call__(self, event: Event) -> None:
        """Take one event into account."""
        now_s = time.monotonic()
        self._progress.apply(event, now_s)
        if isinstance(event, RunStarted) and event.is_resumed:
            tell(f"going on with run {event.run_id} from the journal (ask --fresh begins anew)")
        elif isinstance(event, LayerFinished) and event.output is not None:
            self._say(f"layer {event.layer} done", event.at_s, now_s)
        elif isinstance(event, CallFinished) and now_s - self._said_s >= _EVERY_S:
            self._say(f"layer {event.layer}", event.at_s, now_s)

    def _say(self, where: str, at_s: float, now_s: float) -> None:
        progress = self._progress
        replayed = f" ({progress.replayed_calls} from the journal)" if progress.replayed_calls else ""
        tell(f"{where}, {progress.calls_over} of {progress.planned_calls} calls{replayed}, {at_s:.1f} s")
        self._said_s = now_s

    def stopping(self) -> None:
        """Say that the run is being ended."""
        tell("stopping (Ctrl-C again kills)")


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
