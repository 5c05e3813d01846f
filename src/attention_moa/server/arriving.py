"""Bodies of requests while they arrive: each no larger and no slower than it may be, and not too many at once."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from attention_moa.server.errors import RETRY_S, ApiError

_BODIES = 16


class Arrivals:
    """All bodies that arrive.

    Args:
        max_body_bytes: Largest body; so many bytes of ``16`` bodies may be arriving at once.
        timeout_s: Most seconds for a body to arrive.
    """

    def __init__(self, max_body_bytes: int, timeout_s: float) -> None:
        """Start with none."""
        self.max_body_bytes = max_body_bytes
        self.timeout_s = timeout_s
        self._bytes = 0

    def take(self, count: int) -> None:
        """Count bytes that came.

        Raises:
            ApiError: 503: so many arrive at once that they would fill the memory.
        """
        self._bytes += count
        if self._bytes > _BODIES * self.max_body_bytes:
            message = "too much arrives at once: try again"
            raise ApiError(503, message, type="overloaded_error", code="overloaded", retry_after_s=RETRY_S)

    def leave(self, count: int) -> None:
        """Count bytes of a body that is whole, or is not going to be."""
        self._bytes -= count


class Arriving:
    """The body of one request.

    Args:
        arrivals: All of them.
        receive: Where it comes from.
    """

    def __init__(self, arrivals: Arrivals, receive: Receive) -> None:
        """Nothing has come."""
        self._arrivals = arrivals
        self._receive = receive
        self._bytes = 0
        self._is_over = False
        self._deadline_s: float | None = None

    def require_length(self, headers: Headers) -> None:
        """Raise where the request says that its body is too large: then none of it is read.

        Raises:
            ApiError: 413.
        """
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._arrivals.max_body_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        """Return what comes next: a part of the body, or that the client has left.

        Raises:
            ApiError: 413: the body is too large; 408: it is too slow; 503: too many come at once.
        """
        if self._is_over:
            return await self._receive()
        if self._deadline_s is None:
            self._deadline_s = asyncio.get_running_loop().time() + self._arrivals.timeout_s
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError:
            why = f"the body did not arrive within {self._arrivals.timeout_s:g} s"
            raise ApiError(408, why, type="timeout_error", code="request_timeout") from None
        self._take(len(message.get("body", b"")))
        if not message.get("more_body", False):  # or the client has left
            self.leave()
        return message

    def leave(self) -> None:
        """Count the body as arriving no more; idempotent."""
        self._is_over = True
        self._arrivals.leave(self._bytes)
        self._bytes = 0

    def _take(self, count: int) -> None:
        self._bytes += count
        self._arrivals.take(count)
        if self._bytes > self._arrivals.max_body_bytes:
            raise self._too_large()

    def _too_large(self) -> ApiError:
        message = f"the body is larger than {self._arrivals.max_body_bytes / 2**20:g} MiB"
        return ApiError(413, message, type="invalid_request_error", code="request_too_large")
