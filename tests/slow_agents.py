"""Agents that a served program can be ended in the middle of: who sums up waits for the file ``go``."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.serve_child import ROOT, ServeChild, serve_child

ENSEMBLE = """
name = "duo"
layers = 1
[[agents]]
name = "a"
model = "python:tests.slow_agents:say"
[[agents]]
name = "b"
model = "python:tests.slow_agents:say"
"""
ASKED: dict[str, Any] = {"model": "duo", "messages": [{"role": "user", "content": "Why?"}]}


async def say(_: Any, request: Any) -> str:
    """Return which call this is, once it may go on; the file ``asked`` has a line for each."""
    _note(f"{request.stage}.{request.agent}")
    while request.stage == "summary" and not _may_go_on():
        await asyncio.sleep(0.01)
    return f"{request.agent} says {request.stage}"


def _note(call: str) -> None:
    with Path("asked").open("a", encoding="utf-8") as asked:
        asked.write(f"{call}\n")


def _may_go_on() -> bool:
    return Path("go").exists()


def serving(folder: Path, *options: str) -> AbstractContextManager[ServeChild]:
    """Lend a server of these agents.

    Args:
        folder: Where it is started; the ensemble is in its ``duo.toml``.
        options: Of the command line.
    """
    return serve_child(folder, "-e", "duo.toml", *options, variables={"PYTHONPATH": str(ROOT)})
