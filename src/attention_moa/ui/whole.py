"""Answers of an application, whole: to be changed on their way out, packed, and kept where they never change."""

from __future__ import annotations

import gzip
from functools import cached_property

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope

_LEAST_BYTES = 1000
_LEVEL = 6
_MOST_KEPT = 400
_PACKED = ("text/", "application/json", "application/javascript", "image/svg+xml")


class Answer:
    """An answer with its whole body.

    Args:
        status: HTTP's.
        kind: Its content type.
        body: As it is.
        location: Where a browser is sent; empty for nowhere.
    """

    def __init__(self, status: int, kind: str, body: bytes, location: str = "") -> None:
        """Keep all."""
        self.status = status
        self.kind = kind
        self.body = body
        self.location = location

    @cached_property
    def _packed(self) -> bytes:
        return gzip.compress(self.body, _LEVEL, mtime=0)

    def response(self, asked: Headers, headers: dict[str, str]) -> Response:
        """Return what is sent, packed for who takes that.

        Args:
            asked: The request's headers.
            headers: What the answer has beside its own.
        """
        told = dict(headers)
        body = self.body
        if self.location:
            told["location"] = self.location
        if len(body) >= _LEAST_BYTES and self.kind.startswith(_PACKED):
            told["vary"] = "accept-encoding"
            if "gzip" in asked.get("accept-encoding", ""):
                body, told["content-encoding"] = self._packed, "gzip"
        return Response(body, status_code=self.status, media_type=self.kind or None, headers=told)


class Store:
    """Answers that never change, by their addresses."""

    def __init__(self) -> None:
        """Start without any."""
        self._kept: dict[str, Answer] = {}

    def find(self, path: str) -> Answer | None:
        """Return what is kept of an address; None where nothing is."""
        return self._kept.get(path)

    def keep(self, path: str, answer: Answer) -> None:
        """Keep an answer, while there are not too many."""
        if len(self._kept) < _MOST_KEPT:
            self._kept[path] = answer


async def answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> Answer:
    """Return what an application answers to a request."""
    status, headers, parts = 500, Headers(), list[bytes]()

    async def hear(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], Headers(raw=message["headers"])
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, hear)
    return Answer(status, headers.get("content-type", ""), b"".join(parts), headers.get("location", ""))
