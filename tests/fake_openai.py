"""A small OpenAI-compatible server on loopback that misbehaves on demand: real HTTP for tests, in their own process.

    async with FakeOpenAI(says("Hello.")) as server:
        ...                                  # server.base_url, server.requests, server.open_requests

Behaviours are used in order; the last one stays.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias

from aiohttp import web

Behaviour: TypeAlias = Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


@dataclass
class Seen:
    """A request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeOpenAI:
    """The server; use it as an async context manager."""

    behaviours: list[Behaviour]
    requests: list[Seen] = field(default_factory=list)
    open_requests: int = 0

    def __init__(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours) or [says("Hello.")]
        self.requests = []
        self.open_requests = 0
        self.properties: dict[str, Any] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def wait_idle(self, timeout_s: float = 60.0) -> None:
        """Wait until no request is open; raise ``TimeoutError`` if that never comes."""
        async with asyncio.timeout(timeout_s):
            await self._idle.wait()

    async def __aenter__(self) -> FakeOpenAI:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_get("/v1/models", _models)
        app.router.add_get("/props", self._properties)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _properties(self, request: web.Request) -> web.StreamResponse:
        """Tell what llama.cpp's server tells of its model."""
        del request
        return web.json_response(self.properties)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        behaviour = self.behaviours[min(len(self.requests), len(self.behaviours) - 1)]
        self.requests.append(Seen(request.path, dict(request.headers), body))
        self.open_requests += 1
        self._idle.clear()
        try:
            return await behaviour(request, body)
        finally:
            self.open_requests -= 1
            if not self.open_requests:
                self._idle.set()


async def _models(request: web.Request) -> web.StreamResponse:
    del request
    return web.json_response({"object": "list", "data": [{"id": "fake", "object": "model"}]})


def chunk(delta: dict[str, Any] | None = None, *, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a chunk of a streamed reply as the API has it."""
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "fake-1", "choices": [choice]}
    return base | fields


def whole(message: dict[str, Any], *, finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """Return a reply in one piece as the API has it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None} | message, "finish_reason": finish}
    base = {"id": "c1", "object": "chat.completion", "created": 1, "model": "fake-1", "choices": [choice]}
    return base | fields


async def _opened(request: web.Request, headers: dict[str, str] | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"} | (headers or {}))
    await response.prepare(request)
    return response


async def _send(response: web.StreamResponse, *events: dict[str, Any] | str) -> None:
    for event in events:
        await response.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())


def says(
    text: str | Sequence[str],
    *,
    finish: str | None = "stop",
    usage: dict[str, Any] | None = None,
    thinking: str = "",
    delay_s: float = 0.0,
    headers: dict[str, str] | None = None,
) -> Behaviour:
    """Reply with a text, streamed where a stream is asked for.

    Args:
        text: The reply, or the pieces in which it is streamed.
        finish: The finish reason; None sends none.
        usage: The usage block; None sends none.
        thinking: Sent as ``reasoning_content`` before the text.
        delay_s: Between pieces.
        headers: More headers of the response.
    """
    pieces = [text] if isinstance(text, str) else list(text)

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not body.get("stream"):
            message = {"content": "".join(pieces)} | ({"reasoning_content": thinking} if thinking else {})
            reply = whole(message, finish=finish, **({"usage": usage} if usage else {}))
            return web.json_response(reply, headers=headers)
        response = await _opened(request, headers)
        if thinking:
            await _send(response, chunk({"role": "assistant", "reasoning_content": thinking}))
        for piece in pieces:
            await _send(response, chunk({"role": "assistant", "content": piece}))
            if delay_s:
                await asyncio.sleep(delay_s)
        if finish:
            await _send(response, chunk(finish=finish))
        if usage:
            await _send(response, chunk(usage=usage, choices=[]))
        await _send(response, "[DONE]")
        return response

    return behave


def fails(status: int, message: str = "no", *, headers: dict[str, str] | None = None, **fields: Any) -> Behaviour:
    """Answer with an HTTP error in OpenAI's form; ``fields`` go into its ``error`` object."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del request, body
        return web.json_response({"error": {"message": message} | fields}, status=status, headers=headers)

    return behave


def sends(body: str, *, status: int = 200, content_type: str = "application/json") -> Behaviour:
    """Answer with these very characters."""

    async def behave(request: web.Request, ignored: dict[str, Any]) -> web.StreamResponse:
        del request, ignored
        return web.Response(text=body, status=status, content_type=content_type)

    return behave


def streams(*events: dict[str, Any] | str) -> Behaviour:
    """Stream these events and end cleanly, without a word more."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del body
        response = await _opened(request)
        await _send(response, *events)
        return response

    return behave


def hangs(*events: dict[str, Any]) -> Behaviour:
    """Say nothing, or these events, and then nothing for ever."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del body
        if events:
            await _send(await _opened(request), *events)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    return behave


def breaks(*events: dict[str, Any]) -> Behaviour:
    """Drop the connection: at once, or in the middle of a stream after these events."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del body
        response = await _opened(request) if events else web.StreamResponse()
        if events:
            await _send(response, *events)
        if request.transport is not None:
            request.transport.abort()
        return response

    return behave


def redirects(address: str) -> Behaviour:
    """Point elsewhere."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        del request, body
        return web.Response(status=307, headers={"Location": address})

    return behave
