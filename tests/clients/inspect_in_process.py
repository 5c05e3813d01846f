"""Inspect AI on an ensemble in process, by this project's own provider: no server is asked."""

from __future__ import annotations

from pathlib import Path

from checks import Server, require, run
from inspect_tasks import accuracy, sums, weathers

ENSEMBLE = Path(__file__).parent / "ensembles" / "scripted.toml"


def in_process(server: Server) -> str:
    """All sums are right."""
    share = accuracy(sums(), f"attention-moa/{ENSEMBLE}")
    require(share == 1.0, (server, share))
    return f"accuracy {share:g}"


def in_process_tools(server: Server) -> str:
    """The tool is called, and its result is in the answer."""
    share = accuracy(weathers(), f"attention-moa/{ENSEMBLE}")
    require(share == 1.0, (server, share))
    return f"accuracy {share:g}"


if __name__ == "__main__":
    run(in_process, in_process_tools)
