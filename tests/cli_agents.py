"""Agents for tests of the command line, named as ``python:tests.cli_agents:quick``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from attention_moa.messages import CallRequest

Messages = list[dict[str, Any]]


def quick(messages: Messages, request: CallRequest) -> str:
    """Say which call this is, with a mark-up and an escape sequence in it."""
    del messages
    return f"**{request.agent}** says {request.stage} \x1b[31mred\x1b[0m"


def chatty(messages: Messages, request: CallRequest) -> str:
    """Print something, as libraries do, and answer."""
    print("NOISE")  # noqa: T201 - what a user's function may do
    return quick(messages, request)


def listing(messages: Messages) -> str:
    """Answer with a list in Markdown, and with what ASCII does not have."""
    del messages
    return "- one\n- naïve"


def question(messages: Messages) -> str:
    """Repeat the whole prompt."""
    return "\n".join(f"{message['role']}: {message['content']}" for message in messages)


def broken(messages: Messages) -> str:
    """Fail, with mark-up and an escape sequence in the reason."""
    del messages
    raise RuntimeError("no \x1b[31mluck [bold]today")


def half_broken(messages: Messages, request: CallRequest) -> str:
    """Fail all that is no answer or summary."""
    return quick(messages, request) if request.stage in ("answer", "summary") else broken(messages)


async def stuck(messages: Messages, request: CallRequest) -> AsyncIterator[str]:
    """Answer at once; begin every critique and never end it. A file in the folder has a line for each."""
    del messages
    yield f"{request.agent} thinks so."
    if request.stage == "critique":
        _note_that_it_began()
        await asyncio.sleep(600)


async def silent(messages: Messages) -> str:
    """Say nothing for ten minutes; a file in the folder has a line for each call."""
    del messages
    _note_that_it_began()
    await asyncio.sleep(600)
    return "too late"


def _note_that_it_began() -> None:
    with Path("begun").open("a", encoding="utf-8") as begun:
        begun.write("one call\n")


async def once_stuck(messages: Messages, request: CallRequest) -> str:
    """Note each call in the file ``sent``; the first time that a refinement is asked for, never end."""
    del messages
    if _is_first_refinement(request):
        await asyncio.sleep(600)
    return f"{request.agent} says {request.stage}"


def _is_first_refinement(request: CallRequest) -> bool:
    with Path("sent").open("a", encoding="utf-8") as sent:
        sent.write(f"{request.stage} {request.agent}\n")
    if request.stage != "refine" or Path("begun").exists():
        return False
    _note_that_it_began()
    return True
