"""Whole pages, which NiceGUI knows nothing of: an inside in the dress of all pages, with its headers."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Literal, TypeAlias

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.ui.files import Files
from attention_moa.ui.headers import page_headers
from attention_moa.ui.html import render
from attention_moa.ui.ports import Visitor
from attention_moa.ui.whole import Answer

Look: TypeAlias = Literal["still", "shelf"]
"""What a page looks like: one of runs, or one of what a server has beside its runs."""

HTML = "text/html; charset=utf-8"
NOBODY = Visitor(name="", is_admin=False)
"""Whose page it is of whom nothing is known."""

_STYLES = {"still": "runs.css", "shelf": "shelf.css"}


def dressed(
    request: Request,
    visitor: Visitor,
    title: str,
    body: Markup,
    *,
    look: Look = "still",
    tab: str = "",
    keys: str = "",
    status: int = 200,
    has_frame: bool = False,
) -> Response:
    """Return a page.

    Args:
        request: It is asked for so.
        visitor: Whose page it is.
        title: Of the browser's tab.
        body: Its inside.
        look: What it looks like.
        tab: Of the navigation; empty for none.
        keys: Whose keys it has beside those of all pages, as ``keyboard.py`` calls it; empty for nobody's.
        status: HTTP's.
        has_frame: Whether another page of the server's is shown in it.
    """
    html = render(
        "whole.html",
        title=title,
        body=body,
        look=look,
        style=_STYLES[look],
        here=tab,
        keys=keys,
        visitor=visitor,
        files=Files.address,
        has_frame=has_frame,
    )
    headers = page_headers(token_urlsafe(16), has_frame=has_frame)
    return Answer(status, HTML, html.encode("utf-8", "replace")).response(request.headers, headers)


def not_so(request: Request, allowed: str) -> Response:
    """Return what is told at an address that is not asked in this way, as where only a button leads.

    Args:
        request: It is asked for so.
        allowed: The methods by which it may be asked, as HTTP's header has them.
    """
    is_look = request.method in ("GET", "HEAD")
    message = "There is no page here: a button leads to this address." if is_look else f"Here one can {allowed} alone."
    response = dressed(request, NOBODY, "Not here", render("refused.html", message=message), status=405)
    response.headers["allow"] = allowed
    return response
