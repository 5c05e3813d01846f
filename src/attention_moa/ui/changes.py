"""What of a run has to be drawn anew after an event, so that the page sends only that. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

T = TypeVar("T")

_NO_CALLS: frozenset[str] = frozenset()
_NONE: frozenset[int] = frozenset()


class Changed(Struct, frozen=True, kw_only=True):
    """What changed; false where nothing did.

    Args:
        calls: The calls, by name.
        layers: The layers, by number.
        answers: The answers, by choice.
        has_numbers: Whether counts, tokens or money did.
        has_notices: Whether there is a notice or a note more.
        has_run: Whether the run as a whole did: it began, goes on, or is over.
        has_graph: Whether there is a call that nobody planned: the graph has a box more.
    """

    calls: frozenset[str] = _NO_CALLS
    layers: frozenset[int] = _NONE
    answers: frozenset[int] = _NONE
    has_numbers: bool = False
    has_notices: bool = False
    has_run: bool = False
    has_graph: bool = False

    def __bool__(self) -> bool:
        """Return whether anything changed."""
        return self != NOTHING


NOTHING = Changed()
"""Nothing is to be drawn anew."""


def together(changes: Iterable[Changed]) -> Changed:
    """Return what changed in all of several steps, in a time that grows with what changed and no faster."""
    found = [change for change in changes if change]
    return Changed(
        calls=_joined(change.calls for change in found),
        layers=_joined(change.layers for change in found),
        answers=_joined(change.answers for change in found),
        has_numbers=any(change.has_numbers for change in found),
        has_notices=any(change.has_notices for change in found),
        has_run=any(change.has_run for change in found),
        has_graph=any(change.has_graph for change in found),
    )


def _joined(sets: Iterable[frozenset[T]]) -> frozenset[T]:
    return frozenset[T]().union(*sets)
