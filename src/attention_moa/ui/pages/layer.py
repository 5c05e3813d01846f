"""``/runs/ID/layers/N``: inside a layer, one tab an agent, who moved whom, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.ui.components.layer_measures import Measures
from attention_moa.ui.link import Link
from attention_moa.ui.pages.dress import dress, refuse
from attention_moa.ui.pages.layer_screen import LayerScreen
from attention_moa.ui.ports import Outside, RefusedError
from attention_moa.ui.tasks import Tasks

if TYPE_CHECKING:
    from nicegui import Client

_PATIENCE_S = 60.0
"""Seconds that a page may take to be made: a long run is read from the journal, and measured, first."""


def register(outside: Outside, tasks: Tasks) -> None:
    """Register the page with NiceGUI."""
    measures = Measures()

    @ui.page("/runs/{run_id}/layers/{number}", response_timeout=_PATIENCE_S)
    async def layer(request: Request, client: Client, run_id: str, number: int) -> None:
        screen = LayerScreen(outside, request.state.page_key, tasks, measures)
        try:
            await screen.open(run_id, number, request.query_params.multi_items())
        except RefusedError as refused:
            refuse(client, refused)
            return
        dress(client, screen.title, screen.html(), styles=("runs.css", "layer.css", "layer.js"))
        if screen.goes_on:
            screen.link = Link(screen.act)
            client.on_delete(screen.close)  # pyright: ignore[reportUnknownMemberType]  # any function
            screen.begin()
