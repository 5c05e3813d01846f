"""The page's addresses: who may open which, and with which headers they are answered.

Programs' addresses never come here. A page is made only for who has a good key, where there are keys, and so is the
socket by which it talks on; what pages are made of (scripts, styles) tells nothing and is everybody's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_urlsafe
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from attention_moa.ui.addresses import pattern_of
from attention_moa.ui.dressed import NOBODY, dressed, not_so
from attention_moa.ui.files import Files
from attention_moa.ui.headers import file_headers, form_headers, page_headers, with_nonce
from attention_moa.ui.html import render
from attention_moa.ui.login import (
    MOST_BODY_BYTES,
    forgotten,
    kept,
    key_in,
    key_of_form,
    login_at,
    place_after,
)
from attention_moa.ui.names import name_html
from attention_moa.ui.pages.places import PLACES
from attention_moa.ui.ports import Outside, RefusedError
from attention_moa.ui.still import Still
from attention_moa.ui.whole import Answer, Store, answer_of

_OURS = re.compile(r"/|/(login|leave|favicon\.ico)|/(_page|_nicegui|_nicegui_ws)/.*")
_PAGES = re.compile(r"/|/runs/[^/]+(/replay|/money/live|/layers/[0-9]{1,4})?|/ensembles/[^/]+")
_FILES = re.compile(r"/_nicegui/[^/]+/(static|libraries|components|esm|resources)/.*")
_SOCKET = "/_nicegui_ws/"
_POLICY = 1008
_MOST_PATH = 120
_READING = ("GET", "HEAD")
_TOLD_TO_WAIT = 503
_NOT_FORWARDED = b"x-forwarded-prefix"
"""A header that NiceGUI would write into its pages: there is nobody before this server whose word that is."""


class Beside(Protocol):
    """Pages that NiceGUI knows nothing of."""

    def serves(self, path: str) -> bool:
        """Whether an address is one of them."""
        ...

    async def answer(self, request: Request, key: str | None) -> Response:
        """Return the answer to a request, for who brings a key."""
        ...


class PageFront:
    """What people see of a server: an ASGI application for the page's own addresses.

    Args:
        pages: NiceGUI's application, with the pages in it.
        outside: Says who may come in.
        beside: Other pages, which look themselves who may see them.
    """

    def __init__(self, pages: ASGIApp, outside: Outside, beside: Sequence[Beside] = ()) -> None:
        """Keep all."""
        self._pages = pages
        self._outside = outside
        self._files = Files()
        self._store = Store()
        self._beside: tuple[Beside, ...] = (Still(outside, PLACES), *beside)

    def serves(self, path: str) -> bool:
        """Whether an address is the page's."""
        is_own = any(one.fullmatch(path) for one in (_OURS, _PAGES))
        return is_own or any(one.serves(path) for one in self._beside)

    def route(self, path: str, method: str) -> str:
        """Return the pattern of an address that is the page's; empty for any other."""
        return pattern_of(path, method) if self.serves(path) else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a socket; who comes to an address that is not the page's is told that nothing is there."""
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != _NOT_FORWARDED]}
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        try:
            is_ours = self.serves(scope["path"])
            response = await (self._answer(scope, receive) if is_ours else self._lost(Request(scope, receive)))
        except RefusedError as refused:  # the keys cannot be read
            html = render("message.html", message=refused.message, files=Files.address)
            response = HTMLResponse(html, status_code=refused.status or 503, headers=form_headers())
        await response(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a page's socket through, for who may see the page."""
        try:
            is_let_in = scope["path"].startswith(_SOCKET) and await self._is_let_in(key_of(scope))
        except RefusedError:  # the keys cannot be read
            is_let_in = False
        if is_let_in:
            await self._pages(scope, receive, send)
            return
        await receive()
        await send({"type": "websocket.close", "code": _POLICY, "reason": "invalid_api_key"})

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        """Return the answer to a request, whole: nothing of the page is streamed but by its socket."""
        path, method = scope["path"], scope["method"]
        if path in ("/login", "/leave"):
            return await self._login(Request(scope, receive)) if path == "/login" else self._leave(scope)
        for beside in self._beside:
            if beside.serves(path):
                return await beside.answer(Request(scope, receive), key_of(scope))
        if method not in _READING or path.startswith(_SOCKET):  # the socket is no plain request
            return not_so(Request(scope), "GET, HEAD")
        if _PAGES.fullmatch(path):
            return await self._page(scope, receive)
        own = self._files.find(path)
        if own is not None:
            return own.response(Headers(scope=scope), file_headers())
        return await self._file(scope, receive)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        key = key_of(scope)
        if not await self._is_let_in(key):
            query = scope["query_string"].decode("latin-1")
            return _gone_to(login_at(f"{scope['path']}?{query}" if query else scope["path"]))
        scope["state"]["page_key"] = key
        nonce = token_urlsafe(16)
        made = await answer_of(self._pages, {**scope, "method": "GET"}, receive)
        page = Answer(made.status, made.kind, with_nonce(self._files.within(made.body), nonce), made.location)
        return page.response(Headers(scope=scope), page_headers(nonce))

    def told(self, scope: Scope, status: int, message: str) -> Response:
        """Return the page that tells a person why there is no other one; of a fault of the server's, where it stands.

        Args:
            scope: The request.
            status: HTTP's.
            message: Why, one line.
        """
        is_broken = status >= 500 and status != _TOLD_TO_WAIT
        request_id = scope.get("state", {}).get("request_id", "")
        body = render("broken.html", message=message, is_broken=is_broken, request_id=request_id)
        title = "A fault of the server" if is_broken else "Not here"
        return dressed(Request(scope), NOBODY, title, body, status=status)

    async def _lost(self, request: Request) -> Response:
        """Return what somebody is told who came to an address that nobody has."""
        visitor = NOBODY
        with suppress(RefusedError):  # whoever it is, they are told
            visitor = await self._outside.enter(key_of(request.scope))
        body = render("nowhere.html", path=name_html(request.url.path, _MOST_PATH))
        return dressed(request, visitor, "Not here", body, status=404)

    async def _file(self, scope: Scope, receive: Receive) -> Response:
        """Return a file of NiceGUI's; each is read and packed once."""
        path = scope["path"]
        made = self._store.find(path)
        if made is None:
            made = await answer_of(self._pages, scope, receive)
            if made.status == 200 and scope["method"] == "GET" and _FILES.fullmatch(path):
                self._store.keep(path, made)
        return made.response(Headers(scope=scope), file_headers() if made.status == 200 else form_headers())

    async def _login(self, request: Request) -> Response:
        """Return the form, or let somebody in who sends it with a good key."""
        place = place_after(request.query_params.get("next", "/"))
        if request.method in _READING:
            return _gone_to(place) if await self._is_let_in(key_of(request.scope)) else _form(login_at(place))
        if request.method != "POST":
            return not_so(request, "GET, HEAD, POST")
        key = key_of_form(await _short_body(request))
        if key is None or not await self._is_let_in(key):
            return _form(login_at(place), is_wrong=True)
        response = _gone_to(place)
        host, origin = request.headers.get("host", ""), request.headers.get("origin", "")
        response.headers["set-cookie"] = kept(key, host=host, origin=origin)
        return response

    def _leave(self, scope: Scope) -> Response:
        """Have the browser forget its key; a mere link does not."""
        if scope["method"] != "POST":
            return not_so(Request(scope), "POST")
        response = _gone_to("/login")
        response.headers["set-cookie"] = forgotten(host=Headers(scope=scope).get("host", ""))
        return response

    async def _is_let_in(self, key: str | None) -> bool:
        """Return whether a key, or none, opens the page; a failure that has nothing to do with the key is raised."""
        try:
            await self._outside.enter(key)
        except RefusedError as refused:
            if not refused.is_key_bad:
                raise
            return False
        return True


def key_of(scope: Scope) -> str | None:
    """Return the key in a request's cookies; None where there is none."""
    headers = Headers(scope=scope)
    return key_in("; ".join(headers.getlist("cookie")), headers.get("host", ""))


def _form(action: str, *, is_wrong: bool = False) -> Response:
    html = render("login.html", action=action, is_wrong=is_wrong, files=Files.address)
    return HTMLResponse(html, status_code=401 if is_wrong else 200, headers=form_headers())


def _gone_to(place: str) -> Response:
    return RedirectResponse(place, status_code=303, headers=form_headers())


async def _short_body(request: Request) -> bytes:
    """Return a form's body; nothing of one that is too long to be a key's."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            return b""
    return body
