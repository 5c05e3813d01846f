"""Pages that stand still: whole HTML at an address, which needs no script to be read and none to act.

What they change is sent as a form, to the page's own address and from it alone: the server's guard looks at where a
request comes from, as with the form that asks for a key.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from markupsafe import Markup
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.ui.dressed import NOBODY, dressed, not_so
from attention_moa.ui.headers import form_headers
from attention_moa.ui.html import render
from attention_moa.ui.login import login_at
from attention_moa.ui.ports import Outside, RefusedError, Visitor
from attention_moa.ui.whole import Answer

_STATUS = {"run_not_found": 404, "run_busy": 409, "wrong_field": 400}
_OTHER = 503


class Look(Struct, frozen=True, kw_only=True):
    """A request for a page that stands still.

    Args:
        outside: The world outside.
        key: The visitor's; None where there are none.
        visitor: Who that is.
        run_id: The run in the address; empty where it names none.
        fields: The address's, each as often as it stands there.
    """

    outside: Outside
    key: str | None
    visitor: Visitor
    run_id: str
    fields: Mapping[str, Sequence[str]]

    def field(self, name: str) -> str:
        """Return the last of a field; empty where there is none."""
        return (self.fields.get(name) or ("",))[-1].strip()


class Shown(Struct, frozen=True, kw_only=True):
    """What is answered.

    Args:
        title: Of the page.
        body: Its inside; None where a browser is sent elsewhere, or a file follows.
        tab: Of the navigation.
        keys: Whose keys it has beside those of all pages; empty for nobody's.
        goes_to: Where a browser is sent; empty for nowhere.
        file: A file's name, its type, and what is in it; None for a page.
    """

    title: str = ""
    body: Markup | None = None
    tab: str = "runs"
    keys: str = ""
    goes_to: str = ""
    file: tuple[str, str, str] | None = None


Show: TypeAlias = Callable[[Look], Awaitable[Shown]]


class Place(NamedTuple):
    """An address: its pattern (a run's id is its group ``run``), how it is asked, and what shows it."""

    pattern: re.Pattern[str]
    method: str
    show: Show


class Still:
    """All pages that stand still.

    Args:
        outside: The world outside.
        places: Their addresses.
    """

    def __init__(self, outside: Outside, places: Sequence[Place]) -> None:
        """Keep both."""
        self._outside = outside
        self._places = places

    def serves(self, path: str) -> bool:
        """Whether an address is one of them."""
        return any(place.pattern.fullmatch(path) for place in self._places)

    async def answer(self, request: Request, key: str | None) -> Response:
        """Return the answer to a request."""
        path, method = request.scope["path"], "GET" if request.method == "HEAD" else request.method
        fitting = [(place, found) for place in self._places if (found := place.pattern.fullmatch(path))]
        chosen = next(((place, found) for place, found in fitting if place.method == method), None)
        if chosen is None:
            allowed = ", ".join(sorted({place.method for place, _ in fitting}))
            return not_so(request, allowed)
        place, found = chosen
        visitor = NOBODY
        try:
            visitor = await self._outside.enter(key)
            fields = {name: request.query_params.getlist(name) for name in request.query_params}
            run_id = found.groupdict().get("run", "")
            shown = await place.show(
                Look(outside=self._outside, key=key, visitor=visitor, run_id=run_id, fields=fields)
            )
        except RefusedError as refused:
            if refused.is_key_bad:
                return _sent_to(login_at(_wanted(request) if method == "GET" else "/runs"))
            body = render("refused.html", message=refused.message)
            status = refused.status or _STATUS.get(refused.code, _OTHER)
            return dressed(request, visitor, "Not here", body, tab="runs", status=status)
        return _response(request, shown, visitor)


def _response(request: Request, shown: Shown, visitor: Visitor) -> Response:
    if shown.goes_to:
        return _sent_to(shown.goes_to)
    if shown.file is not None:
        name, kind, text = shown.file
        headers = {**form_headers(), "content-disposition": f'attachment; filename="{name}"'}
        return Answer(200, kind, text.encode("utf-8", "replace")).response(request.headers, headers)
    return dressed(request, visitor, shown.title, shown.body or Markup(), tab=shown.tab, keys=shown.keys)


def _sent_to(place: str) -> Response:
    return Response(status_code=303, headers={"location": place, **form_headers()})


def _wanted(request: Request) -> str:
    """Return the address that was asked for, to be gone on to."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
