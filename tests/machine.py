"""What a test needs of the machine: missing on a developer's it is a skip with its reason, missing on CI a failure."""

from __future__ import annotations

import importlib
import os
from typing import NoReturn

import pytest


def is_ci() -> bool:
    """Return whether this is CI's machine, where nothing may be missing."""
    return bool(os.environ.get("CI"))  # noqa: TID251 - the tests' own


def missing(why: str) -> NoReturn:
    """Skip the test, or fail it on CI.

    Args:
        why: What this machine lacks, and how to bring it.
    """
    __tracebackhide__ = True
    if is_ci():
        pytest.fail(f"CI must have it: {why}", pytrace=False)
    pytest.skip(why)


def require_module(name: str) -> None:
    """Skip the test, or fail it on CI, where an optional dependency is not installed.

    Args:
        name: The module, with dots.
    """
    __tracebackhide__ = True
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing(f"{error.name} is not installed: make check installs all extras")
