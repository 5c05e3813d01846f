"""How one text became another: what was deleted, inserted and moved, phrase by phrase. Pure.

Sentences that both texts have are laid over each other first, then words and marks within what is left, so that two
long texts that hardly differ take no time. What has too much on both sides to be compared counts as replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, zip_longest
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.blocks import Block, shared_blocks
from attention_moa.words import Span, Word, sentence_of, sentences, tokens

_MOST_BETWEEN = 2.0
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
    sides = old, new = _Sides(_Side(before), _Side(after))
    kept = list(_kept(sides))
    edits = [_edit(sides, gap) for wide in _gaps(kept, sides) for gap in _cut(wide, sides)]
    moved = tuple(_mark_moves(edits, sides))
    by_word = (
        Block(old.word_at[block.before], new.word_at[block.after], old.words_in(block.before, block.length))
        for block in kept
    )
    return Difference(old.words, new.words, tuple(by_word), moved, tuple(edits))


class _Side:
    """One of the two texts: its words and marks, in which sentence each is, how many words come before each.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        """Take it apart."""
        self.parts = tokens(text)
        self.words = tuple(part for part in self.parts if part.weight)
        self.sentence = sentence_of(sentences(text), self.parts)
        self.word_at = list(accumulate((bool(part.weight) for part in self.parts), initial=0))
        self.weight_at = list(accumulate((part.weight for part in self.parts), initial=0.0))

    def words_in(self, start: int, length: int) -> int:
        """Return how many words a stretch of words and marks has."""
        return self.word_at[start + length] - self.word_at[start]

    def weight(self, places: range) -> float:
        """Return how many words a stretch stands for."""
        return self.weight_at[places.stop] - self.weight_at[places.start]

    def keys(self, places: range) -> tuple[str, ...]:
        """Return what makes the words and marks of a stretch equal to others."""
        return tuple(self.parts[place].key for place in places)

    def pieces(self, places: range) -> list[range]:
        """Return a stretch cut where its sentences end."""
        grouped = (list(group) for _, group in groupby(places, key=self.sentence.__getitem__))
        return [range(group[0], group[-1] + 1) for group in grouped]

    def is_inside(self, place: int) -> bool:
        """Return whether a word or mark goes on with a sentence."""
        return place > 0 and self.sentence[place - 1] == self.sentence[place]

    def span(self, places: range) -> Span:
        """Return which characters a stretch is; nothing, behind what comes before it, for an empty one."""
        if places:
            return Span(self.parts[places[0]].start, self.parts[places[-1]].end)
        end = self.parts[places.start - 1].end if places.start else 0
        return Span(end, end)

    def word_places(self, places: range) -> range:
        """Return the places of a stretch's words among all words."""
        return range(self.word_at[places.start], self.word_at[places.stop])


class _Sides(NamedTuple):
    """Both texts."""

    old: _Side
    new: _Side


class _Gap(NamedTuple):
    """What lies between two stretches that are kept."""

    before: range
    after: range


def _kept(sides: _Sides) -> Iterator[Block]:
    """Yield the stretches that both texts have: equal sentences, and equal words between them."""
    pieces = [side.pieces(range(len(side.parts))) for side in sides]
    keys = [[side.keys(piece) for piece in cut] for side, cut in zip(sides, pieces, strict=True)]
    equal: list[Block] = []
    for block in shared_blocks(*keys):
        first, last = pieces[0][block.before], pieces[0][block.before + block.length - 1]
        equal.append(Block(first.start, pieces[1][block.after].start, last.stop - first.start))
    for gap, behind in zip_longest(_gaps(equal, sides, is_whole=True), equal):
        inner = shared_blocks(sides.old.keys(gap.before), sides.new.keys(gap.after))
        found = [Block(gap.before.start + one, gap.after.start + other, length) for one, other, length in inner]
        yield from _without_chance(found, gap, sides)
        if behind is not None:
            yield behind


