"""Two texts laid over each other: what they share, and what lies between. Pure.

Sentences that both texts have are laid over each other first, then words and marks within what is left, so that two
long texts that hardly differ take no time. What has too much on both sides to be compared counts as replaced whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, zip_longest
from typing import NamedTuple

from attention_moa.blocks import Block, shared_blocks
from attention_moa.words import Span, sentence_of, sentences, tokens

_MOST_BETWEEN = 2.0


class Side:
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


class Sides(NamedTuple):
    """Both texts."""

    old: Side
    new: Side


class Gap(NamedTuple):
    """What lies between two stretches that are kept."""

    before: range
    after: range


def kept_stretches(sides: Sides) -> Iterator[Block]:
    """Yield the stretches that both texts have: equal sentences, and equal words and marks between them.

    Left out are one or two words that lie between longer changes: those are alike by chance.

    Args:
        sides: Both texts.

    Returns:
        Stretches of words and marks, in the order of both texts.
    """
    pieces = [side.pieces(range(len(side.parts))) for side in sides]
    keys = [[side.keys(piece) for piece in cut] for side, cut in zip(sides, pieces, strict=True)]
    equal: list[Block] = []
    for block in shared_blocks(*keys):
        first, last = pieces[0][block.before], pieces[0][block.before + block.length - 1]
        equal.append(Block(first.start, pieces[1][block.after].start, last.stop - first.start))
    for gap, behind in zip_longest(gaps_between(equal, sides, is_whole=True), equal):
        inner = shared_blocks(sides.old.keys(gap.before), sides.new.keys(gap.after))
        found = [Block(gap.before.start + one, gap.after.start + other, length) for one, other, length in inner]
        yield from _without_chance(found, gap, sides)
        if behind is not None:
            yield behind


def gaps_between(kept: Sequence[Block], sides: Sides, *, is_whole: bool = False) -> Iterator[Gap]:
    """Yield what lies before, between and behind stretches.

    Args:
        kept: The stretches, in order.
        sides: Both texts.
        is_whole: Whether those are yielded too in which there is nothing.
    """
    ends = Block(len(sides.old.parts), len(sides.new.parts), 0)
    start = (0, 0)
    for block in (*kept, ends):
        gap = Gap(range(start[0], block.before), range(start[1], block.after))
        if is_whole or gap.before or gap.after:
            yield gap
        start = block.before + block.length, block.after + block.length


def _without_chance(kept: Sequence[Block], within: Gap, sides: Sides) -> list[Block]:
    """Return stretches without those that are alike by chance."""
    start, end = Block(within.before.start, within.after.start, 0), Block(within.before.stop, within.after.stop, 0)
    found = [start]
    for block in (*kept, end):
        while len(found) > 1 and _is_chance(found[-2], found[-1], block, sides):
            found.pop()
        found.append(block)
    return found[1:-1]


def _is_chance(ahead: Block, block: Block, behind: Block, sides: Sides) -> bool:
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
