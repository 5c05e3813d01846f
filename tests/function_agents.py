"""Functions that tests name as models: ``python:tests.function_agents:echo``."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from attention_moa.errors import RateLimitError
from attention_moa.messages import CallRequest, Chunk, ToolCallDelta, Usage

NO_FUNCTION = 7
ASYNC_ENDED = threading.Event()
GATE = threading.Event()
PIECES_ASKED: list[int] = []

Messages = list[dict[str, Any]]


def echo(messages: Messages) -> str:
    """Repeat the last turn."""
    return f"{messages[-1]['role']} said {messages[-1]['content']}"


def who(messages: Messages, request: CallRequest) -> str:
    """Say who asks, and for what."""
    return f"{request.agent} at {request.stage}, {len(messages)} turn"


async def async_echo(messages: Messages) -> str:
    """Repeat the last turn, later."""
    await asyncio.sleep(0)
    return echo(messages)


def pieces(messages: Messages) -> Iterator[str]:
    """Say it in pieces."""
    yield from ("one ", "two ", str(len(messages)))


async def async_pieces(messages: Messages) -> AsyncIterator[str]:
    """Say it in pieces, and note the end."""
    try:
        for piece in pieces(messages):
            yield piece
    finally:
        ASYNC_ENDED.set()


async def async_endless(messages: Messages) -> AsyncIterator[str]:
    """Begin, and never end."""
    del messages
    try:
        yield "A"
        await asyncio.Event().wait()
    finally:
        ASYNC_ENDED.set()


class AsyncWords:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self._left = ["a", "b"]

    def __aiter__(self) -> AsyncWords:
        return self

    async def __anext__(self) -> str:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop(0)


async def async_words(messages: Messages) -> AsyncWords:
    """Return an async iterator."""
    del messages
    return AsyncWords()


async def async_list(messages: Messages) -> list[str]:
    """Return a list from async code."""
    del messages
    return ["x", "y"]


def calls_tool(messages: Messages, request: CallRequest) -> Iterator[str | Chunk]:
    """Say a word, and call the first tool in two pieces."""
    del messages
    yield "Look: "
    name = request.tools.tools[0].name if request.tools else "none"
    yield Chunk(tool_calls=(ToolCallDelta(0, "c1", name, '{"a"'),))
    yield Chunk(tool_calls=(ToolCallDelta(0, arguments=": 1}"),), usage=Usage(output_tokens=3))


def follows(messages: Messages, request: CallRequest) -> str:
    """Write JSON of the form that is asked for."""
    assert request.reply_format is not None
    return json.dumps(dict.fromkeys((request.reply_format.schema or {})["required"], len(messages)))


def one_chunk(messages: Messages) -> Chunk:
    """Say all in one chunk, cut off."""
    return Chunk(text=f"{len(messages)} turn", finish_reason="length")


def blocks(messages: Messages) -> str:
    """Block until the test opens the gate."""
    del messages
    GATE.wait(30)
    return "late"


def counts(messages: Messages) -> Iterator[str]:
    """Yield pieces until nobody wants any more; every piece after the first waits for the gate."""
    del messages
    for number in range(1000):
        PIECES_ASKED.append(number)
        yield str(number)
        GATE.wait(30)


def number(messages: Messages) -> int:
    """Return no text."""
    return len(messages)


def raises_value(messages: Messages) -> str:
    """Fail."""
    raise ValueError(f"{len(messages)} is\nwrong")


def exits(messages: Messages) -> str:
    """End the thread, as a program's main function would end the program."""
    raise SystemExit(f"bye {len(messages)}")


def raises_timeout(messages: Messages) -> str:
    """Be late."""
    raise TimeoutError(f"{len(messages)}")


def raises_connection(messages: Messages) -> str:
    """Lose a connection."""
    raise ConnectionResetError(f"{len(messages)}")


def raises_ours(messages: Messages) -> str:
    """Fail as a provider does."""
    raise RateLimitError(f"slow down {len(messages)}", retry_after_s=3.0)


async def async_raises(messages: Messages) -> str:
    """Fail in async code."""
    raise ValueError(f"{len(messages)} is wrong")
