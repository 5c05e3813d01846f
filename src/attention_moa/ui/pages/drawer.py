"""The drawer of a page: one call of a run, opened beside the rest, for as long as somebody reads it."""

from __future__ import annotations

import asyncio

from markupsafe import Markup

from attention_moa.ui.call_story import CallStory
from attention_moa.ui.components.call_panel import call_panel
from attention_moa.ui.ops import Op
from attention_moa.ui.pages.turn import Turn
from attention_moa.ui.ports import Outside
from attention_moa.ui.visible import visible


class Drawer:
    """The drawer; shut at first.

    Args:
        outside: The world outside: asked for the texts each time, with the visitor's key.
        key: The visitor's.
    """

    def __init__(self, outside: Outside, key: str | None) -> None:
        """Begin shut."""
        self.html = Markup("")
        self._outside = outside
        self._key = key
        self._turn: Turn | None = None
        self._call: CallStory | None = None

    async def open(self, turn: Turn, call_id: str) -> list[Op]:
        """Return what shows a call, and has the keyboard in it; nothing where the run has no such call.

        Args:
            turn: Of the run.
            call_id: The call, as somebody's browser names it.

        Raises:
            RefusedError: The run is not there any more, or not for this key.
        """
        call = None if turn.story is None else turn.story.calls.get(call_id)
        if call is None:
            return []
        await self._fill(turn, call)
        return [["html", "drawer", self.html], ["focus", "call"]]

    async def follow(self) -> list[Op]:
        """Return what has to be drawn anew of the call that is open."""
        turn, before = self._turn, self._call
        if turn is None or turn.story is None or before is None:
            return []
        call = turn.story.calls[before.call_id]
        if call is before:
            return []
        if call.state is before.state and call.words and before.words:
            self._call = call
            return [] if call.words == before.words else [["text", "call-words", visible(call.words)]]
        await self._fill(turn, call)
        return [["html", "drawer", self.html]]

    def shut(self) -> list[Op]:
        """Return what shuts it; the keyboard goes back to where it came from."""
        turn, call = self._turn, self._call
        self.html, self._turn, self._call = Markup(""), None, None
        back: list[Op] = [["focus", turn.box_id(call.call_id)]] if turn is not None and call is not None else []
        return [["html", "drawer", self.html], *back]

    async def _fill(self, turn: Turn, call: CallStory) -> None:
        standing = await self._outside.standing(self._key, turn.run_id)
        record = next((one for one in standing.record.calls if one.call_id == call.call_id), None)
        story = turn.story
        if story is None:
            return
        # A reply may be long, and all of it is made into HTML.
        self.html = await asyncio.to_thread(
            call_panel, story.copy(), call.call_id, record, turn=turn.id, run_id=turn.run_id
        )
        self._turn, self._call = turn, call