def _gaps(kept: Sequence[Block], sides: _Sides, *, is_whole: bool = False) -> Iterator[_Gap]:
    """Yield what lies before, between and behind stretches.

    Args:
        kept: The stretches.
        sides: Both texts.
        is_whole: Whether those are yielded too in which there is nothing.
    """
    ends = Block(len(sides.old.parts), len(sides.new.parts), 0)
    start = (0, 0)
    for block in (*kept, ends):
        gap = _Gap(range(start[0], block.before), range(start[1], block.after))
        if is_whole or gap.before or gap.after:
            yield gap
        start = block.before + block.length, block.after + block.length


def _without_chance(kept: Sequence[Block], within: _Gap, sides: _Sides) -> list[Block]:
    """Return stretches without the one or two words that lie between longer changes: they are alike by chance."""
    start, end = Block(within.before.start, within.after.start, 0), Block(within.before.stop, within.after.stop, 0)
    found = [start]
    for block in (*kept, end):
        while len(found) > 1 and _is_chance(found[-2], found[-1], block, sides):
            found.pop()
        found.append(block)
    return found[1:-1]


def _is_chance(ahead: Block, block: Block, behind: Block, sides: _Sides) -> bool:
    """Return whether a stretch is alike by chance, given the ones ahead of it and behind it."""
    weight = sides.old.weight(range(block.before, block.before + block.length))
    if weight > _MOST_BETWEEN:
        return False
    around = (
        max(
            sides.old.weight(range(one.before + one.length, other.before)),
            sides.new.weight(range(one.after + one.length, other.after)),
        )
        for one, other in ((ahead, block), (block, behind))
    )
    return all(weight < size for size in around)


def _cut(gap: _Gap, sides: _Sides) -> Iterator[_Gap]:
    """Yield what lies between two kept stretches sentence by sentence.

    As many sentences as there were take the place of those; else some are deleted, and others inserted. What goes on
    with a sentence that was begun takes the place of what went on with it.
    """
    gone, come = sides.old.pieces(gap.before), sides.new.pieces(gap.after)
    if len(gone) == len(come):
        yield from map(_Gap, gone, come)
        return
    if gone and come and sides.old.is_inside(gone[0].start) and sides.new.is_inside(come[0].start):
        yield _Gap(gone.pop(0), come.pop(0))
    at = range(come[0].start, come[0].start) if come else range(gap.after.stop, gap.after.stop)
    yield from (_Gap(piece, at) for piece in gone)
    yield from (_Gap(range(gap.before.stop, gap.before.stop), piece) for piece in come)


def _edit(sides: _Sides, gap: _Gap) -> Edit:
    deleted, inserted = sides.old.word_places(gap.before), sides.new.word_places(gap.after)
    change = Change(sides.old.span(gap.before), sides.new.span(gap.after), len(deleted), len(inserted))
    return Edit(change, deleted, inserted)


def _mark_moves(edits: list[Edit], sides: _Sides) -> Iterator[Block]:
    """Mark what was only moved; yield these stretches, by the places of their words."""
    gone: dict[tuple[str, ...], list[int]] = {}
    for place, edit in enumerate(edits):
        if not edit.inserted and len(edit.deleted) >= _LEAST_MOVED:
            gone.setdefault(_keys(sides.old, edit.deleted), []).append(place)
    for place, edit in enumerate(edits):
        came_from = None if edit.deleted else gone.get(_keys(sides.new, edit.inserted))
        if came_from:
            other = came_from.pop(0)
            edits[place] = edit._replace(change=replace(edit.change, is_move=True))
            edits[other] = edits[other]._replace(change=replace(edits[other].change, is_move=True))
            yield Block(edits[other].deleted.start, edit.inserted.start, len(edit.inserted))


def _keys(side: _Side, places: range) -> tuple[str, ...]:
    return tuple(word.key for word in side.words[places.start : places.stop])
