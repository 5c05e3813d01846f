"""A server run from the command line: its libraries, its logs, what it says first."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING, cast

from attention_moa.cli.output import say
from attention_moa.errors import ConfigError
from attention_moa.server.config import ServerConfig
from attention_moa.settings import wants_traces

if TYPE_CHECKING:
    from attention_moa.server.service import Service

_LIBRARIES = ("fastapi", "starlette", "uvicorn")


def run_server(config: ServerConfig) -> None:
    """Serve until a signal says that it is enough.

    Args:
        config: What is served where.

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
    logger = log_to(sys.stderr, form=config.log_format, level=level, also=["uvicorn"])
    app = create_app(config)
    service = cast("Service", app.state.service)
    service.log = logger
    if wants_traces():
        service.tracing = open_tracing()
    names = ", ".join(service.catalogue.ensembles)

    def ready(address: str) -> None:
        say(address)
        say(f"models: {names}; base_url = {address}/v1")
        sys.stdout.flush()

    asyncio.run(serve(app, ready=ready))
