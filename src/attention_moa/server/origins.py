"""Who a browser may speak for: the names by which a server is called, and the pages that may call it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from msgspec import Struct

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)\.?(?::(\d{1,5}))?")
_ORIGIN = re.compile(r"(https?)://([^/?#@\s]+)")
_USUAL_PORTS = {"http": "80", "https": "443"}


class Origins(Struct, frozen=True, kw_only=True):
    """What is the server's own, and what was allowed beside it.

    Args:
        host: Where it listens, as its owner wrote it.
        allowed_hosts: Names by which it may be called too; ``*.example.com`` is each below it, ``*`` any.
        cors_origins: Origins whose pages may call it from a browser.
    """

    host: str
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()

    def knows(self, host: str) -> bool:
        """Return whether a request's ``Host`` is one of the server's names.

        A number is: a page that was given the server's address under a name of its own ("DNS rebinding") still sends
        that name, and no page can have a number for a name.
        """
        name = name_of(host)
        if name is None:
            return False
        if _is_number(name) or name in {"localhost", self.host.lower()}:
            return True
        return any(_fits(name, allowed.lower()) for allowed in self.allowed_hosts)

    def allows(self, origin: str) -> bool:
        """Return whether pages of an origin that is not the server's own may call it."""
        return origin.lower().rstrip("/") in {allowed.lower().rstrip("/") for allowed in self.cors_origins}


def name_of(host: str) -> str | None:
    """Return the name or number in a ``Host``, without port and in lower case; None where there is none."""
    found = _HOST.fullmatch(host.lower())
    return found[1].strip("[]") if found else None


def is_same_origin(origin: str, host: str) -> bool:
    """Return whether a page is of the very host and port that the request goes to.

    Args:
        origin: The request's ``Origin``.
        host: Its ``Host``. Whether it came by TLS is not asked: what ends that may stand before the server.
    """
    found = _ORIGIN.fullmatch(origin.lower())
    if found is None:
        return False
    port = _USUAL_PORTS[found[1]]
    return _place(found[2], port) == _place(host.lower(), port) is not None


def _place(host: str, usual_port: str) -> tuple[str, str] | None:
    found = _HOST.fullmatch(host)
    return (found[1], found[2] or usual_port) if found else None


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _fits(name: str, allowed: str) -> bool:
    if allowed.startswith("*"):
        return allowed == "*" or name.endswith(allowed[1:])
    return name == (name_of(allowed) or allowed)


def single(values: Iterable[str]) -> str | None:
    """Return the one value of a header; None where there is none, or more than one."""
    found = list(values)
    return found[0] if len(found) == 1 else None
