"""``/runs/ID/money``: where the time and the money of a run went; of one under way, ``/runs/ID/money/live``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse

from attention_moa.records import RunRecord
from attention_moa.ui.finished import Findings
from attention_moa.ui.html import render
from attention_moa.ui.link import Link
from attention_moa.ui.pages.dress import dress, refuse
from attention_moa.ui.pages.money_parts import money_parts, money_rows
from attention_moa.ui.pages.money_screen import MoneyScreen
from attention_moa.ui.ports import Outside, RefusedError
from attention_moa.ui.still import Look, Shown
from attention_moa.ui.tasks import Tasks
from attention_moa.ui.timeline import Timeline, timeline_of_record
from attention_moa.usefulness import Usefulness, usefulness

if TYPE_CHECKING:
    from nicegui import Client


class _Found(NamedTuple):
    timeline: Timeline
    useful: Sequence[Usefulness]


def _find(record: RunRecord) -> _Found:
    return _Found(timeline_of_record(record), usefulness(record))


_FINDINGS = Findings(_find)


async def show(look: Look) -> Shown:
    """Return where a run's time and money went; who looks at one under way is sent to where that goes on."""
    standing = await look.outside.standing(look.key, look.run_id)
    if standing.is_under_way:
        return Shown(goes_to=f"{_address(look.run_id)}/live")
    timeline, useful = await _FINDINGS.of(standing.record)
    parts = money_parts(standing, standing.record, timeline, useful)
    body = render("money.html", parts=parts, rows=money_rows(timeline, {}), is_under_way=False)
    return Shown(title="Time and money", body=body)


def register(outside: Outside, tasks: Tasks) -> None:
    """Register the page of a run under way with NiceGUI."""

    @ui.page("/runs/{run_id}/money/live")
    async def money(request: Request, client: Client, run_id: str) -> RedirectResponse | None:
        screen = MoneyScreen(outside, request.state.page_key, tasks, _address(run_id))
        try:
            is_under_way = await screen.open(run_id)
        except RefusedError as refused:
            refuse(client, refused)
            return None
        if not is_under_way:
            return RedirectResponse(_address(run_id), status_code=303)
        dress(client, "Time and money", screen.html(), styles=("runs.css",))
        screen.link = Link(screen.act)
        client.on_delete(screen.close)  # pyright: ignore[reportUnknownMemberType]  # any function
        screen.begin()
        return None


def _address(run_id: str) -> str:
    return f"/runs/{quote(run_id, safe='')}/money"
