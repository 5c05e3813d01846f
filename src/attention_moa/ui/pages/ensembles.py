"""``/ensembles/NAME``: an ensemble's file, looked at, checked, tried and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.ui.link import Link
from attention_moa.ui.pages.dress import dress, refuse
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
        try:
            await screen.open(name)
        except RefusedError as refused:
            refuse(client, refused)
            return
        dress(client, f"{screen.title} · attention-moa", screen.html(), styles=("shelf.css",))
        screen.link = Link(screen.act)
