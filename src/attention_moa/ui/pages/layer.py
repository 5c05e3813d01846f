"""``/runs/ID/layers/N``: inside a layer, one tab an agent, who moved whom, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.ui.components.layer_measures import Measures
from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.link import Link
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
            client.status_code = 404 if refused.code in ("run_not_found", "layer_not_found") else 503
            ui.add_body_html(str(render("message.html", message=refused.message, files=Files.address, is_part=True)))
            _dress("Not here")
            return
        _dress(screen.title)
        ui.add_body_html(str(screen.html()))
        if screen.goes_on:
            screen.link = Link(screen.act)
            client.on_delete(screen.close)  # pyright: ignore[reportUnknownMemberType]  # any function
            screen.begin()


def _dress(title: str) -> None:
    ui.page_title(title)
    ui.add_head_html(str(render("layer-dress.html", files=Files.address)))
