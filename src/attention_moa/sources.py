"""Where the words of a text come from, of the texts that its writer read. Pure.

What counts is a run of words that both have: one with a word that is no plain one and that at most half of the texts
have, or one of three words and more. Each word is traced to the texts that have it in such a run, in proportion to the
runs' lengths. The rest is nobody's: the writer's own, or said in other words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import fsum

from msgspec import Struct

from attention_moa.evidence import Ground, Hit
from attention_moa.words import Span, Word, sentence_of, sentences, words


class SentenceSource(Struct, frozen=True):
    """Where a sentence comes from.

    Args:
        span: The sentence; all of them put together are the text.
        shares: Of each text, the share of the sentence's words that comes from it; by name.
        unattributed: The share that comes from none of them; 0 where the sentence has no words.
    """

    span: Span
    shares: dict[str, float]
    unattributed: float


def sources(text: str, texts: Mapping[str, str], *, known: str = "") -> tuple[SentenceSource, ...]:
    """Return sentence by sentence where a text comes from.

    Args:
        text: A summary, say.
        texts: What its writer read, by name: the refinements, say.
        known: What all of them read, the question, say: words and runs of words in it are no evidence.

    Returns:
        The same whatever the order of the texts, and their names.

    Source: ours.
    """
    parts = words(text)
    traced = Traced(parts, {name: words(other) for name, other in texts.items()}, known=words(known))
    pieces = sentences(text)
    places: list[list[int]] = [[] for _ in pieces]
    for place, piece in enumerate(sentence_of(pieces, parts)):
        places[piece].append(place)
    return tuple(_source(span, traced, found, texts) for span, found in zip(pieces, places, strict=True))


class Traced:
    """The words of a text, and what they come from.

    Args:
        parts: The words.
        texts: The words of what the writer read, by name.
        known: The words of what all of them read.
    """

    def __init__(
        self, parts: Sequence[Word], texts: Mapping[str, Sequence[Word]], *, known: Sequence[Word] = ()
    ) -> None:
        """Look for the words in every text."""
        had = Counter(key for found in texts.values() for key in {word.key for word in found})
        most = max(1, len(texts) // 2)
        common = {key for key, times in had.items() if times > most}
        self._ground = Ground(parts, range(len(parts)), known=known, common=common)
        self._hits = {name: self._ground.hits(found) for name, found in texts.items()}

    def weight(self, place: int) -> float:
        """Return what a word weighs: what is new counts, a plain or common word hardly."""
        return self._ground.weight(place)

    def origins(self, place: int) -> dict[str, tuple[float, Hit]]:
        """Return the texts that a word comes from, each with its part of it and where it is there.

        Args:
            place: The word's.

        Returns:
            Parts that add up to 1; nothing for a word that comes from none.
        """
        found = {name: hits[place] for name, hits in self._hits.items() if place in hits}
        everything = fsum(hit.weight for hit in found.values())
        return {name: (hit.weight / everything, hit) for name, hit in found.items()}


def _source(span: Span, traced: Traced, places: Sequence[int], names: Mapping[str, object]) -> SentenceSource:
    weights = {place: traced.weight(place) for place in places}
    size = fsum(weights.values())
    if not size:
        return SentenceSource(span, dict.fromkeys(names, 0.0), 0.0)
    parts: dict[str, list[float]] = {name: [] for name in names}
    for place, weight in weights.items():
        for name, (part, _) in traced.origins(place).items():
            parts[name].append(weight * part)
    shares = {name: fsum(found) / size for name, found in parts.items()}
    return SentenceSource(span, shares, max(0.0, 1.0 - fsum(shares.values())))
