"""A picture that is painted over and over on a terminal, and leaves no trace there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from rich.console import Console, RenderableType
from rich.live import Live

_REFRESH_HZ = 4


def a_console(file: TextIO) -> Console:
    """Return a terminal that shows texts as they are: no markup, no emoji, no colours of its own."""
    return Console(file=file, highlight=False, markup=False, emoji=False)


def painted(console: Console, render: Callable[[], RenderableType]) -> Live:
    """Return what paints a picture while entered, from a thread of its own, and takes it away at the end.

    Args:
        console: The terminal.
        render: The picture as it is now.
    """
    return Live(
        get_renderable=render,
        console=console,
        refresh_per_second=_REFRESH_HZ,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
