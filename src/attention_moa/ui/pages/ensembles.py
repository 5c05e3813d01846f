"""``/ensembles/NAME``: an ensemble's file, looked at, checked, tried and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.link import Link
from attention_moa.ui.pages.ensemble_screen import EnsembleScreen
from attention_moa.ui.ports import RefusedError
from attention_moa.ui.shelf import Shelf

if TYPE_CHECKING:
    from nicegui import Client

_PATIENCE_S = 30.0


def register(shelf: Shelf) -> None:
    """Register the page with NiceGUI."""

    @ui.page("/ensembles/{name}", response_timeout=_PATIENCE_S)
    async def ensemble(request: Request, client: Client, name: str) -> None:
        screen = EnsembleScreen(shelf, request.state.page_key)
        ui.add_head_html(str(render("head.html", files=Files.address)))
        ui.add_head_html(str(render("shelf_head.html", files=Files.address)))
        try:
            await screen.open(name)
        except RefusedError as refused:
            client.status_code = 404 if refused.code == "no_ensemble" else 503
            ui.page_title("Not here")
            ui.add_body_html(str(render("message.html", message=refused.message, files=Files.address, is_part=True)))
            return
        ui.page_title(f"{screen.title} · attention-moa")
        ui.add_body_html(str(screen.html()))
        screen.link = Link(screen.act)
