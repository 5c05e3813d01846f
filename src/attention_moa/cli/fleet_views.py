"""Who shows a fleet's counts while it serves: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import Self, TextIO

from rich.text import Text

from attention_moa.cli.fleet_counts import describe, in_short, total
from attention_moa.cli.output import tell
from attention_moa.cli.painting import a_console, painted
from attention_moa.fleet import Fleet

_EVERY_S = 10.0


class LiveCounts:
    """The counts as a table that is painted while entered, and gone afterwards.

    Args:
        fleet: Whose.
        file: The terminal.
    """

    def __init__(self, fleet: Fleet, file: TextIO) -> None:
        """Paint nothing yet."""
        self._fleet = fleet
        self._console = a_console(file)
        self._started_s = time.monotonic()
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        """Paint the first table."""
        self._closing.enter_context(painted(self._console, self.render))
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._closing.close()

    def render(self) -> Text:
        """Return the table as it is now, the time below it."""
        lines = describe(self._fleet.stats, self._fleet.bad_requests, room=self._console.width)
        picture = Text(lines[0], style="bold", no_wrap=True)
        picture.append("\n" + "\n".join(lines[1:]), style="not bold")
        picture.append(f"\nup {duration(time.monotonic() - self._started_s)}", style="dim not bold")
        return picture


class PlainCounts:
    """The counts in a line on standard error, every ten seconds in which something happened.

    Args:
        fleet: Whose.
    """

    def __init__(self, fleet: Fleet, every_s: float = _EVERY_S) -> None:
        """Say nothing yet."""
        self._fleet = fleet
        self._every_s = every_s
        self._said = total(fleet.stats)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._say)

    def _say(self) -> None:
        now = total(self._fleet.stats)
        if now != self._said:
            tell(in_short(self._fleet.stats))
            self._said = now
        self._wait()


def duration(seconds: float) -> str:
    """Return how long something took, in words."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
