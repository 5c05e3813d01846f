"""A page of the time and the money of a run under way: what it shows, drawn anew as the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from markupsafe import Markup
from msgspec.structs import replace

from attention_moa.prices import known_price
from attention_moa.records import RunRecord
from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.following import Following
from attention_moa.ui.pages.money_parts import money_parts, money_rows
from attention_moa.ui.ports import Heard, Outside, Standing
from attention_moa.ui.story import RunStory
from attention_moa.ui.tasks import Tasks
from attention_moa.ui.timeline import timeline_of_record, timeline_of_story
from attention_moa.usefulness import usefulness

_PAUSE_S = 1.0
"""Least seconds between two times that it is drawn: bars grow all the time."""


class MoneyScreen(Following):
    """A page that is open in some browser.

    Args:
        outside: The world outside.
        key: The visitor's; None where there are none. It is held here and nowhere else.
        tasks: Holds what goes on while the page is open.
        address: The page's when the run is over.
    """

    def __init__(self, outside: Outside, key: str | None, tasks: Tasks, address: str) -> None:
        """Start with an empty page."""
        super().__init__(outside, key, tasks, pause_s=_PAUSE_S)
        self._address = address
        self._standing: Standing
        self._story: RunStory
        self._parts: dict[str, Markup] = {}
        self._rows: dict[str, Markup] = {}
        self._numbers: dict[str, int] = {}
        self._heard_s = 0.0

    async def open(self, run_id: str) -> bool:
        """Look the run up; return whether it is under way, else there is nothing to show here.

        Args:
            run_id: It.

        Raises:
            RefusedError: It is not there, or not the visitor's.
        """
        self._visitor = await self._outside.enter(self._key)
        self._run_id = run_id
        self._standing = standing = await self._outside.standing(self._key, run_id)
        record = standing.record
        self._story = RunStory(record.ensemble, choices=record.wanted.choices, price_of=known_price)
        if standing.is_under_way:
            async with aclosing(self._outside.watch(self._key, run_id)) as batches:
                self._story.hear_all(await anext(batches, ()))
            self._heard_s = asyncio.get_running_loop().time()
            self._parts, self._rows = await asyncio.to_thread(self._drawn, self._story)
        return standing.is_under_way

    def html(self) -> Markup:
        """Return the page as it is now."""
        body = render("money.html", parts=self._parts, rows=self._rows, is_under_way=True, address=self._address)
        return render("money-page.html", body=body, files=Files.address, visitor=self._visitor)

    async def _follow(self) -> None:
        """Draw it anew as the run goes on; at its end with what is known only then."""
        await self._hear_all(self._hear, after=self._story.heard)
        await self._end()

    async def _hear(self, batch: Sequence[Heard]) -> bool:
        """Take in what happened and send what changed by it; time goes on where nothing happened too."""
        heard_s = asyncio.get_running_loop().time()
        self._story.hear_all(batch)
        if batch:
            self._heard_s = heard_s
        now = self._story.copy()
        now.head = replace(now.head, now_s=now.head.now_s + heard_s - self._heard_s)
        self._tell(*await asyncio.to_thread(self._drawn, now))
        return True

    async def _end(self) -> None:
        """Show the run as it is over."""
        self._standing = standing = await self._outside.standing(self._key, self._run_id)
        if not standing.is_under_way:
            self._tell(*await asyncio.to_thread(self._drawn, standing.record))
            self._send([["html", "money-live", ""], ["place", self._address]])

    def _drawn(self, run: RunStory | RunRecord) -> tuple[dict[str, Markup], dict[str, Markup]]:
        """Return the parts of the page, and the rows of its calls."""
        if isinstance(run, RunStory):
            timeline = timeline_of_story(run)
            return money_parts(self._standing, run, timeline), money_rows(timeline, self._numbers)
        timeline = timeline_of_record(run)
        return money_parts(self._standing, run, timeline, usefulness(run)), money_rows(timeline, self._numbers)

    def _tell(self, parts: dict[str, Markup], rows: dict[str, Markup]) -> None:
        """Send the parts and the rows that read otherwise than before."""
        ops: list[Op] = []
        ops.extend(["html", name, html] for name, html in parts.items() if self._parts.get(name) != html)
        ops.extend(["put", "money-calls", name, html] for name, html in rows.items() if self._rows.get(name) != html)
        ops.extend(["drop", name] for name in self._rows if name not in rows)
        self._parts, self._rows = parts, rows
        self._send(ops)
