"""What the scripts of all clients share: they run one check after the other, and say which ones were done.

A script is run as ``python SCRIPT ADDRESS MODEL [CHECK …]``, by a Python that has the client and nothing of this
project; without the names of checks it runs all of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class Server(NamedTuple):
    """What is talked to: the API's address, with ``/v1`` at its end, and the name of an ensemble."""

    url: str
    model: str


Check = Callable[[Server], Any]
"""Raises where something is not as it has to be; returns what is worth seeing, as text."""


def run(*checks: Check) -> None:
    """Run the checks that the command line names, or all; print a line for each that held."""
    url, model, *names = sys.argv[1:]
    for check in checks:
        name = check.__name__
        if names and name not in names:
            continue
        seen = check(Server(url, model))
        if inspect.iscoroutine(seen):
            seen = asyncio.run(seen)
        print(f"ok {name}: {' '.join(str(seen).split())}", flush=True)  # noqa: T201 - what the test reads


def require(is_so: object, what: object) -> None:
    """Raise, with what was seen, unless something holds."""
    if not is_so:
        raise AssertionError(what)
