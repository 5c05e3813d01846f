"""How far runs are, as every page says it: a sign and a word, never a colour alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.records import RunState

ShownState: TypeAlias = RunState | Literal["elsewhere"]
"""``elsewhere``: another server is at it, so that nothing of it is heard here."""


class ToldState(NamedTuple):
    """What stands on a page.

    Args:
        sign: One character.
        word: The same in words.
    """

    sign: str
    word: str


NOT_BEGUN = ToldState("◌", "not begun")
TOLD: Mapping[ShownState, ToldState] = {
    "running": ToldState("◔", "under way"),
    "elsewhere": ToldState("◔", "under way in another server"),
    "finished": ToldState("●", "finished"),
    "failed": ToldState("✕", "no answer"),
    "cancelled": ToldState("⊘", "cancelled"),
    "interrupted": ToldState("⊖", "interrupted"),
}
"""How far a run may be."""

MAY_RESUME: frozenset[ShownState] = frozenset({"failed", "cancelled", "interrupted"})
"""What came to no answer, and goes on where it is made to."""


def told_state(state: ShownState | None) -> ToldState:
    """Return how far a run is, in a sign and a word.

    Args:
        state: None before its first event.
    """
    return NOT_BEGUN if state is None else TOLD[state]


def shown_state(state: RunState, *, is_here: bool) -> ShownState:
    """Return how far a run is, seen from this server.

    Args:
        state: As its record says it; one that nobody is at is ``interrupted`` there.
        is_here: Whether this server is at it.
    """
    return "elsewhere" if state == "running" and not is_here else state
