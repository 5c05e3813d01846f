"""Server-sent events: how they are written, and how a stream of them is sent for as long as its client is there.

Source: the HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from attention_moa.waiting import together

T = TypeVar("T")

DONE = b"data: [DONE]\n\n"
KEPT_ALIVE = b": still at it\n\n"


def data(content: Any, *, event: str | None = None, id: str | None = None) -> bytes:  # noqa: A002, ANN401 - the standard's own name; whatever JSON can say
    """Return a message of one JSON document.

    Args:
        content: Structs, mappings, lists, texts, numbers.
        event: What kind of message; None leaves it out.
        id: What a client that comes back names; None leaves it out.
    """
    head = b"" if id is None else b"id: %b\n" % id.encode()
    head += b"" if event is None else b"event: %b\n" % event.encode()
    return head + b"data: " + msgspec.json.encode(content) + b"\n\n"


def comment(text: str) -> bytes:
    """Return a comment, which clients pass over; its line ends become spaces."""
    return b": " + " ".join(text.split()).encode() + b"\n\n"


class EventStream(Response):
    """A response that goes on until its pieces are used up or its client leaves.

    Args:
        pieces: What is sent; closed at the end, whichever it is.
        headers: Beside the usual ones.
        left: Called where the client leaves before the end.
    """

    media_type = "text/event-stream"

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], *, left: Callable[[], None], headers: Mapping[str, str] | None = None
    ) -> None:
        """Keep all; nothing is sent yet."""
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})
        del self.headers["content-length"]  # nobody knows it
        self._pieces = pieces
        self._left = left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the pieces."""
        if not await while_there(receive, self._send(send)):
            self._left()

    async def _send(self, send: Send) -> bool:
        async with aclosing(self._pieces):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what some work returns; None where the client left before, and the work was ended.

    Args:
        receive: The request's, its body read.
        work: Must not return None.
    """
    async with together() as group:
        working = group.create_task(work)
        listening = group.create_task(_until_left(receive))
        working.add_done_callback(lambda _: listening.cancel())
        await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
    try:
        return None if working.cancelled() else working.result()
    finally:
        del working  # it holds its error, which holds this frame


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
