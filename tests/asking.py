"""What tests of providers share: a request in a line, and the reply of a provider as one value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from attention_moa.messages import CallRequest, Chunk, Message, Sampling, Stage, user
from attention_moa.ports import Provider

T = TypeVar("T")


def a_request(*messages: Message, sampling: Sampling | None = None, **fields: Any) -> CallRequest:
    """Return a request; by default one user turn to agent ``ann`` at stage answer."""
    base: dict[str, Any] = {"agent": "ann", "model": "openai:m", "stage": Stage.ANSWER, "connect_timeout_s": 5.0}
    return CallRequest(messages=messages or (user("Hi."),), sampling=sampling or Sampling(), **(base | fields))


async def chunks_of(provider: Provider, request: CallRequest | None = None, *, timeout_s: float = 60.0) -> list[Chunk]:
    """Return all chunks of one reply."""
    async with asyncio.timeout(timeout_s), aclosing(provider.stream(request or a_request())) as stream:
        return [chunk async for chunk in stream]


async def text_of(provider: Provider, request: CallRequest | None = None) -> str:
    """Return the text of one reply."""
    return "".join(chunk.text for chunk in await chunks_of(provider, request))


def run(scenario: Callable[[], Awaitable[T]]) -> T:
    """Run a scenario on a loop of its own, for three minutes at most."""

    async def limited() -> T:
        async with asyncio.timeout(180):
            return await scenario()

    return asyncio.run(limited())
