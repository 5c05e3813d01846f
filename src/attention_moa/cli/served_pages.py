"""The page put before a server in the same process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from attention_moa.cli.page_outside import ServedOutside
from attention_moa.cli.page_shelf import ServedShelf
from attention_moa.server.front import Front
from attention_moa.server.service import Service
from attention_moa.ui.app import Pages
from attention_moa.ui.reports import Reports


class ServedPages:
    """Makes the front of a server, once, and lets it run."""

    def __init__(self) -> None:
        """Know no server yet."""
        self._pages: Pages | None = None

    def __call__(self, service: Service) -> Front:
        """Return the front of a server."""
        reports = Reports(service.config.bench_folders)
        self._pages = Pages(ServedOutside(service), ServedShelf(service), reports)
        return self._pages.front

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Let pages be made for as long as this is entered.

        Raises:
            RuntimeError: There is no server yet.
        """
        if self._pages is None:
            raise RuntimeError("the page has no server yet")
        async with self._pages.running():
            yield
