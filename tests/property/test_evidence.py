"""The tree of runs finds exactly what looking at every place of every text finds, only sooner."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from attention_moa.attribution import attribute
from attention_moa.evidence import LONGEST_RUN, Ground, Hit
from attention_moa.influence import by_chance, influence, measure
from attention_moa.words import Word, words
from tests.worlds import Says, World, a_spec

WORD = st.sampled_from(
    ["the", "of", "is", "not", "sky", "blue", "Rayleigh", "42", "蓝", "色", "光", "的", "ไทย", "sea", "ﬁ"]
)
TEXT = st.lists(WORD, max_size=40).map(" ".join)
COMMON = st.frozensets(st.sampled_from(["sky", "42", "蓝"]), max_size=2)


class Slow:
    """The same by its definition: every run of every length is looked for at every place of the other text."""

    def __init__(
        self, parts: Sequence[Word], places: Collection[int], known: Sequence[Word], common: Collection[str]
    ) -> None:
        self.parts, self.keys, self.asked = parts, [part.key for part in parts], places
        near = {at for place in places for at in range(place - LONGEST_RUN + 1, place + LONGEST_RUN)}
        self.near = [place for place in range(len(parts)) if place in near]
        self.wanted = {self.keys[place] for place in self.near}
        self.known = {place: self.longest(place, known)[0] for place in self.near}
        new: set[int] = set()
        for place in self.near:
            end = place + self.known[place] + 1
            if end <= len(parts) and self.weight(range(place, end)) <= 1:
                new |= set(range(place, end))
        self.new = {place for place in new if not parts[place].is_plain and self.keys[place] not in common}

    def weight(self, places: Collection[int]) -> float:
        """Return how many words some words stand for."""
        return sum(self.parts[place].weight for place in places)

    def longest(self, start: int, other: Sequence[Word]) -> tuple[int, int]:
        """Return how long the longest run from a place on is that another text has, and where that has it first."""
        said = [part.key for part in other]
        for length in range(LONGEST_RUN, 0, -1):
            run = self.keys[start : start + length]
            ats = [at for at in range(len(said)) if said[at : at + length] == run]
            if len(run) == length and ats and set(run) <= self.wanted:
                return length, ats[0]
        return 0, 0

    def hits(self, other: Sequence[Word]) -> dict[int, Hit]:
        """Return the words in question that another text has."""
        found: dict[int, Hit] = {}
        for start in self.near:
            length, first = self.longest(start, other)
            run = range(start, start + length)
            says = self.weight([place for place in run if not self.parts[place].is_plain]) >= 1
            is_new = self.weight([place for place in run if place in self.new]) >= 1
            if length <= self.known[start] or not (is_new or (says and self.weight(run) >= 3)):
                continue
            for place in run:
                if place in self.asked and (place not in found or found[place].weight < self.weight(run)):
                    found[place] = Hit(self.weight(run), first + place - start, range(first, first + length))
        return found


@given(text=TEXT, known=TEXT, other=TEXT, common=COMMON, data=st.data())
def test_hits_are_those_of_the_definition(
    *, text: str, known: str, other: str, common: frozenset[str], data: st.DataObject
) -> None:
    """Each with its weight, its place and its run."""
    parts, before, said = words(text), words(known), words(other)
    places = data.draw(st.frozensets(st.sampled_from(range(len(parts))))) if parts else frozenset[int]()
    assert Ground(parts, sorted(places), known=before, common=common).hits(said) == Slow(
        parts, places, before, common
    ).hits(said)


@settings(max_examples=20)  # each is a whole run
@given(st.lists(TEXT, min_size=9, max_size=9), st.lists(TEXT, min_size=6, max_size=6))
def test_a_layer_measured_at_once_is_each_author_measured_alone(critiques: list[str], texts: list[str]) -> None:
    """To the last digit: shares, changes, and what is chance."""
    script: dict[str, Says] = {}
    for place, author in enumerate("abc"):
        script[f"1.answer.{author}"] = texts[place] or "one"
        script[f"1.refine.{author}"] = texts[place + 3] or "two"
        for row, critic in enumerate("abc"):
            script[f"1.critique.{critic}.{author}"] = critiques[3 * row + place] or "three"
    layer = World(a_spec(3, layers=1), script).run().layers[0]
    found = measure(layer)
    assert (found.influence, found.by_chance) == (influence(layer), by_chance(layer))
    read = {author: {one.critic: one.text for one in layer.critique_list if one.author == author} for author in "abc"}  # type: ignore[union-attr]  # none is lost
    for author, other in zip("abc", "bca", strict=True):
        pair = layer.answers[author].text, layer.refinements[author].text  # type: ignore[union-attr]  # none is lost
        assert found.influence.authors[author] == attribute(*pair, read[author])
        assert found.by_chance[author] == sum(attribute(*pair, read[other]).shares.values())
