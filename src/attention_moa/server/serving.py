"""A server that listens: on uvicorn, until it is told to end; runs under way then have a while to finish."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Callable, Generator
from errno import EADDRNOTAVAIL
from typing import cast

import uvicorn
from fastapi import FastAPI

from attention_moa.errors import ConfigError, describe
from attention_moa.server.collection import collecting_seldom
from attention_moa.server.config import ServerConfig
from attention_moa.server.service import Service
from attention_moa.telemetry.lines import FIELDS
from attention_moa.waiting import outlast, together

_LOG = logging.getLogger("attention_moa.server")
_CLOSE_S = 5
_MOST_HEADERS_BYTES = 64 * 2**10
_IDLE_S = 75
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


async def serve(app: FastAPI, *, ready: Callable[[str], None]) -> None:
    """Serve an application until SIGINT or SIGTERM; nothing of it is left when this returns.

    The first signal lets runs under way finish and begins none any more; a second one ends them at once; a third one
    ends the process.

    Args:
        app: As ``create_app`` makes it; it is entered here.
        ready: Called with the address once requests are taken.

    Raises:
        ConfigError: The address cannot be had, or the server must not listen there.
        StoreError: The journal cannot be opened.
    """
    service = cast("Service", app.state.service)
    async with listening(app) as address:
        with _signals(service) as told, collecting_seldom():
            await _log_start(service, address)
            ready(address)
            await told.wait()
            about = {"runs": len(service.hub.running), "within_s": service.config.drain_s}
            _LOG.info("server.draining", extra={FIELDS: about})
            await service.hub.drain(service.config.drain_s)
    _LOG.info("server.ended", extra={FIELDS: {"address": address}})


async def _log_start(service: Service, address: str) -> None:
    about = {
        "address": address,
        "models": list(service.catalogue.ensembles),
        "journal": service.journal_name,
        "keys": await service.count_keys(),
    }
    _LOG.info("server.started", extra={FIELDS: about})


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncGenerator[str, None]:
    """Serve an application within the context; yield its address. Runs that are left at the end are ended.

    Args:
        app: As ``create_app`` makes it; it is entered here.

    Raises:
        ConfigError: The address cannot be had, or the server must not listen there.
        StoreError: The journal cannot be opened.
    """
    service = cast("Service", app.state.service)
    with contextlib.closing(_bind(service.config)) as listener:
        async with service, together() as group:
            server = _Server(app)
            serving = group.create_task(server.serve(sockets=[listener]))
            await server.listens.wait()
            try:
                yield _address(listener)
            finally:
                service.hub.cancel_all()
                server.should_exit = True
                await outlast(serving)


class _Server(uvicorn.Server):
    """uvicorn, with its signals and its lifespan taken over by us."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",  # httptools takes headers without end, and a streamed token costs about the same with it
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=_CLOSE_S,
                h11_max_incomplete_event_size=_MOST_HEADERS_BYTES,
            )
        )
        self.listens = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield  # ours are caught around it


@contextlib.contextmanager
def _signals(service: Service) -> Generator[asyncio.Event, None, None]:
    """Yield an event that the first signal sets; a second one ends all runs, a third the process."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def caught() -> None:
        if told.is_set():
            service.hub.cancel_all()
            let_go()
        told.set()

    def let_go() -> None:
        for signum in _SIGNALS:
            loop.remove_signal_handler(signum)

    for signum in _SIGNALS:
        loop.add_signal_handler(signum, caught)
    try:
        yield told
    finally:
        let_go()


def _bind(config: ServerConfig) -> socket.socket:
    """Return a socket at the configured address, on which nobody is heard yet."""
    try:
        found = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        why = (error.strerror or describe(error)).lower()
        message = (
            f"{config.host!r} is no address that is known here ({why}): write 127.0.0.1, or a name of this machine"
        )
        raise ConfigError(message, key="host") from error
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        if error.errno == EADDRNOTAVAIL:
            message = f"{config.host!r} is no address of this machine: write 127.0.0.1, or 0.0.0.0 for all that it has"
            raise ConfigError(message, key="host") from error
        why = error.strerror or describe(error)
        message = f"{config.port} at {config.host} cannot be used ({why}): choose another"
        raise ConfigError(message, key="port") from error
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
