"""What every request passes before anything else looks at it: whose it is, how large, how slow.

The key is asked for next, by the routes: what is wrong with a body is told only to who may send one. Nothing here knows
of ensembles.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from secrets import token_hex

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attention_moa.server.arriving import Arrivals, Arriving
from attention_moa.server.errors import ApiError, api_error, bad_request
from attention_moa.server.failures import told_of
from attention_moa.server.origins import Origins, is_same_origin, single
from attention_moa.server.request_numbers import Answered
from attention_moa.telemetry.lines import FIELDS

_LOG = logging.getLogger("attention_moa.server")
_READING = {"GET", "HEAD", "OPTIONS"}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_NAMES = re.compile(r"[A-Za-z0-9-]+(\s*,\s*[A-Za-z0-9-]+)*")
_POLICY = 1008

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
_UNLESS_TOLD = {
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class GuardRules(Struct, frozen=True, kw_only=True):
    """What a request may be.

    Args:
        origins: By which names, and from which pages.
        max_body_bytes: Largest body.
        body_timeout_s: Most seconds for a body to arrive.
    """

    origins: Origins
    max_body_bytes: int
    body_timeout_s: float


class Guard:
    """ASGI middleware: refuses what no route should have to look at, and gives every answer its common headers.

    Args:
        app: What is guarded.
        rules: What a request may be.
        answered: Told of each request that is over.
        route_of: Gives the route, as the OpenAPI document has it, that a request which was refused here would have
            come to; empty for none.
        page_of: Makes the page that tells a person of an error; None comes back for what is to be told in JSON.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rules: GuardRules,
        answered: Callable[[Answered], None] = lambda _: None,
        route_of: Callable[[Scope], str] = lambda _: "",
        page_of: Callable[[Scope, ApiError], Response | None] = lambda _scope, _error: None,
    ) -> None:
        """Guard an application."""
        self._page_of = page_of
        self._app = app
        self._route_of = route_of
        self._answered = answered
        self._rules = rules
        self._arrivals = Arrivals(rules.max_body_bytes, rules.body_timeout_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, {**_ALWAYS, "x-request-id": request_id, **self._cors(headers)})
        body = Arriving(self._arrivals, receive)
        try:
            self._require_ours(headers, method=scope["method"])
            if _is_preflight(scope["method"], headers):
                await answer.send_all(204, _preflight(headers), b"")
                return
            body.require_length(headers)
            await self._app(scope, body.receive, answer.send)
        except Exception as error:  # whatever it is, no client is shown a trace, and it stands in the log
            if not isinstance(error, (ApiError, ClientDisconnect)):
                _LOG.exception("server.request_broke", extra={FIELDS: {"request_id": request_id}})
            if answer.status is not None:
                raise
            await self._refuse(scope, receive, answer, self._told(scope, error))
        finally:
            body.leave()
            self._note(scope, answer)

    async def _refuse(self, scope: Scope, receive: Receive, answer: _Answer, told: ApiError) -> None:
        """Tell of an error in the place of an answer: a program in JSON, a person in a page where there are pages."""
        page = self._page_of(scope, told)
        if page is None:
            await answer.send_all(told.status, {**told.headers, "content-type": "application/json"}, told.json)
            return
        page.headers.update(told.headers)
        await page(scope, receive, answer.send)

    def _told(self, scope: Scope, error: Exception) -> ApiError:
        if not isinstance(error, ApiError):
            return api_error(error)
        return told_of(error, is_operator=False, request_id=scope["state"]["request_id"], path=scope["path"])

    def _note(self, scope: Scope, answer: _Answer) -> None:
        """Tell of a request that is over: to the log, and to who counts."""
        route = getattr(scope.get("route"), "path", "") or self._route_of(scope)
        self._answered(Answered(scope["method"], route, answer.status, answer.first_byte_s))
        state = scope["state"]
        fields = {
            "request_id": state["request_id"],
            "key": state.get("key"),
            "run_id": answer.run_id or state.get("run_id"),
            "method": scope["method"],
            "path": scope["path"],
            "status": answer.status,
            "seconds": round(answer.elapsed_s, 3),
        }
        _LOG.info("server.request", extra={FIELDS: fields})

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a WebSocket through that no other page opened; any other is closed before it is one."""
        try:
            self._require_ours(Headers(scope=scope), method="CONNECT")
        except ApiError as refused:
            await receive()
            await send({"type": "websocket.close", "code": _POLICY, "reason": refused.code})
            return
        await self._app(scope, receive, send)

    def _require_ours(self, headers: Headers, *, method: str) -> None:
        """Raise for a request under a name that is not the server's, or one that a page of another origin made."""
        origins = self._rules.origins
        host = single(headers.getlist("host"))
        if host is None:
            raise bad_request("a request has one Host header", param=None, code="invalid_host")
        if not origins.knows(host):
            raise ApiError(
                403,
                f"{host[:100]!r} is no name of this server: its owner allows names with allowed_hosts",
                type="permission_error",
                code="host_not_allowed",
            )
        told = headers.getlist("origin")
        if not told or (method in _READING and not _is_preflight(method, headers)):
            return
        origin = single(told)
        if origin is None or not (is_same_origin(origin, host) or origins.allows(origin)):
            raise ApiError(
                403,
                f"pages of {(origin or ', '.join(told))[:100]!r} may not call this server: its owner allows "
                "origins with cors_origins",
                type="permission_error",
                code="origin_not_allowed",
            )

    def _cors(self, headers: Headers) -> dict[str, str]:
        """Return what lets pages of an allowed origin read the answer."""
        if not self._rules.origins.cors_origins:
            return {}
        origin = single(headers.getlist("origin"))
        if origin is None or not self._rules.origins.allows(origin):
            return {"vary": "origin"}
        exposed = "x-request-id, x-attention-moa-run-id, retry-after"
        return {
            "vary": "origin",
            "access-control-allow-origin": origin,
            "access-control-expose-headers": exposed,
            "cross-origin-resource-policy": "cross-origin",
        }


