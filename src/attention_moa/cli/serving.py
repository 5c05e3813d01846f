"""A server run from the command line: its libraries, its logs, what it says first."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, cast

from attention_moa.cli.output import say
from attention_moa.errors import ConfigError
from attention_moa.server.config import ServerConfig
from attention_moa.settings import wants_traces

if TYPE_CHECKING:
    from attention_moa.cli.served_pages import ServedPages
    from attention_moa.server.service import Service

_LIBRARIES = ("fastapi", "starlette", "uvicorn")
_OF_PAGE = ("latex2mathml", "markdown_it", "nh3", "nicegui", "tomlkit")


def run_server(config: ServerConfig, *, has_page: bool = True) -> None:
    """Serve until a signal says that it is enough.

    Args:
        config: What is served where.
        has_page: Whether the page for people is served too, where its extra is installed.

    Raises:
        ConfigError: The extra is not installed, an ensemble or the address cannot be had.
        StoreError: The journal cannot be opened.
    """
    try:
        from attention_moa.server.app import create_app
        from attention_moa.server.serving import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        message = f"{error.name} is not installed: pip install 'attention-moa[server]', or in a clone make install"
        raise ConfigError(message) from error
    from attention_moa.telemetry import open_tracing
    from attention_moa.telemetry.logs import log_to

    level = logging.DEBUG if config.log_level == "debug" else logging.INFO
    logger = log_to(sys.stderr, form=config.log_format, level=level, also=["uvicorn", "nicegui"])
    logging.getLogger("uvicorn.error").addFilter(_is_no_socket)
    pages, without = served_pages() if has_page else (None, "")
    app = create_app(config, front=pages)
    service = cast("Service", app.state.service)
    service.log = logger
    if wants_traces():
        service.tracing = open_tracing()
    names = ", ".join(service.catalogue.ensembles)

    def ready(address: str) -> None:
        say(address)
        say(f"models: {names}; base_url = {address}/v1")
        if without:
            say(without)
        sys.stdout.flush()

    async def running() -> None:
        async with AsyncExitStack() as stack:
            if pages is not None:
                await stack.enter_async_context(pages.running())
            await serve(app, ready=ready)

    asyncio.run(running())


def _is_no_socket(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is not about a socket: those tell addresses of sockets, their pages' own."""
    return "WebSocket" not in str(record.msg) and record.msg not in {"connection open", "connection closed"}


def served_pages() -> tuple[ServedPages | None, str]:
    """Return the page for people, or None and how to get it."""
    try:
        from attention_moa.cli.served_pages import ServedPages
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_PAGE:
            raise
        return None, "no page for browsers: pip install 'attention-moa[ui]' brings it"
    return ServedPages(), ""
