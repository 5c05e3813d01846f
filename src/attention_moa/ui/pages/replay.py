"""``/runs/ID/replay``: a run played again; ``?step=N`` stands at one of its moments, without any script too."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from attention_moa.prices import known_price
from attention_moa.ui.link import Link
from attention_moa.ui.pages.dress import dress, refuse
from attention_moa.ui.pages.player import Player, whole
from attention_moa.ui.ports import Outside, RefusedError
from attention_moa.ui.replay import Replay, replay_of
from attention_moa.ui.tasks import Tasks

if TYPE_CHECKING:
    from nicegui import Client

_MOST_STEP = 40
_PATIENCE_S = 60.0
"""Seconds that a page may take to be made: a long run is read from the journal, and heard, first."""


def register(outside: Outside, tasks: Tasks) -> None:
    """Register the page with NiceGUI."""

    @ui.page("/runs/{run_id}/replay", response_timeout=_PATIENCE_S)
    async def replayed(request: Request, client: Client, run_id: str) -> None:
        key = request.state.page_key
        try:
            visitor = await outside.enter(key)
            player = await _player(outside, key, tasks, run_id, step=request.query_params.get("step", ""))
        except RefusedError as refused:
            refuse(client, refused)
            return
        dress(client, "Replay", player.html(visitor), styles=("runs.css",))
        player.link = Link(player.act)
        client.on_delete(player.close)  # pyright: ignore[reportUnknownMemberType]  # any function


async def _player(outside: Outside, key: str | None, tasks: Tasks, run_id: str, *, step: str) -> Player:
    """Return a player that stands at a step: the first one where the address names none."""
    standing = await outside.standing(key, run_id)
    async with aclosing(outside.watch(key, run_id)) as batches:
        events = [event for _, event in await anext(batches, ())]
    if step and whole(step) is None:
        raise RefusedError(f"{step[:_MOST_STEP]!r} is no step of a replay: write a number from 0", code="wrong_field")
    wanted = whole(step) or 0

    def made() -> Replay:
        replay = replay_of(standing.record, events, price_of=known_price)
        replay.to_step(wanted)
        return replay

    replay = await asyncio.to_thread(made)  # a long run has thousands of events
    return Player(outside, key, tasks, standing=standing, replay=replay)
