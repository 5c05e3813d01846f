"""The live view: a run painted on a terminal while it goes on.

A thread of the terminal library repaints it, so that it moves also while something heavy is imported.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from threading import RLock
from typing import Self, TextIO

from rich.console import Console, RenderableType

from attention_moa.cli.painting import a_console, painted
from attention_moa.cli.picture import render
from attention_moa.cli.progress import Progress
from attention_moa.config import EnsembleSpec
from attention_moa.events import Event


def can_repaint(file: TextIO) -> bool:
    """Return whether a terminal can paint over what it shows: one that is dumb (``TERM=dumb``) cannot."""
    return not Console(file=file).is_dumb_terminal


class LiveView:
    """A view that is painted from entering it to leaving it, and leaves no trace on the terminal.

    Args:
        spec: What runs.
        file: The terminal.
    """

    def __init__(self, spec: EnsembleSpec, file: TextIO) -> None:
        """Prepare the view; nothing is painted yet."""
        self._console = a_console(file)
        self._progress = Progress(spec)
        self._lock = RLock()
        self._started_s = time.monotonic()
        self._closing = ExitStack()
        self._is_stopping = False

    def __enter__(self) -> Self:
        """Paint the first picture, at once."""
        self._started_s = time.monotonic()
        self._closing.enter_context(painted(self._console, self._render))
        return self

    def __exit__(self, *_: object) -> None:
        """Take the picture away."""
        self._closing.close()

    def __call__(self, event: Event) -> None:
        """Take one event into account; the next picture shows it."""
        with self._lock:
            self._progress.apply(event, time.monotonic())

    def stopping(self) -> None:
        """Say from now on that the run is being ended."""
        self._is_stopping = True

    def _render(self) -> RenderableType:
        with self._lock:
            size = self._console.size
            return render(
                self._progress,
                now_s=time.monotonic(),
                started_s=self._started_s,
                width=size.width,
                height=size.height,
                is_ascii=not (self._console.encoding or "").startswith("utf"),
                is_stopping=self._is_stopping,
            )
