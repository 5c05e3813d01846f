"""What pages have in common that only follow a run: they go on by themselves, and nothing is done on them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing

from attention_moa.ui.ops import Op
from attention_moa.ui.pages.screen import Sender
from attention_moa.ui.ports import Heard, Outside, RefusedError, Visitor
from attention_moa.ui.tasks import Tasks

_REST = 2
"""How many times as long as drawing took there is rest before the next time: what is large takes seconds."""


class Following(ABC):
    """A page that follows a run in some browser, until the run is over or the visitor's key is no more.

    Args:
        outside: The world outside.
        key: The visitor's; None where there are none. It is held here and nowhere else.
        tasks: Holds what goes on while the page is open.
        pause_s: Least seconds between two times that it is drawn.
    """

    def __init__(self, outside: Outside, key: str | None, tasks: Tasks, *, pause_s: float) -> None:
        """Follow nothing yet."""
        self.link: Sender | None = None
        self._outside = outside
        self._key = key
        self._tasks = tasks
        self._pause_s = pause_s
        self._visitor = Visitor(name="", is_admin=False)
        self._run_id = ""
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch on."""
        self._watching = self._tasks.start(self._watch_on())

    def close(self) -> None:
        """Let go of what goes on."""
        if self._watching is not None:
            self._watching.cancel()

    async def act(self, what: str, fields: Mapping[str, str]) -> None:  # noqa: B027 - whole as it is, for all of them
        """Do nothing: this page is only looked at, and goes on by its links."""

    @abstractmethod
    async def _follow(self) -> None:
        """Draw it anew as the run goes on, until that is over."""

    async def _hear_all(self, draw: Callable[[Sequence[Heard]], Awaitable[bool]], *, after: int = 0) -> None:
        """Hand on what happens until the run is over, with rest after each time that something was drawn of it.

        Args:
            draw: Takes what happened; says whether it drew anything.
            after: The number of the last event that is known already.
        """
        clock_s = asyncio.get_running_loop().time
        async with aclosing(self._outside.watch(self._key, self._run_id, after=after)) as batches:
            async for batch in batches:
                await self._outside.enter(self._key)
                began_s = clock_s()
                if await draw(batch):
                    await asyncio.sleep(max(self._pause_s, _REST * (clock_s() - began_s)))

    async def _watch_on(self) -> None:
        try:
            await self._follow()
        except RefusedError as refused:
            if refused.is_key_bad:
                self._send([["go", "/login"]])

    def _send(self, ops: list[Op]) -> None:
        if self.link is not None:
            self.link.send(ops)
