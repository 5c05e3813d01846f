"""The page's place in the server: behind the guard and before the routes, which know nothing of it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class Front(Protocol):
    """What serves people rather than programs."""

    def serves(self, path: str) -> bool:
        """Whether an address is its own; no address of the API is."""
        ...

    def route(self, path: str, method: str) -> str:
        """Return the pattern of one of its addresses, of which there are only so many; empty for any other.

        Args:
            path: The address.
            method: HTTP's.
        """
        ...

    def told(self, scope: Scope, status: int, message: str) -> Response:
        """Return the page that tells a person why there is no other one.

        Args:
            scope: The request.
            status: HTTP's.
            message: Why, one line.
        """
        ...

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket at one of its addresses; tell a browser of any other that nothing is there."""
        ...


class Fronted:
    """ASGI middleware: leads what comes to the front's own addresses there, and all else to the routes.

    So the routes, their OpenAPI document and what they tell programs of unknown addresses are the same with a front and
    without. A browser that comes to an address that nobody has is told so by the front.

    Args:
        app: The routes.
        front: What stands before them.
        first_words: With which the routes' addresses begin: what is not there below them is told as they tell it.
    """

    def __init__(self, app: ASGIApp, *, front: Front, first_words: AbstractSet[str]) -> None:
        """Keep all."""
        self._app = app
        self._front = front
        self._first_words = first_words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_front = scope["type"] in {"http", "websocket"} and self._front.serves(scope["path"])
        await (self._front if is_front or self._is_lost(scope) else self._app)(scope, receive, send)

    def _is_lost(self, scope: Scope) -> bool:
        """Return whether a person looks for a page where there is nothing."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return False
        return wants_page(scope, self._first_words)


def wants_page(scope: Scope, first_words: AbstractSet[str]) -> bool:
    """Return whether a request is a person's, who is told in a page what a program is told in JSON.

    Args:
        scope: The request.
        first_words: With which the routes' addresses begin.
    """
    is_page_wanted = "text/html" in Headers(scope=scope).get("accept", "")
    return is_page_wanted and first_word(scope["path"]) not in first_words


def first_word(path: str) -> str:
    """Return the word with which an address begins: ``v1`` of ``/v1/models``."""
    return path.split("/", 2)[1] if path.startswith("/") else ""
