"""Nothing reaches beyond this machine: Python loads this first, wherever its folder is in PYTHONPATH.

Who tried is written down, since a client that cannot phone home mostly keeps that to itself.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

_LOG = Path(os.environ["OFFLINE_LOG"])  # noqa: TID251 - it comes from the test that starts the client


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if not _is_here(host):
        with _LOG.open("a", encoding="utf-8") as log:
            log.write(f"{event} {host!r}\n")
        raise PermissionError(f"offline: {event} {host!r}")


sys.addaudithook(_watch)
