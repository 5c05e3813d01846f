"""Markdown of a text that is still coming: only its last block is made anew, and not with every word.

A block is finished when another one has begun on a whole line: what comes later cannot change it, but for the
definition of a link that it names. One that grows very long is finished in parts. So a page that has heard the whole
text shows ``markdown.to_html`` of it in the end.
"""

from __future__ import annotations

from collections import ChainMap
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup

from attention_moa.ui.markdown import MOST_CHARACTERS, plain, prepared, rendered
from attention_moa.ui.parsing import Room, parse
from attention_moa.ui.visible import visible

_FREE_CHARACTERS = 1_000
_MOST_OPEN = 16_000
_PART_ANEW = 8
_REPEATED_LINES = {"fence": 1, "table_open": 2}
_PLAIN_CHARACTERS = 10_000


class LiveParts(NamedTuple):
    """What has to be shown after another piece of a text.

    Args:
        finished: Blocks that will not change, to stand behind the finished ones of before; in order.
        open_html: What stands behind them instead of all that stood there; None where that stays.
        more: Words to stand behind that, as text and not as HTML; they are within the next ``open_html``.
    """

    finished: tuple[Markup, ...] = ()
    open_html: Markup | None = None
    more: str = ""


class Live:
    """A text that comes piece by piece, as HTML."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._room = Room()
        self._references: dict[str, Any] = {}
        self._characters = 0
        self._open = ""
        self._tail = ""
        self._held = ""

    def hear(self, piece: str) -> LiveParts:
        """Return what has to be shown after another piece.

        Args:
            piece: What came, of any length.
        """
        heard = self._held + piece
        self._held = "\r" if heard.endswith("\r") else ""  # the line feed that belongs to it may still come
        told = prepared(heard.removesuffix("\r"))
        was_plain = self._is_plain
        self._characters += len(told)
        if was_plain:
            return self._plainly(told)
        self._tail += told
        if self._is_plain:  # from here on
            return self._finished()
        if len(self._open) > _FREE_CHARACTERS and len(self._tail) * _PART_ANEW < len(self._open):
            return LiveParts(more=visible(told))
        return self._made_anew()

    def finish(self) -> LiveParts:
        """Return what has to be shown when the text is whole: all of it is finished."""
        told, self._held = prepared(self._held), ""
        if not self._is_plain:
            self._tail += told
            return self._finished()
        last = (plain(self._tail + told),) if self._tail + told else ()
        left = self._characters - 2 * MOST_CHARACTERS
        note = (
            (Markup('<p class="t-note">{} more characters are not shown.</p>').format(f"{left:,}"),) if left > 0 else ()
        )
        self._tail = ""
        return LiveParts(last + note, Markup())

    @property
    def _is_plain(self) -> bool:
        """Whether the text is too long to be shown as Markdown."""
        return self._characters > MOST_CHARACTERS

    def _plainly(self, told: str) -> LiveParts:
        """Return what is shown of a text that is too long for Markdown: its words in large pieces, up to an end."""
        told = told if self._characters <= 2 * MOST_CHARACTERS else ""
        self._tail += told
        if len(self._tail) < _PLAIN_CHARACTERS:
            return LiveParts(more=visible(told))
        block, self._tail = plain(self._tail), ""
        return LiveParts((block,), Markup())

    def _finished(self) -> LiveParts:
        """Return all that has come as finished."""
        text, self._open, self._tail = self._open + self._tail, "", ""
        return LiveParts((rendered(text, self._room, parse(text, self._room, self._references)),), Markup())

    def _made_anew(self) -> LiveParts:
        """Return the blocks that another one follows as finished, and the last one as it is so far."""
        text, self._tail = self._open + self._tail, ""
        cut, again = self._cut(text)
        finished, self._open = text[:cut], again + text[cut:]
        done = (rendered(finished, self._room, parse(finished, self._room, self._references)),) if cut else ()
        room, references = self._try()
        return LiveParts(done, rendered(self._open, room, parse(self._open, room, references, is_open=True)))

    def _cut(self, text: str) -> tuple[int, str]:
        """Return where the last block begins, of those that have a whole line, and what its rest needs to begin with.

        A formula that has not ended yet may turn out to be none, and part of the paragraph before it. Of a block that
        is too long only the last line is left: that of code and of a table goes on as such.
        """
        room, references = self._try()
        tokens = parse(text[: text.rfind("\n") + 1], room, references, is_open=True)
        blocks = [token for token in tokens if token.level == 0 and token.map]
        if len(blocks) > 1 and blocks[-1].meta.get("is_open"):
            blocks.pop()
        first_line = max((token.map[0] for token in blocks if token.map), default=0)
        cut = _place(text, first_line)
        if len(text) - cut <= _MOST_OPEN:
            return cut, ""
        repeated = _REPEATED_LINES.get(blocks[-1].type, 0) if blocks else 0
        last = text.rfind("\n", cut, -1)
        return (last if last >= 0 else text.rfind(" ", cut)) + 1 or len(text), text[
            cut : _place(text, first_line + repeated)
        ]

    def _try(self) -> tuple[Room, ChainMap[str, Any]]:
        """Return the room that is left and the definitions so far, both for something that is made anew later."""
        return msgspec.structs.replace(self._room), ChainMap({}, self._references)


def _place(text: str, line: int) -> int:
    """Return where a line of a text begins."""
    place = 0
    for _ in range(line):
        place = text.index("\n", place) + 1
    return place
