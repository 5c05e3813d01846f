"""A call that is opened beside its run: what it shows, and what of it is drawn anew."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.retelling import events_of
from attention_moa.ui.pages.drawer import Drawer
from attention_moa.ui.pages.turn import Turn
from attention_moa.ui.ports import Heard, RefusedError, Standing
from tests.page_shelf import RunShelf, a_priced_run

RECORD = a_priced_run({"1.answer.a": "<b>Blue</b> it is.", "1.critique.b.a": "Why?"})
HEARD = [Heard(number, event) for number, event in enumerate(events_of(RECORD), 1)]


def a_turn() -> Turn:
    """Return a turn of which nothing was heard."""
    standing = Standing(record=RECORD, is_under_way=True, is_own=True, plan=None)
    return Turn("Why?", number=0, standing=standing)


def test_an_open_call_shows_its_reply_its_prompt_and_who_reads_it() -> None:
    """As words; a call that there is not opens nothing."""

    async def look() -> None:
        turn, drawer = a_turn(), Drawer(RunShelf([RECORD]), None)  # type: ignore[arg-type]  # runs alone
        await turn.hear(HEARD)
        assert await drawer.open(turn, "1.answer.nobody") == []
        assert await drawer.follow() == []
        opened, focused = await drawer.open(turn, "1.answer.a")
        assert opened[:2] == ["html", "drawer"]
        assert "&lt;b&gt;Blue" in drawer.html
        assert "<b>Blue" not in drawer.html
        assert "/runs/run?call=1.critique.b.a" in drawer.html
        assert focused == ["focus", "call"]
        assert await drawer.follow() == [], "nothing of it changed"
        assert drawer.shut() == [["html", "drawer", ""], ["focus", turn.box_id("1.answer.a")]]
        assert drawer.shut() == [["html", "drawer", ""]]

    asyncio.run(look())


def test_an_open_call_is_followed() -> None:
    """Drawn anew when its state is another; where the run is gone it is refused."""

    async def look() -> None:
        shelf, turn = RunShelf([RECORD]), a_turn()
        drawer = Drawer(shelf, None)  # type: ignore[arg-type]  # runs alone
        await drawer.open(turn, "1.answer.a")
        await turn.hear(HEARD)
        (anew,) = await drawer.follow()
        assert anew == ["html", "drawer", drawer.html]
        assert "done" in drawer.html
        shelf.records.clear()
        with pytest.raises(RefusedError):
            await drawer.open(turn, "1.answer.b")

    asyncio.run(look())
