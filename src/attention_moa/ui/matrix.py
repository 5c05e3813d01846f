"""The critiques of a layer folded into one box: rows critics, columns authors. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.messages import Stage
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.words import call_name

Move: TypeAlias = Literal["next", "previous", "up", "down"]
"""Where to go from a box, or from a cell of a matrix: along its line, or to the line above or below."""


class Matrix(Struct, frozen=True, kw_only=True):
    """The critiques of a layer, folded.

    Args:
        key: Of its box.
        layer: From 1.
        critics: The rows.
        authors: The columns.
        cells: The calls by critic and author; where nobody criticises there is none.
    """

    key: str
    layer: int
    critics: tuple[str, ...]
    authors: tuple[str, ...]
    cells: dict[tuple[str, str], str]

    def cell_name(self, cell: tuple[str, str]) -> str:
        """Return what a cell is called: ``layer 1, critique of bob by ada``."""
        return call_name(self.layer, Stage.CRITIQUE, *cell)

    def move(self, cell: tuple[str, str], move: Move) -> tuple[str, str]:
        """Return the cell beside one, empty places left out; the same one at the border."""
        critic, author = cell
        is_along = move in ("next", "previous")
        names = self.authors if is_along else self.critics
        place = names.index(author if is_along else critic)
        ahead = names[place + 1 :] if move in ("next", "down") else names[:place][::-1]
        found = ((critic, name) if is_along else (name, author) for name in ahead)
        return next((one for one in found if one in self.cells), cell)

    def told(self, calls: Mapping[str, CallStory]) -> str:
        """Return how far its critiques are, in words: ``critiques of layer 1: 870 done, 30 running``.

        Args:
            calls: The run's, by name.
        """
        states = Counter(calls[name].state if name in calls else State.WAITING for name in self.cells.values())
        counts = ", ".join(f"{states[state]} {state}" for state in State if states[state])
        return f"critiques of layer {self.layer}: {counts}"
