"""The page's place in the server: behind the guard and before the routes, which know nothing of it."""

from __future__ import annotations

from typing import Protocol

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket at one of its addresses."""
        ...


class Fronted:
    """ASGI middleware: leads what comes to the front's own addresses there, and all else to the routes.

    So the routes, their OpenAPI document and what they say of unknown addresses are the same with a front and without.

    Args:
        app: The routes.
        front: What stands before them.
    """

    def __init__(self, app: ASGIApp, *, front: Front) -> None:
        """Keep both."""
        self._app = app
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_front = scope["type"] in {"http", "websocket"} and self._front.serves(scope["path"])
        await (self._front if is_front else self._app)(scope, receive, send)
