"""The keys of the keyboard, page by page, as they are told to whoever asks for them. Data.

What the scripts in ``static/`` listen to stands here, and what a browser does by itself where somebody may not think of
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Key(NamedTuple):
    """A key, or several pressed together or one as good as the other.

    Args:
        names: As they stand on a keyboard.
        what: What it does.
    """

    names: tuple[str, ...]
    what: str


_EVERYWHERE = (
    Key(("?",), "shows these keys; in a field it writes a question mark"),
    Key(("Esc",), "closes them"),
    Key(("Tab",), "goes on through the page, with Shift back; its first stop leads to the content"),
    Key(("Enter",), "follows a link, presses a button, folds and unfolds"),
)
_ARROWS = ("←", "↑", "→", "↓")
_BOXES = Key(_ARROWS, "go from box to box, and from square to square where critiques are folded")
_GRAPH = (
    _BOXES,
    Key(("Enter",), "on a box or a square opens its call"),
    Key(("Esc",), "closes the call, and goes back to its box"),
)

_OF: Mapping[str, tuple[str, tuple[Key, ...]]] = {
    "talk": (
        "Ask and watch",
        (Key(("Ctrl+Enter", "⌘+Enter"), "in the question, or in a field below it, asks"), *_GRAPH),
    ),
    "layer": (
        "Inside a layer",
        (
            Key(_ARROWS, "go from number to number of the matrix"),
            Key(("Enter",), "on a number opens its critique, on an agent its tab"),
            Key(("Esc",), "closes the critique that is open"),
        ),
    ),
    "replay": (
        "Replay",
        (
            Key(("←", "→"), "on the slider go a step back or on"),
            Key(("Page Up", "Page Down"), "on the slider go many steps at once"),
            Key(("Home", "End"), "on the slider go to the start or to the end"),
            _BOXES,
            Key(("Enter",), "on a box or a square opens its call, on the run's own page"),
        ),
    ),
    "ensemble": (
        "An ensemble",
        (
            Key(("Ctrl+Enter", "⌘+Enter"), "in the file saves and serves it, in the question tries it, simulated"),
            Key(("Enter",), "in a setting takes it over at once"),
        ),
    ),
    "runs": (
        "Runs",
        (
            Key(("Enter",), "in a field searches"),
            Key(("Space",), "ticks a run to compare"),
            Key(("Esc",), "folds ⋯ up"),
        ),
    ),
    "": ("", ()),
}

PAGES = tuple(_OF)
"""The pages that have keys of their own, and the empty name for all others."""


def keys_of(page: str) -> tuple[tuple[str, tuple[Key, ...]], ...]:
    """Return the keys of a page in groups, each with its name.

    Args:
        page: It; one that has no keys of its own has those of all.
    """
    own = _OF.get(page, _OF[""])
    return tuple(group for group in (own, ("Everywhere", _EVERYWHERE)) if group[1])
