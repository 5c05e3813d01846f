"""A page inside a layer: what it shows, drawn anew as the layer goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from markupsafe import Markup

from attention_moa.events import (
    CallFinished,
    CallReplayed,
    Degraded,
    Event,
    LayerFinished,
    ResultLost,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.ui.components.layer_html import LayerHtml
from attention_moa.ui.components.layer_look import LayerLook
from attention_moa.ui.components.layer_measures import Measured, Measures, not_yet
from attention_moa.ui.components.layer_wish import Wish, title_of_layer, wish_of
from attention_moa.ui.files import Files
from attention_moa.ui.html import render
from attention_moa.ui.pages.following import Following
from attention_moa.ui.pages.run_head import run_head
from attention_moa.ui.ports import Heard, Outside, RefusedError, Standing
from attention_moa.ui.tasks import Tasks

_PATIENCE_S = 0.8
"""Seconds that the page waits for what is measured; what takes longer follows."""

_PAUSE_S = 0.4
"""Least seconds between two times that the layer is looked at: it is measured anew each time."""


class LayerScreen(Following):
    """A page that is open in some browser.

    Args:
        outside: The world outside.
        key: The visitor's; None where there are none. It is held here and nowhere else.
        tasks: Holds what goes on while the page is open.
        measures: What was measured lately.
        patience_s: Seconds that the page is not shown while its layer is being measured.
    """

    def __init__(
        self, outside: Outside, key: str | None, tasks: Tasks, measures: Measures, *, patience_s: float = _PATIENCE_S
    ) -> None:
        """Start with an empty page."""
        super().__init__(outside, key, tasks, pause_s=_PAUSE_S)
        self.title = ""
        self._patience_s = patience_s
        self._is_under_way = False
        self._is_measured = False
        self._measures = measures
        self._number = 0
        self._wish = Wish(kind="matrix")
        self._parts: dict[str, Markup] = {}

    async def open(self, run_id: str, number: int, fields: Sequence[tuple[str, str]]) -> None:
        """Look the layer up.

        Args:
            run_id: The run.
            number: The layer.
            fields: Of the address: what of the layer is to be seen.

        Raises:
            RefusedError: The run is not there, or it has no such layer, or nothing like that is in it.
        """
        self._visitor = await self._outside.enter(self._key)
        self._run_id, self._number = run_id, number
        standing = await self._outside.standing(self._key, run_id)
        look = _look(standing, number)
        if not (number in look.numbers or 1 <= number <= standing.record.ensemble.layers):
            raise RefusedError(f"This run has no layer {number}.", code="layer_not_found")
        wish = wish_of(look, fields)
        if wish is None:
            raise RefusedError("This layer has nothing like that.", code="layer_not_found")
        self._wish = wish
        self.title = title_of_layer(look, wish)
        self._is_under_way = look.is_under_way
        self._parts = await self._drawn(standing, look, await self._measured(look))

    @property
    def goes_on(self) -> bool:
        """Whether more of it is to come."""
        return self._is_under_way or not self._is_measured

    def html(self) -> Markup:
        """Return the page as it is now."""
        return render("layer-page.html", files=Files.address, visitor=self._visitor, parts=self._parts)

    async def _follow(self) -> None:
        """Draw the layer anew whenever something of it came."""
        if not self._is_measured:
            await self._redraw()
        if self._is_under_way:
            await self._hear_all(self._hear)
            await self._redraw()

    async def _hear(self, batch: Sequence[Heard]) -> bool:
        if not any(self._concerns(heard.event) for heard in batch):
            return False
        await self._redraw()
        return True

    def _concerns(self, event: Event) -> bool:
        """Return whether an event may change what the page shows."""
        match event:
            case CallFinished() | CallReplayed() | LayerFinished():
                return event.layer == self._number
            case ResultLost(loss=loss):
                return loss.layer == self._number
            case Degraded(degradation=less):
                return less.layer == self._number
            case VerdictReached(verdict=verdict):
                return verdict.layer == self._number
            case RunStarted() | RunFinished():
                return True
            case _:
                return False

    async def _redraw(self) -> None:
        standing = await self._outside.standing(self._key, self._run_id)
        look = _look(standing, self._number)
        parts = await self._drawn(standing, look, await self._measures.of(look))
        self._send([["html", name, html] for name, html in parts.items() if self._parts.get(name) != html])
        self._parts = parts

    async def _measured(self, look: LayerLook) -> Measured:
        """Return what is measured of the layer, or that it is being measured."""
        measuring = self._tasks.start(self._measures.begin(look))  # goes on where nobody waits for it: it is kept
        await asyncio.wait({measuring}, timeout=self._patience_s)
        return await self._measures.of(look) if measuring.done() else not_yet(look)

    async def _drawn(self, standing: Standing, look: LayerLook, measured: Measured) -> dict[str, Markup]:
        inside = await asyncio.to_thread(LayerHtml(look, measured, self._wish).parts)
        self._is_measured = measured.is_there
        return {"layer-run": run_head(standing, "layers"), **inside}


def _look(standing: Standing, number: int) -> LayerLook:
    return LayerLook(standing.record, number, is_under_way=standing.is_under_way)
