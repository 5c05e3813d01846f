"""What holds for every test: no network but loopback, reproducible examples, benchmark data, the tests by folder."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import socket
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The machine's load is no property of the code: no deadline. The default draws the same examples in every run; thorough
# looks for new ones (HYPOTHESIS_PROFILE=thorough).
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))  # noqa: TID251 - tests are no part of the settings

# Whoever starts the tests in the background of a shell script has them ignore Ctrl-C, and so would all programs that
# they start and send one.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class NetworkBlockedError(RuntimeError):
    """A test reached for an address outside this machine; no OSError, so no code takes it for a lost connection."""


def is_local(host: Any, *, is_resolved: bool) -> bool:
    """Return whether a host stays on this machine.

    Args:
        host: A name or a number, as text or bytes, or None.
        is_resolved: Whether a number must be a loopback one; before a look-up any number will do, as none is made.
    """
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        number = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return not is_resolved and set(name) <= set("0123456789.")  # a number written short: 127.1
    return number.is_loopback or not is_resolved


def require_local(address: Any) -> None:
    """Raise unless a socket address stays on this machine: loopback, or a socket file."""
    if isinstance(address, tuple) and not is_local(address[0], is_resolved=True):
        raise NetworkBlockedError(f"a test connects to {address!r}")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine, and every look-up of a name."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        require_local(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        require_local(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> list[Any]:
        if not is_local(host, is_resolved=False):
            raise NetworkBlockedError(f"a test looks up {host!r}")
        return getaddrinfo(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Lend the URL of a PostgreSQL server, one for all tests."""
    from tests.postgres import any_postgres  # most tests need no database library

    with any_postgres() as url:
        yield url


@pytest.fixture
def database(postgres_server: str) -> str:
    """Return the URL of a new database on the server."""
    from tests.postgres import a_database

    return asyncio.run(a_database(postgres_server))


@pytest.fixture(scope="session")
def benchmark_data() -> Path:
    """Return the folder of the benchmarks' data; without it, the test is skipped.

    It may not be shipped: the variable ATTENTION_MOA_BENCHMARK_DATA names it, else it is in ``shared/data`` beside the
    checkout.
    """
    named = os.environ.get("ATTENTION_MOA_BENCHMARK_DATA")  # noqa: TID251 - tests are no part of the settings
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no benchmark data: name its folder in ATTENTION_MOA_BENCHMARK_DATA")
    return folder


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests each folder has and how many seconds they took."""
    tests: Counter[str] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = Path(report.nodeid.partition("::")[0]).parent.name
                tests[folder] += report.when == "call"
                seconds[folder] += report.duration
    terminalreporter.section("tests by folder")
    for folder, count in sorted(tests.items()):
        terminalreporter.write_line(f"{folder:12} {count:5} tests {seconds[folder]:7.1f} s")
