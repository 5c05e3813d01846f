"""An answer as it comes: its text in, what the browser has to draw anew out."""

from __future__ import annotations

import asyncio

from markupsafe import Markup, escape

from attention_moa.ui.live import Live, LiveParts
from attention_moa.ui.ops import Op

_MOST_AT_ONCE = 4_000
"""Most characters that are made into HTML while others wait: 30 ms of the densest Markdown, and a few of most."""


class AnswerText:
    """The text of an answer, as Markdown.

    Args:
        at: The id of the element that holds it.
    """

    def __init__(self, at: str) -> None:
        """Start empty."""
        self.text: str = ""
        self._at = at
        self._begin()

    def _begin(self) -> None:
        """Begin anew, as after a text that does not stand."""
        self._live = Live()
        self._is_over = False
        self._is_anew = True
        self._done: list[Markup] = []
        self._open = Markup("")
        self._more = ""
        self._untold: list[LiveParts] = []

    def set(self, text: str, *, is_over: bool = False) -> None:
        """Have this text and no other.

        Args:
            text: All of it so far.
            is_over: Whether nothing follows.
        """
        if self._is_over and text == self.text:
            return
        if self._is_over or not text.startswith(self.text):
            self.text = ""
            self._begin()
        if len(text) > len(self.text):
            self._take(self._live.hear(text[len(self.text) :]))
        self.text = text
        if is_over:
            self._take(self._live.finish())
            self._is_over = True

    async def follow(self, text: str, *, is_over: bool = False) -> None:
        """Do what ``set`` does, in a thread where much is new: nothing else may be done with the answer meanwhile.

        Args:
            text: All of it so far.
            is_over: Whether nothing follows.
        """
        known = 0 if self._is_over or not text.startswith(self.text) else len(self.text)
        if len(text) - known > _MOST_AT_ONCE:
            await asyncio.to_thread(self.set, text, is_over=is_over)
        else:
            self.set(text, is_over=is_over)

    def _take(self, parts: LiveParts) -> None:
        self._done += parts.finished
        if parts.open_html is not None:
            self._open, self._more = parts.open_html, ""
        self._more += parts.more
        self._untold.append(parts)

    def html(self) -> Markup:
        """Return the whole as it is now; nothing of it is told again."""
        self._is_anew = not self.text  # then there is nothing yet that could be added to
        self._untold.clear()
        if not self.text:
            return Markup("")
        open_part = Markup('<div class="open" id="{}-open">{}{}</div>').format(self._at, self._open, escape(self._more))
        return Markup('<div class="t-text" dir="auto">{}{}</div>').format(Markup("").join(self._done), open_part)

    def changes(self) -> list[Op]:
        """Return what has to be drawn anew since the last time."""
        if self._is_anew:
            return [["html", self._at, self.html()]]
        ops: list[Op] = []
        for parts in self._untold:
            if parts.finished:
                ops.append(["before", f"{self._at}-open", Markup("").join(parts.finished)])
            if parts.open_html is not None:
                ops.append(["html", f"{self._at}-open", parts.open_html])
            if parts.more:
                ops.append(["add", f"{self._at}-open", parts.more])
        self._untold.clear()
        return ops
