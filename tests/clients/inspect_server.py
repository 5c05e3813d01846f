"""Inspect AI on the server, by its provider ``openai-api``: sums, and a tool."""

from __future__ import annotations

import os

from checks import Server, require, run
from inspect_tasks import accuracy, sums, weathers


def _model(server: Server) -> str:
    os.environ |= {"MOA_BASE_URL": server.url, "MOA_API_KEY": "none"}  # noqa: TID251 - how this provider is told
    return f"openai-api/moa/{server.model}"


def evaluation(server: Server) -> str:
    """All sums are right."""
    share = accuracy(sums(), _model(server))
    require(share == 1.0, share)
    return f"accuracy {share:g}"


def tools(server: Server) -> str:
    """The tool is called, and its result is in the answer."""
    share = accuracy(weathers(), _model(server))
    require(share == 1.0, share)
    return f"accuracy {share:g}"


if __name__ == "__main__":
    run(evaluation, tools)
