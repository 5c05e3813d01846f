"""What things on the page are called: calls, names, seconds. Plain text, to be escaped by whoever shows it. Pure.

Names come from files and from other people's runs: they are kept short, in one line, and in the direction of their own,
so that none can reorder or push away what stands beside it.
"""

from __future__ import annotations

import re

from attention_moa.messages import Stage
from attention_moa.reading import title_of

_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")
_ISOLATE, _END = "\u2068", "\u2069"
_NAME = 40
_LINE = 300
_LEAST_S, _WHOLE_S, _MINUTE_S = 0.05, 9.95, 60
_LEAST_SHARE = 0.005


def one_line(text: str, most: int = _LINE) -> str:
    """Return a text in one line, without characters that act in the place of showing.

    Args:
        text: Any text.
        most: Most characters; of a longer text the middle is left out.
    """
    line = " ".join(_UNSHOWN.sub(" ", text[: 4 * most] + text[-most:] if len(text) > 5 * most else text).split())
    if len(line) <= most:
        return line
    tail = (most - 1) // 3
    return f"{line[: most - 1 - tail]}…{line[len(line) - tail :]}"


def shown_name(name: str) -> str:
    """Return a name as it may stand within a sentence; one that is not plain ASCII keeps its direction to itself."""
    line = one_line(name, _NAME)
    return line if line.replace("…", "").isascii() else f"{_ISOLATE}{line}{_END}"


def call_name(layer: int, stage: Stage, agent: str, peer: str | None = None) -> str:
    """Return what a call is called: ``layer 1, critique of bob by ada``.

    Args:
        layer: From 1.
        stage: What for.
        agent: Who speaks.
        peer: The author, for a critique of one.
    """
    title = title_of(stage, shown_name(agent), None if peer is None else _peer_name(agent, peer))
    return f"layer {layer}, {title[0].lower()}{title[1:]}"


def _peer_name(agent: str, peer: str) -> str:
    """Return an author's name beside its critic's: equal only where both are the same."""
    name, other = shown_name(agent), shown_name(peer)
    return other if (name == other) == (agent == peer) else f"{other} (another)"


def seconds(count: float) -> str:
    """Return a time in words: ``0.4 s``, ``12 s``, ``3 min 5 s``; what is little but not nothing is ``<0.1 s``."""
    if count <= 0:
        return "0 s"
    if count < _LEAST_S:
        return "<0.1 s"
    if count < _WHOLE_S:
        return f"{count:.1f} s"
    whole = round(count)
    return f"{whole} s" if whole < 2 * _MINUTE_S else f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"


def percent(share: float) -> str:
    """Return a share in words, as the command line has it: ``42%``; what is little but not nothing ``less than 1%``."""
    return "less than 1%" if 0 < share < _LEAST_SHARE else f"{share:.0%}"