class _Answer:
    """An answer on its way out, with the headers that all have.

    Args:
        send: Where it goes.
        headers: What all have.
    """

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        """Nothing was sent."""
        self.status: int | None = None
        self.first_byte_s: float | None = None
        self.run_id: str | None = None
        self._began_s = time.monotonic()
        self._send = send
        self._headers = headers

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request came."""
        return time.monotonic() - self._began_s

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on; the first one gets the headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            self.run_id = headers.get("x-attention-moa-run-id")
            for name, value in _UNLESS_TOLD.items():
                headers.setdefault(name, value)
            headers.update(self._headers)
            if self.status in (408, 413):
                headers["connection"] = "close"  # the rest of the body would be taken for the next request
        elif self.first_byte_s is None and message.get("body"):
            self.first_byte_s = self.elapsed_s
        await self._send(message)

    async def send_all(self, status: int, headers: dict[str, str], content: bytes) -> None:
        """Send an answer of the guard's own."""
        told = {**headers, "content-length": str(len(content))} if status != 204 else headers
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": raw})
        await self.send({"type": "http.response.body", "body": content})


def _request_id(headers: Headers) -> str:
    """Return the id that the client gave the request, where it is a plain one; else a new one."""
    told = single(headers.getlist("x-request-id")) or ""
    return told if _REQUEST_ID.fullmatch(told) else f"req_{token_hex(16)}"


def _is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and "access-control-request-method" in headers and "origin" in headers


def _preflight(headers: Headers) -> dict[str, str]:
    """Return what a browser is told that asks beforehand; only pages of an allowed origin come so far."""
    wanted = headers.get("access-control-request-headers", "")
    allowed = wanted if _NAMES.fullmatch(wanted) else "authorization, content-type"
    return {
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": allowed,
        "access-control-max-age": "600",
    }
