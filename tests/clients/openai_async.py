"""The official client, async: several requests at once, streams, and one that is left in the middle."""

from __future__ import annotations

import asyncio
from typing import Any

from checks import Server, require, run
from openai import AsyncOpenAI


def _messages(first: int) -> Any:
    return [{"role": "user", "content": f"What is {first} + 1?"}]


def _client(server: Server) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=server.url, api_key="none", max_retries=0, _strict_response_validation=True)


async def async_chat(server: Server) -> str:
    """Eight at once, each with the answer to its own question."""
    async with _client(server) as client, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(client.chat.completions.create(model=server.model, messages=_messages(first)))
            for first in range(8)
        ]
    texts = [task.result().choices[0].message.content for task in tasks]
    require(texts == [f"{first} + 1 = {first + 1}" for first in range(8)], texts)
    return f"{len(texts)} at once"


async def async_stream(server: Server) -> str:
    """A stream, piece by piece."""
    async with _client(server) as client:
        text = ""
        async for chunk in await client.chat.completions.create(model=server.model, messages=_messages(4), stream=True):
            text += chunk.choices[0].delta.content or ""
    require(text == "4 + 1 = 5", text)
    return text


async def async_leaving(server: Server) -> str:
    """Who leaves after the first chunk is let go, and the next one is served."""
    async with _client(server) as client:
        stream = await client.chat.completions.create(model=server.model, messages=_messages(5), stream=True)
        await anext(aiter(stream))
        await stream.close()
        done = await client.chat.completions.create(model=server.model, messages=_messages(6))
    require(done.choices[0].message.content == "6 + 1 = 7", done)
    return "left, then served"


if __name__ == "__main__":
    run(async_chat, async_stream, async_leaving)
