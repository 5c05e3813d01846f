"""Small worlds for tests of the server: a real one on loopback, in the test's own loop, before scripted models.

async with a_server({"summary": "the end"}) as world:
    completion = await world.client.chat.completions.create(model="duo", messages=ASKED)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import httpx2
from fastapi import FastAPI
from msgspec.structs import replace
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionUserMessageParam

from attention_moa.config import EnsembleSpec
from attention_moa.messages import CallRequest
from attention_moa.ports import Journal
from attention_moa.providers.scripted import Said, ScriptedProvider
from attention_moa.server.app import create_app
from attention_moa.server.config import ServerConfig
from attention_moa.server.gate import Gate
from attention_moa.server.service import Service
from attention_moa.server.serving import listening
from tests.worlds import USAGE, Says, a_spec, call_id, default_reply

T = TypeVar("T")

ASKED: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Why is the sky blue?"}]
DUO = a_spec(2, name="duo", layers=1)
QUIET = ServerConfig(port=0, is_unjournaled=True)
SOON_S = 60.0


class ServerWorld(NamedTuple):
    """A server that is up.

    Args:
        url: Its address.
        app: The application.
        models: What stands in for all models.
        client: OpenAI's, which tries nothing twice.
        http: A plain client.
    """

    url: str
    app: FastAPI
    models: ScriptedProvider
    client: AsyncOpenAI
    http: httpx2.AsyncClient

    @property
    def service(self) -> Service:
        """What all requests share."""
        service = self.app.state.service
        assert isinstance(service, Service)
        return service

    async def post(self, path: str = "/v1/chat/completions", **body: Any) -> httpx2.Response:
        """Return the response to a request for an answer of ``duo``, with some fields."""
        return await self.http.post(path, json={"model": "duo", "messages": ASKED} | body)

    async def stream(self, path: str = "/v1/chat/completions", **body: Any) -> list[str]:
        """Return the lines of a stream that are not empty."""
        asked = {"model": "duo", "messages": ASKED, "stream": True} | body
        async with self.http.stream("POST", path, json=asked) as response:
            return [line async for line in response.aiter_lines() if line]


def scripted(script: Mapping[str, Says] | None = None, *, wait: Callable[[CallRequest], Awaitable[None]] | None = None,
             pieces: int = 1) -> ScriptedProvider:  # fmt: skip
    """Return models that say what a script says, else which call this is.

    Args:
        script: By call id, ``stage.agent``, agent or stage; a function is told the request.
        wait: Awaited before every reply.
        pieces: Into how many pieces a text is streamed.
    """

    async def say(request: CallRequest) -> Said:
        if wait is not None:
            await wait(request)
        for key in (call_id(request), f"{request.stage.value}.{request.agent}", request.agent, request.stage.value):
            if script is not None and key in script:
                said = script[key]
                return said(request) if callable(said) else said
        return default_reply(request)

    return ScriptedProvider(say, pieces=pieces, usage=USAGE)


@asynccontextmanager
async def a_server(
    script: Mapping[str, Says] | ScriptedProvider | None = None,
    *,
    specs: Sequence[EnsembleSpec] = (DUO,),
    config: ServerConfig = QUIET,
    journal: Journal | None = None,
    gate: Gate | None = None,
) -> AsyncGenerator[ServerWorld, None]:
    """Lend a server.

    Args:
        script: What models say; or the models.
        specs: What it serves.
        config: What it is told; the port is a free one.
        journal: An open one in the place of the configured one.
        gate: Who may come in.
    """
    models = script if isinstance(script, ScriptedProvider) else scripted(script)
    config = replace(config, port=0)
    app = create_app(config, specs=specs, providers={"test": models}, journal=journal, gate=gate)
    async with (
        listening(app) as url,
        AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=SOON_S) as client,
        httpx2.AsyncClient(base_url=url, timeout=SOON_S) as http,
    ):
        yield ServerWorld(url, app, models, client, http)


def run(test: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Return what a test's coroutine returns, within a time that no test needs."""

    async def bounded() -> T:
        async with asyncio.timeout(180.0):
            return await test()

    return asyncio.run(bounded())


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SOON_S):
        while not is_so():
            await asyncio.sleep(0.005)
