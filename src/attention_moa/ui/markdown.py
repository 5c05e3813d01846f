"""Markdown of models, users and documents as HTML that does nothing: no script, no image, no style of its own.

``parsing.py`` makes tokens of a text and ``writer.py`` HTML of the tokens, every text in it escaped and every character
visible (``visible.py``); ``safe_html.py`` then lets pass only what is on its list. A text that is too long, or that
would make far more HTML than it has letters, is shown as plain text. ``live.py`` does it for a text that still comes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from markdown_it.token import Token
from markupsafe import Markup

from attention_moa.ui.parsing import Room, parse
from attention_moa.ui.safe_html import clean
from attention_moa.ui.visible import shown, visible
from attention_moa.ui.writer import html_of

MOST_CHARACTERS = 200_000
"""The longest text that is shown as Markdown; as much again is shown plainly."""
_LEAST_BEFORE_CUT = MOST_CHARACTERS // 2
_MOST_HTML = 200_000
_MOST_GROWTH = 5
_SURROGATES = re.compile("[\ud800-\udfff]")


def to_html(text: str) -> Markup:
    """Return a text as HTML that is safe to stand in a page.

    Args:
        text: Markdown, of anybody.
    """
    told = prepared(text)
    if len(told) <= MOST_CHARACTERS:
        return rendered(told, Room())
    cut = _cut(told)
    return rendered(told[:cut], Room()) + plain(told[cut:], about="too long to be shown as Markdown from here on")


def prepared(text: str) -> str:
    """Return a text with line feeds alone, and without what is no character."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\u2400")
    return _SURROGATES.sub("\ufffd", lines)


def rendered(text: str, room: Room, tokens: Sequence[Token] | None = None) -> Markup:
    """Return a text, or as many of its tokens, as HTML; plain text where it would be far longer than the text.

    Args:
        text: As ``prepared`` returns it.
        room: What it may take.
        tokens: Its tokens; None to parse it.
    """
    most = _MOST_HTML + _MOST_GROWTH * len(text)
    made = html_of(parse(text, room) if tokens is None else tokens, room)
    cleaned = clean(made) if len(made) <= most else None
    if cleaned is None or len(cleaned) > most:  # links grow as they are cleaned
        return plain(text, about="its Markdown would take too much room")
    return cleaned


def plain(text: str, *, about: str = "") -> Markup:
    """Return a text as it was written, the beginning of one that is too long even for that.

    Args:
        text: Any text.
        about: Why it is shown so, before it; empty to say nothing.
    """
    left = len(text) - MOST_CHARACTERS
    before = f'<p class="t-note">{shown(about[:1].upper() + about[1:])}:</p>\n' if about else ""
    behind = f'<p class="t-note">{left:,} more characters are not shown.</p>\n' if left > 0 else ""
    block = '<pre class="t-plain" dir="auto" tabindex="0" role="group" aria-label="Text">'
    return clean(f"{before}{block}{html.escape(visible(text[:MOST_CHARACTERS]), quote=False)}</pre>\n{behind}")


def _cut(text: str) -> int:
    """Return where the part of a text ends that is shown as Markdown: between paragraphs, or lines, if it can be."""
    for end in ("\n\n", "\n"):
        found = text.rfind(end, _LEAST_BEFORE_CUT, MOST_CHARACTERS)
        if found >= 0:
            return found + len(end)
    return MOST_CHARACTERS
