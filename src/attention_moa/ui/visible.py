"""Text whose every character can be seen: what is invisible, acts, or turns the direction is shown as a sign. Pure.

A sign stands in double brackets, ``⟦RLO⟧``, so that a text cannot make what stands beside it read otherwise, and
nothing can be hidden in it: where letters were smuggled in as invisible tags, the sign says which. Joiners within the
scripts and the emoji that need them, and the selectors that choose between the forms of a character, are left alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

_NAMES = {
    "\u00ad": "SHY",
    "\u061c": "ALM",
    "\u200b": "ZWSP",
    "\u200c": "ZWNJ",
    "\u200d": "ZWJ",
    "\u200e": "LRM",
    "\u200f": "RLM",
    "\u2028": "LS",
    "\u2029": "PS",
    "\u202a": "LRE",
    "\u202b": "RLE",
    "\u202c": "PDF",
    "\u202d": "LRO",
    "\u202e": "RLO",
    "\u2060": "WJ",
    "\u2066": "LRI",
    "\u2067": "RLI",
    "\u2068": "FSI",
    "\u2069": "PDI",
    "\ufeff": "BOM",
}
_MOST_NAMED = 3
_MOST_TAGS = 200
_MOST_MARKS = 8

# Where a joiner joins: Arabic and its kin, the scripts of India, Burmese, Khmer, Mongolian, and emoji.
_JOINED = r"[\u0620-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18af\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"
_KEPT = (
    rf"(?<={_JOINED})[\u200c\u200d](?={_JOINED})"
    r"|(?<=[#*0-9\u00a9\u00ae\u203c\u2049\u2122-\u3299\U0001f000-\U0001faff])[\ufe0e\ufe0f]"
    r"|(?<=[\u3400-\u9fff\U00020000-\U0003ffff])[\ufe00-\ufe02\U000e0100-\U000e01ef]"
    r"|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
)
_UNSEEN = (
    r"[\x80-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    r"\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_SUSPECT = re.compile(
    rf"(?P<kept>{_KEPT})|(?P<unseen>{_UNSEEN}+)|(?P<control>[\x00-\x08\x0b-\x1f\x7f])"
    rf"|(?P<most>{_MARK}{{{_MOST_MARKS}}})(?P<marks>{_MARK}+)"
)


def visible(text: str) -> str:
    """Return a text with signs in the place of what could not be seen; plain text, not HTML.

    Args:
        text: Any text; line feeds and tabs are left.
    """
    return _SUSPECT.sub(lambda found: _seen(found, "⟦{}⟧".format), text)


def shown(text: str) -> str:
    """Return a text as HTML that shows it: escaped, with signs that stand apart.

    Args:
        text: Any text.
    """
    return _SUSPECT.sub(lambda found: _seen(found, _marked), html.escape(text, quote=False))


def attribute(text: str) -> str:
    """Return a text as the value of an HTML attribute, for double quotes."""
    return html.escape(visible(text))


def _marked(sign: str) -> str:
    return f'<bdi class="t-sign">⟦{html.escape(sign, quote=False)}⟧</bdi>'


def _seen(found: re.Match[str], sign: Callable[[str], str]) -> str:
    if found["kept"]:
        return found["kept"]
    if found["unseen"]:
        return sign(_name(found["unseen"]))
    if found["marks"]:
        return found["most"] + sign(f"{len(found['marks'])} more marks")
    return "\u2421" if found["control"] == "\x7f" else chr(0x2400 + ord(found["control"]))


def _name(unseen: str) -> str:
    """Return what some characters that cannot be seen are called; what letters they spell, where they do."""
    tags = "".join(chr(ord(char) - 0xE0000) for char in unseen if "\U000e0020" <= char <= "\U000e007e")
    if tags:
        return f"invisible: {tags[:_MOST_TAGS]}{'…' if len(tags) > _MOST_TAGS else ''}"
    if len(unseen) > _MOST_NAMED:
        return f"{len(unseen)} invisible characters"
    return " ".join(_NAMES.get(char, f"U+{ord(char):04X}") for char in unseen)
