"""Whether words of a text come from another text: by the runs of words that both have. Pure.

A run counts where it says something that was not there before: it has a word that is new and is no plain one such as
``the``, or is a new combination of words that stand for three or more. The longer it is, the more it weighs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from attention_moa.words import Word

LONGEST_RUN = 8
"""Words; what is longer counts as several."""
_LEAST_KNOWN = 3.0
_LITTLE = 0.2
"""What a word weighs that says little: a plain one, or one that was there before."""


class Hit(NamedTuple):
    """Where a word is in another text.

    Args:
        weight: How many words the run stands for that has it in both texts, at most ``LONGEST_RUN``.
        place: Its place among the words of the other text.
        run: The places of that run.
    """

    weight: float
    place: int
    run: range


class _Runs:
    """The runs of words that begin at some places of a text, up to the longest that count.

    Args:
        keys: The text's words.
        places: Where runs begin; they end before a word that is at none of these places.
    """

    def __init__(self, keys: Sequence[str], places: Sequence[int]) -> None:
        """Make a tree of them."""
        self._firsts: dict[str, int] = {}
        self._nodes: dict[tuple[int, str], int] = {}
        self.of: dict[int, list[int]] = {}
        wanted = {keys[place] for place in places}
        for start in places:
            node = self._firsts.setdefault(keys[start], len(self._firsts) + len(self._nodes))
            path = self.of[start] = [node]
            for key in keys[start + 1 : start + LONGEST_RUN]:
                if key not in wanted:
                    break
                node = self._nodes.setdefault((node, key), len(self._firsts) + len(self._nodes))
                path.append(node)

    def found(self, keys: Sequence[str]) -> dict[int, int]:
        """Return which of them another text has, and where each first begins there.

        Args:
            keys: The other text's words.

        Returns:
            Of a run, all its beginnings too.
        """
        firsts, nodes = self._firsts, self._nodes
        found: dict[int, int] = {}
        for start, first in enumerate(keys):
            node = firsts.get(first)
            if node is None:
                continue
            if node not in found:
                found[node] = start
            for key in keys[start + 1 : start + LONGEST_RUN]:
                node = nodes.get((node, key))
                if node is None:
                    break
                if node not in found:
                    found[node] = start
        return found


class Ground:
    """Words of a text that may come from others, and what counts as evidence of it.

    Args:
        words: The text.
        places: The words in question, in order.
        known: What was there before: runs of words that it has are no evidence.
        common: Words that are none by themselves.
    """

    def __init__(
        self,
        words: Sequence[Word],
        places: Iterable[int],
        *,
        known: Sequence[Word] = (),
        common: Collection[str] = (),
    ) -> None:
        """Find out what would be new."""
        self._keys = [word.key for word in words]
        self._weights = [word.weight for word in words]
        self._asked = bytearray(len(words))
        near_places = bytearray(len(words))
        for place in places:
            self._asked[place] = 1
            first, last = max(0, place - LONGEST_RUN + 1), min(len(words), place + LONGEST_RUN)
            near_places[first:last] = b"\1" * (last - first)
        near = [place for place, is_near in enumerate(near_places) if is_near]
        self._runs = _Runs(self._keys, near)
        before = self._runs.found([word.key for word in known])
        self._known = {place: _reached(path, before, 0) for place, path in self._runs.of.items()}
        self._is_new = bytearray(len(words))
        for place in near:
            self._mark_new(place)
        says = [not word.is_plain for word in words]
        self._is_new = bytearray(
            new and say and word.key not in common for new, say, word in zip(self._is_new, says, words, strict=True)
        )
        self._sum_weights = list(accumulate(self._weights, initial=0.0))
        self._sum_saying = self._sums(says)
        self._sum_new = self._sums(self._is_new)
        self._least = {place: self._least_run(place) for place in near}
        self._says: dict[int, list[int]] = {}
        for place, least in self._least.items():
            if least:
                self._says.setdefault(self._runs.of[place][least - 1], []).append(place)

    def _sums(self, which: Iterable[object]) -> list[float]:
        counted = (weight if is_one else 0.0 for weight, is_one in zip(self._weights, which, strict=True))
        return list(accumulate(counted, initial=0.0))

    def _mark_new(self, place: int) -> None:
        """Mark a word that was not there before; of a script without spaces, the characters that make one together."""
        end = place + self._known[place] + 1
        if end <= len(self._keys) and sum(self._weights[place:end]) <= 1.0:
            self._is_new[place:end] = b"\1" * (end - place)

    def weight(self, place: int) -> float:
        """Return what a word in question weighs: what is new counts, a plain or known word hardly."""
        return self._weights[place] * (1.0 if self._is_new[place] else _LITTLE)

    def hits(self, words: Sequence[Word]) -> Mapping[int, Hit]:
        """Return the words in question that another text has, each with the longest run that has it; by place.

        Args:
            words: The other text.
        """
        had = self._runs.found([word.key for word in words])
        found: dict[int, Hit] = {}
        says = self._says
        for start in sorted(place for run in had.keys() & says.keys() for place in says[run]):
            path = self._runs.of[start]
            length = _reached(path, had, self._least[start])
            first = had[path[length - 1]]
            weight = self._sum_weights[start + length] - self._sum_weights[start]
            run = range(first, first + length)
            for place, at in zip(range(start, start + length), run, strict=True):
                if self._asked[place] and (place not in found or found[place].weight < weight):
                    found[place] = Hit(weight, at, run)
        return found

    def _least_run(self, start: int) -> int:
        """Return how many words from a place on are evidence: what is longer is it too; 0 where none are."""
        most = len(self._runs.of[start])
        return next((length for length in range(self._known[start] + 1, most + 1) if self._counts(start, length)), 0)

    def _counts(self, start: int, length: int) -> bool:
        """Return whether a run that was not there before says enough."""
        end = start + length
        if self._sum_new[end] - self._sum_new[start] >= 1.0:
            return True
        is_long = self._sum_weights[end] - self._sum_weights[start] >= _LEAST_KNOWN
        return is_long and self._sum_saying[end] - self._sum_saying[start] >= 1.0


def _reached(path: Sequence[int], found: Collection[int], length: int) -> int:
    """Return how long a run is as far as it was found, of which a length was found for sure."""
    while length < len(path) and path[length] in found:
        length += 1
    return length
