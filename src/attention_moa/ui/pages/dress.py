"""What NiceGUI's pages have in common: a title, styles and scripts, and HTML that the server made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from nicegui import ui

from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.ports import RefusedError

if TYPE_CHECKING:
    from nicegui import Client

_STATUS = {"run_not_found": 404, "layer_not_found": 404, "no_ensemble": 404, "wrong_field": 400}


def dress(client: Client, title: str, html: Markup, *, styles: tuple[str, ...] = ()) -> None:
    """Make a page of its inside.

    Args:
        client: NiceGUI's end of it.
        title: Of the browser's tab.
        html: Its inside.
        styles: Its files beside those of all pages; a script's is run once the page is read.
    """
    frame = client.content.parent_slot
    if frame is not None:  # NiceGUI's own, hidden and empty, would be a second main part of the page
        frame.parent.tag = "div"
    ui.page_title(title)
    ui.add_head_html(str(render("head.html", files=Files.address, more=styles)))
    ui.add_body_html(str(html))


def refuse(client: Client, refused: RefusedError) -> None:
    """Say why there is no such page, or not for this visitor.

    Args:
        client: NiceGUI's end of the page.
        refused: Why.
    """
    client.status_code = refused.status or _STATUS.get(refused.code, 503)
    dress(client, "Not here", render("message.html", message=refused.message, files=Files.address, is_part=True))
