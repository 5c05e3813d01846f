"""``/`` and ``/runs/ID``: ask an ensemble, watch the answer come, go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.ui.link import Link
from attention_moa.ui.pages.dress import dress, refuse
from attention_moa.ui.pages.screen import Screen
from attention_moa.ui.ports import Outside, RefusedError
from attention_moa.ui.tasks import Tasks

if TYPE_CHECKING:
    from nicegui import Client

_PATIENCE_S = 30.0
"""Seconds that a page may take to be made: a long run is read from the journal first."""


def register(outside: Outside, tasks: Tasks) -> None:
    """Register the pages with NiceGUI."""

    async def show(request: Request, client: Client, run_id: str | None) -> None:
        screen = Screen(outside, request.state.page_key, tasks)
        try:
            await screen.open(run_id, request.query_params.get("call"))
        except RefusedError as refused:
            refuse(client, refused)
            return
        dress(client, screen.title, screen.html())
        screen.link = Link(screen.act)
        client.on_delete(screen.close)  # pyright: ignore[reportUnknownMemberType]  # any function
        screen.begin()

    @ui.page("/", response_timeout=_PATIENCE_S)
    async def first(request: Request, client: Client) -> None:
        await show(request, client, None)

    @ui.page("/runs/{run_id}", response_timeout=_PATIENCE_S)
    async def run(request: Request, client: Client, run_id: str) -> None:
        await show(request, client, run_id)
