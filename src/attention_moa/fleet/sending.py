"""How bytes leave: a stream is written when somebody has to wait, and goes out in one piece where nobody does."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping

from aiohttp.web import BaseRequest, Response, StreamResponse

EVENTS = "text/event-stream"
JSON = "application/json"
HTML = "text/html"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Sender:
    """The way to one client.

    Args:
        request: Whom to answer.
        headers: What every response of this model says.
    """

    def __init__(self, request: BaseRequest, headers: Mapping[str, str]) -> None:
        """Send nothing yet."""
        self._request = request
        self.headers = dict(headers)
        self._waiting = bytearray()
        self._opened: StreamResponse | None = None

    def add(self, event: bytes) -> None:
        """Add to the stream; ``flush`` or the end sends it."""
        self._waiting += event

    async def flush(self) -> None:
        """Send what was added so far."""
        if self._opened is None:
            self._opened = StreamResponse(headers=self.headers | {"Content-Type": EVENTS})
            await self._opened.prepare(self._request)
        if self._waiting:
            sent, self._waiting = bytes(self._waiting), bytearray()
            await self._opened.write(sent)

    async def end(self) -> StreamResponse:
        """Return the response to a stream that is over."""
        if self._opened is None:
            return self.whole(bytes(self._waiting), kind=EVENTS)
        await self.flush()
        return self._opened

    def whole(
        self, body: bytes, *, status: int = 200, kind: str = JSON, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return a response in one piece."""
        return Response(body=body, status=status, headers=self.headers | {"Content-Type": kind} | dict(headers or {}))

    async def half(self, body: bytes) -> StreamResponse:
        """Send half of a body whose whole length was announced, and close the connection."""
        response = StreamResponse(headers=self.headers | {"Content-Type": JSON})
        response.content_length = len(body)
        await response.prepare(self._request)
        await response.write(body[: len(body) // 2])
        if self._request.transport is not None:
            self._request.transport.close()
        return response

    def reset(self) -> StreamResponse:
        """Reset the connection, so that the client gets an error and not an end."""
        transport = self._request.transport
        if transport is not None:
            plug = transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()
        return self._opened or StreamResponse()
