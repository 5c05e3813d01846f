"""The page as an application: NiceGUI set up once, its pages registered, its tasks held while the server lives."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui

from attention_moa.ui.front import PageFront
from attention_moa.ui.pages import ensembles, layer, money, replay, talk
from attention_moa.ui.pages.shelves import Shelves
from attention_moa.ui.ports import Outside
from attention_moa.ui.reports import Reports
from attention_moa.ui.shelf import Shelf
from attention_moa.ui.tasks import Tasks

_RECONNECT_S = 10.0
"""Seconds for which a page that lost its connection is kept: back by then, it goes on without a reload."""

_MISSED = 2000
"""Messages that are kept for a page until it said that it has them."""


class Pages:
    """All pages of a server; one in a process, since NiceGUI's pages are the process's.

    Args:
        outside: The world outside.
        shelf: The server's ensembles.
        reports: The reports of its benchmarks.
    """

    def __init__(self, outside: Outside, shelf: Shelf, reports: Reports) -> None:
        """Set NiceGUI up and register the pages; nothing runs yet."""
        self._tasks = Tasks()
        self._shell = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
        nicegui_app.config.socket_io_js_transports = ["websocket"]  # plain requests would need guards of their own
        talk.register(outside, self._tasks)
        ensembles.register(shelf)
        replay.register(outside, self._tasks)
        layer.register(outside, self._tasks)
        money.register(outside, self._tasks)
        ui.run_with(  # pyright: ignore[reportUnknownMemberType]  # NiceGUI says of its root only that it is a function
            self._shell,
            title="attention-moa",
            favicon=Path(__file__).with_name("static") / "icon.svg",
            dark=None,
            reconnect_timeout=_RECONNECT_S,
            message_history_length=_MISSED,
            binding_refresh_interval=None,
            gzip_middleware_factory=None,
            tailwind=False,
            show_welcome_message=False,
            language="en-US",
        )
        self.front = PageFront(self._shell, outside, [Shelves(shelf, reports)])

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Let pages be made for as long as this is entered."""
        async with self._shell.router.lifespan_context(self._shell), self._tasks:
            yield
