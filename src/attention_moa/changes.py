"""How one text became another: what was deleted, inserted and moved, phrase by phrase. Pure.

What both texts have is found first (``alignment.py``); what lies between is cut at the ends of sentences, so that each
change can have a cause of its own, and what is only elsewhere in the other text is told from what is new.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.alignment import Gap, Side, Sides, gaps_between, kept_stretches
from attention_moa.blocks import Block
from attention_moa.words import Span, Word

_LEAST_MOVED = 3


class Change(Struct, frozen=True):
    """What was written otherwise at one place.

    Args:
        before: Where that is in the old text; empty for an insertion.
        after: Where it is in the new text; empty for a deletion.
        deleted: How many words of the old text are gone here.
        inserted: How many words are new here.
        is_move: Whether the very same words are elsewhere in the other text: then they are deleted in one change and
            inserted in another.
    """

    before: Span
    after: Span
    deleted: int
    inserted: int
    is_move: bool = False

    @property
    def size(self) -> int:
        """How many words it counts for: what was moved counts once, where it came to; marks count nothing."""
        return self.inserted if self.is_move else self.deleted + self.inserted


class Edit(NamedTuple):
    """A change, and the places of its words among those of both texts."""

    change: Change
    deleted: range
    inserted: range


class Difference(NamedTuple):
    """Two texts laid over each other, by the places of their words.

    Args:
        before: The words of the old text.
        after: Those of the new text.
        kept: The stretches that both have, in order.
        moved: The stretches that both have, at different places.
        edits: The changes, in the order of both texts.
    """

    before: tuple[Word, ...]
    after: tuple[Word, ...]
    kept: tuple[Block, ...]
    moved: tuple[Block, ...]
    edits: tuple[Edit, ...]


def changes(before: str, after: str) -> tuple[Change, ...]:
    """Return what was changed from one text to another, in the order of both.

    The spans tell both texts: between two changes each text has the same words and marks, apart from white space,
    letter case and width. Two changes with a word or two between them are one where both are longer than that: so they
    are phrases. None reaches beyond a sentence or a line.

    Args:
        before: The old text.
        after: The new text.
    """
    return tuple(edit.change for edit in compare_texts(before, after).edits)


def compare_texts(before: str, after: str) -> Difference:
    """Return two texts laid over each other.

    Args:
        before: The old text.
        after: The new text.
    """
    sides = old, new = Sides(Side(before), Side(after))
    kept = list(kept_stretches(sides))
    edits = [_edit(sides, gap) for gap in _cut(list(gaps_between(kept, sides)), sides)]
    moved = tuple(_mark_moves(edits, sides))
    by_word = (
        Block(old.word_at[block.before], new.word_at[block.after], old.words_in(block.before, block.length))
        for block in kept
    )
    return Difference(old.words, new.words, tuple(by_word), moved, tuple(edits))


def _cut(gaps: Sequence[Gap], sides: Sides) -> Iterator[Gap]:
    """Yield what lies between kept stretches sentence by sentence.

    Sentences that are elsewhere in the other text stand alone. Of the rest, as many as there were take the place of
    those; else what goes on with a sentence that was begun takes the place of what went on with it, and the others are
    deleted and inserted.
    """
    pieces = [(gap, sides.old.pieces(gap.before), sides.new.pieces(gap.after)) for gap in gaps]
    gone = {_keys(sides.old, piece) for _, found, _ in pieces for piece in found}
    come = {_keys(sides.new, piece) for _, _, found in pieces for piece in found}
    elsewhere = {keys for keys in gone & come if len(keys) >= _LEAST_MOVED}
    for gap, of_old, of_new in pieces:
        rest = [piece for piece in of_old if _keys(sides.old, piece) not in elsewhere]
        new_rest = [piece for piece in of_new if _keys(sides.new, piece) not in elsewhere]
        if len(rest) == len(new_rest):
            pairs = list(map(Gap, rest, new_rest))
        elif rest and new_rest and sides.old.is_inside(rest[0].start) and sides.new.is_inside(new_rest[0].start):
            pairs = [Gap(rest[0], new_rest[0])]
        else:
            pairs = []
        yield from _in_order(gap, of_old, of_new, pairs)


def _in_order(gap: Gap, of_old: Iterable[range], of_new: Iterable[range], pairs: Sequence[Gap]) -> Iterator[Gap]:
    """Yield pairs of pieces, and before each, and behind them all, the pieces that are in no pair, each by itself."""
    gone, come = deque(of_old), deque(of_new)
    for pair in (*pairs, Gap(range(gap.before.stop, gap.before.stop), range(gap.after.stop, gap.after.stop))):
        while gone and gone[0].start < pair.before.start:
            piece = gone.popleft()
            at = come[0].start if come else gap.after.stop
            yield Gap(piece, range(at, at))
        while come and come[0].start < pair.after.start:
            yield Gap(range(pair.before.start, pair.before.start), come.popleft())
        if pair.before:
            yield pair
            gone.popleft()
            come.popleft()


def _edit(sides: Sides, gap: Gap) -> Edit:
    deleted, inserted = sides.old.word_places(gap.before), sides.new.word_places(gap.after)
    change = Change(sides.old.span(gap.before), sides.new.span(gap.after), len(deleted), len(inserted))
    return Edit(change, deleted, inserted)


def _mark_moves(edits: list[Edit], sides: Sides) -> Iterator[Block]:
    """Mark what was only moved; yield these stretches, by the places of their words."""
    gone: dict[tuple[str, ...], list[int]] = {}
    for place, edit in enumerate(edits):
        if not edit.inserted and len(edit.deleted) >= _LEAST_MOVED:
            gone.setdefault(_said(sides.old, edit.deleted), []).append(place)
    for place, edit in enumerate(edits):
        came_from = None if edit.deleted else gone.get(_said(sides.new, edit.inserted))
        if came_from:
            other = came_from.pop(0)
            edits[place] = edit._replace(change=replace(edit.change, is_move=True))
            edits[other] = edits[other]._replace(change=replace(edits[other].change, is_move=True))
            yield Block(edits[other].deleted.start, edit.inserted.start, len(edit.inserted))


def _keys(side: Side, piece: range) -> tuple[str, ...]:
    """Return the words of a piece."""
    return _said(side, side.word_places(piece))


def _said(side: Side, places: range) -> tuple[str, ...]:
    return tuple(word.key for word in side.words[places.start : places.stop])
