"""What the newest layer came to, for somebody who waits for the answer."""

from __future__ import annotations

import asyncio

from markupsafe import Markup

from attention_moa.ui.html import render
from attention_moa.ui.markdown import to_html
from attention_moa.ui.story import RunStory

_MOST_AT_ONCE = 4_000
"""Most characters that are made into HTML while others wait."""


class SoFar:
    """The output of the newest layer that is over, as Markdown."""

    def __init__(self) -> None:
        """Start before the first layer is over."""
        self._layer = 0
        self._html = Markup("")

    async def follow(self, story: RunStory) -> None:
        """Take what the newest layer came to.

        Args:
            story: The run so far.
        """
        newest = max((one for one in story.layers.values() if one.output), key=lambda one: one.layer, default=None)
        if newest is None or newest.output is None or newest.layer == self._layer:
            return
        is_long = len(newest.output) > _MOST_AT_ONCE
        text = await asyncio.to_thread(to_html, newest.output) if is_long else to_html(newest.output)
        self._layer = newest.layer
        self._html = render("so-far.html", layer=newest.layer, layers=story.spec.layers, text=text)

    def html(self, *, is_wanted: bool) -> Markup:
        """Return it.

        Args:
            is_wanted: Whether there is nothing of the answer yet; else this is nothing.
        """
        return self._html if is_wanted else Markup("")
