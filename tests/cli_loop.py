"""The command line as a child process beside a fleet that runs in the same event loop as the test."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.cli_world import PROGRAM, data_of, environment

PATIENCE_S = 120.0


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


async def started(
    *arguments: str | Path, folder: Path, env: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Return the command line, under way.

    Args:
        arguments: What follows the program's name.
        folder: Where it runs.
        env: Variables on top.
    """
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *map(str, arguments),
        cwd=folder,
        env=environment(data_of(folder) | dict(env or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def end_of(process: asyncio.subprocess.Process) -> Done:
    """Return how a command ended, once it has."""
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return Done(process.returncode or 0, out.decode(), err.decode())
