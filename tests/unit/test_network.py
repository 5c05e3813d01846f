"""The guard that keeps the tests on this machine."""

from __future__ import annotations

import asyncio
import socket

import pytest

BLOCKED = "a test (connects|looks)"


def test_a_connection_that_leaves_the_machine_is_refused() -> None:
    """No packet goes to an address outside: the call raises before."""
    with socket.socket() as one, pytest.raises(RuntimeError, match=BLOCKED):
        one.connect(("192.0.2.1", 80))
    with socket.socket() as one, pytest.raises(RuntimeError, match=BLOCKED):
        one.connect_ex(("192.0.2.1", 80))


def test_an_asynchronous_connection_that_leaves_the_machine_is_refused() -> None:
    """The event loop's own connections go through the same guard."""

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match=BLOCKED):
            await asyncio.open_connection("192.0.2.1", 80)

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["example.invalid", b"example.invalid"])
def test_no_name_is_looked_up(host: str | bytes) -> None:
    """Resolvers are servers too."""
    with pytest.raises(RuntimeError, match=BLOCKED):
        socket.getaddrinfo(host, 80)


def test_loopback_is_open() -> None:
    """Servers of a test's own can be reached, by number and by name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            with socket.create_connection((host, server.getsockname()[1]), timeout=10) as connection:
                assert connection.getpeername()[0] == "127.0.0.1"
