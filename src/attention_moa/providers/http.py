"""The one HTTP client that all OpenAI-compatible endpoints of a pool share.

The default pool of the HTTP library collapses at 64 calls at once; this one runs on aiohttp, takes thousands, and is
closed by us. What responses say about rate limits can be listened to: the SDKs keep the headers to themselves.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

import httpx2
from openai import DefaultAioHttpClient

from attention_moa.messages import RateHint
from attention_moa.providers.rate_headers import rate_hint

_MOST_CONNECTIONS = 4096
_IDLE_S = 15.0
_HEARD: ContextVar[list[RateHint] | None] = ContextVar("heard", default=None)


class SharedHttp:
    """An aiohttp-backed HTTP client, made at first use and again after it was closed.

    It follows no redirects: a prompt and a key go to the address in the ensemble and nowhere else, and one attempt is
    one request.
    """

    def __init__(self) -> None:
        """Start without a connection."""
        self._client: httpx2.AsyncClient | None = None

    def client(self) -> httpx2.AsyncClient:
        """Return the client; its connections belong to the event loop of the first request."""
        if self._client is None:
            self._client = DefaultAioHttpClient(
                timeout=timeout(10.0),
                limits=httpx2.Limits(max_connections=_MOST_CONNECTIONS, keepalive_expiry=_IDLE_S),
                follow_redirects=False,
                event_hooks={"response": [_hear]},
            )
        return self._client

    async def aclose(self) -> None:
        """Close all connections; idempotent."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def timeout(connect_s: float) -> httpx2.Timeout:
    """Return timeouts that limit the connection alone; first token and whole reply are timed by the caller.

    Args:
        connect_s: Most seconds for a connection to open, the look-up of the host included.
    """
    return httpx2.Timeout(None, connect=connect_s, pool=connect_s)


@contextmanager
def listening() -> Generator[list[RateHint], None, None]:
    """Give a list into which go the rate hints of all responses to requests that are sent meanwhile from here.

    It must be left in the context in which it was entered: a generator does not yield inside.
    """
    heard: list[RateHint] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


async def _hear(response: httpx2.Response) -> None:
    """Hand a response's rate hint to whoever listens."""
    heard = _HEARD.get()
    if heard is not None and (hint := rate_hint(response.headers, datetime.now(UTC))) is not None:
        heard.append(hint)
