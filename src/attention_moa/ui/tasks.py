"""What goes on for pages that are open: ended with the page, or with the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

_LOG = logging.getLogger("attention_moa.ui")


class Tasks:
    """Tasks of pages; entered for as long as the server lives."""

    def __init__(self) -> None:
        """Hold none."""
        self._group = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Take tasks from here on."""
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all of them."""
        for task in tuple(self._running):
            task.cancel()
        await self._group.__aexit__(None, None, None)  # an error of whoever entered it is theirs to tell

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Return a task under way; what breaks it ends it alone, and the log says so."""
        task = self._group.create_task(_alone(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: work.close())  # it was never begun where the server ended just then
        return task


async def _alone(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # noqa: BLE001 - whatever it is, other pages go on; the log has it
        _LOG.exception("ui.task_broke")
