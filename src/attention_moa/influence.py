"""Who moved whom: the share of an author's changes that each critique accounts for. Pure.

**What is measured.** Author ``j`` turns its answer ``y[j]`` into a refinement ``y'[j]``, having read the critiques
``a[i->j]``. Both texts are laid over each other word by word (``changes.py``). The *size* of a change is the number of
its words, those that were deleted and those that were inserted; what was only moved counts once.

**What counts as evidence.** A run of words that a critique and the changed text share, has a changed word in it, and is
not in the other text: for inserted words not in the answer, for deleted words not in the refinement. It needs a word
that is new there and is no plain one such as ``the`` or ``is``; or three words in a combination that is new. So one
rare word is evidence (a name, a number), and what everybody says anyway is none. Words that are new weigh 1, plain and
known ones a fifth.

**How much of a change is traced.** The share of the inserted words, by weight, that any critique has; likewise of the
deleted ones. Where a word took the place of another, the larger of the two shares holds for both: a critique that says
what is right explains why something wrong is gone. What no critique has is nobody's: the author's own doing, or a
critique followed in other words.

**Who gets it.** The critiques that have words of the change. What each has is the sum, over these words, of their
weight times the length of the run that has them (at most eight): a run of ``n`` words counts ``n`` times ``n``, one
after the other they count ``n``. In proportion to that the inserted words that are traced are shared out, and likewise
the deleted ones; an inserted word counts twice as much as a deleted one, since who quotes what is gone may have liked
it.

**The matrix.** Row ``i``, column ``j``: the words of ``j``'s changes that are traced to ``i``'s critique, divided by
the size of all of ``j``'s changes. A column so adds up to 1 at most; what is missing is nobody's. It does not depend on
the order of the critiques, nor on the names of the critics.

**An example.** The answer is ``The sky is blue because it reflects the sea.`` and the refinement ``The sky is blue
because air scatters short waves best. Sunsets are red.`` Critic ``a`` wrote ``Wrong: it does not reflect the sea; say
that air scatters short waves.``, critic ``b`` ``Good. Sunsets deserve a word.`` There are two changes:

1. ``it reflects the sea`` became ``air scatters short waves best``: 9 words. Of the five that are new ``a`` has the
   run ``air scatters short waves``: four of five words, so 4/5. (Of the four that are gone it has ``the sea`` only:
   with ``it`` and ``the`` at a fifth 1.2 of 2.4, so 1/2.) Four words took the place of four: 8 x 4/5 = 6.4 words are
   traced, and of the fifth another 0.8. These 7.2 words are ``a``'s.
2. ``Sunsets are red``: 3 words, weighing 1, 0.2 and 1. ``b`` has ``Sunsets``: 1/2.2 of it, which are 1.36 words.

So of the 12 words ``a`` moved 7.2 (60 %), ``b`` 1.36 (11 %), and 29 % are nobody's.

**What it cannot show.** It is overlap of words, not proof of a cause. A critique that is followed in other words, or
in another language, is not seen. A critique that quotes with praise what the author then deletes looks like one that
asked for that. Two critics that say the same share what came of it. Texts on one subject share words by chance: how
many, ``by_chance`` tells; where critiques account for no more than that, ``is_by_chance`` says so.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from msgspec import Struct

from attention_moa.attribution import Attribution, Rewriting, attribute
from attention_moa.records import Critique, LayerRecord, Loss, RunRecord
from attention_moa.words import Word, words

__all__ = [
    "Attribution",
    "Cell",
    "Influence",
    "Measured",
    "attribute",
    "by_chance",
    "influence",
    "influence_of",
    "is_by_chance",
    "measure",
]

_ERRORS = 2.0
"""So many standard errors a share has to lie above chance: of words drawn by lot one column in twelve does."""


class Cell(Struct, frozen=True):
    """What one critic moved of one author.

    Args:
        critic: ``i``, the row.
        author: ``j``, the column.
        share: Of the author's changed words, from 0 to 1; 0 where the critique was read and nothing of it is found.
            None where there is nothing to measure.
        why_none: Why there is nothing, one line; None where there is.
        is_pair: Whether the critic criticises the author in this layer, or should have.
    """

    critic: str
    author: str
    share: float | None
    why_none: str | None = None
    is_pair: bool = True


class Influence(Struct, frozen=True):
    """Who moved whom in a layer.

    Args:
        layer: From 1.
        agents: Who answered, or should have, in the ensemble's order.
        rows: A row for each critic, in the order of ``agents``, with a cell for each author, in the same order.
        authors: Of each author whose answer was refined, all changes and whom they come from.
    """

    layer: int
    agents: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    authors: dict[str, Attribution]

    @property
    def matrix(self) -> tuple[tuple[float | None, ...], ...]:
        """The shares alone: rows are critics, columns authors, both in the order of ``agents``."""
        return tuple(tuple(cell.share for cell in row) for row in self.rows)

    @property
    def shares(self) -> dict[tuple[str, str], float]:
        """The shares by critic and author, as ``LayerRecord.critiques`` has critiques: only where there is one."""
        return {(cell.critic, cell.author): cell.share for row in self.rows for cell in row if cell.share is not None}


class Measured(NamedTuple):
    """Who moved whom in a layer, and how much of that may be chance."""

    influence: Influence
    by_chance: dict[str, float]

    def is_by_chance(self, author: str) -> bool:
        """Return whether critiques account for no more of an author's changes than chance may."""
        column = self.influence.authors.get(author)
        return column is not None and is_by_chance(column, self.by_chance.get(author))


def influence(layer: LayerRecord) -> Influence:
    """Return who moved whom in a layer; whatever the attention's mode, and for a baseline's layer, which has none.

    Args:
        layer: What each stage gave.

    Source: ours; defined above.
    """
    return _Layer(layer).influence()


def influence_of(record: RunRecord) -> tuple[Influence, ...]:
    """Return who moved whom in a run, layer by layer, in order; of one that is not over, in the layers so far.

    ``influence_of(result)[0].shares["qwen", "gemma"]`` is how much of what gemma changed in the first layer qwen's
    critique accounts for. It is measured anew with every call.

    Args:
        record: The run.
    """
    return tuple(map(influence, record.layers))


def by_chance(layer: LayerRecord) -> dict[str, float]:
    """Return how much of each author's changes would be traced to critiques that it never read: of the next author.

    Texts on one subject share words anyway. Where this is about as much as the author's own critiques account for, its
    column tells of the subject rather than of influence.

    Args:
        layer: What each stage gave.

    Returns:
        Shares from 0 to 1, by author; only of those whose answers were refined, and none where there is one author.
    """
    return _Layer(layer).by_chance()


def is_by_chance(column: Attribution, chance: float | None) -> bool:
    """Return whether what an author's critiques account for may be chance: nothing can be said of its column then.

    It is where it lies no more than two standard errors above what critiques of another author account for, both taken
    as shares of the changed words. Where nothing is traced there is nothing to doubt, and where there was no other
    author nothing to doubt it by.

    Args:
        column: Of the author.
        chance: As ``by_chance`` has it; None where it does not.

    Source: ours; measured on layers of simulated models, whose words mean nothing.
    """
    traced = 1.0 - column.unattributed
    if chance is None or not column.size or not any(column.shares.values()):
        return False
    mean = (traced + chance) / 2
    return traced - chance <= _ERRORS * sqrt(2 * mean * (1 - mean) / column.size)


def measure(layer: LayerRecord) -> Measured:
    """Return both ``influence`` and ``by_chance``: together they take little more time than one of them.

    Args:
        layer: What each stage gave.
    """
    read = _Layer(layer)
    return Measured(read.influence(), read.by_chance())


class _Layer:
    """The texts of a layer, each taken apart once.

    Args:
        layer: What each stage gave.
    """

    def __init__(self, layer: LayerRecord) -> None:
        """Lay answers and refinements over each other."""
        self._layer = layer
        self._critiques: dict[str, dict[str, tuple[Word, ...]]] = {author: {} for author in layer.answers}
        for one in layer.critique_list:
            if isinstance(one, Critique) and one.author in self._critiques:
                self._critiques[one.author][one.critic] = words(one.text)
        texts = {author: _texts(layer, author) for author in layer.answers}
        self._rewritings = {
            author: found if isinstance(found, str) else Rewriting(*found) for author, found in texts.items()
        }

    def influence(self) -> Influence:
        """Return who moved whom."""
        layer, agents, critiques = self._layer, tuple(self._layer.answers), self._layer.critiques
        authors: dict[str, Attribution] = {}
        columns: dict[str, Attribution | str] = {}
        for author, found in self._rewritings.items():
            if isinstance(found, str):
                columns[author] = found
            else:
                columns[author] = authors[author] = found.traced(self._critiques[author])
        rows = tuple(
            tuple(_cell(critic, author, critiques.get((critic, author)), columns[author]) for author in agents)
            for critic in agents
        )
        return Influence(layer.layer, agents, rows, authors)

    def by_chance(self) -> dict[str, float]:
        """Return what critiques of the next author's answer would account for, by author."""
        criticised = [author for author, found in self._critiques.items() if found]
        shares: dict[str, float] = {}
        for author, other in zip(criticised, (*criticised[1:], *criticised[:1]), strict=True):
            found = self._rewritings[author]
            if other != author and not isinstance(found, str):
                shares[author] = sum(found.traced(self._critiques[other]).shares.values())
        return shares


def _texts(layer: LayerRecord, author: str) -> tuple[str, str] | str:
    """Return an author's answer and refinement, or why there are not both."""
    answer, refined = layer.answers[author], layer.refinements.get(author)
    if isinstance(answer, Loss):
        return f"the answer of {author} is lost"
    if refined is None:
        return f"the answer of {author} was not refined"
    if refined.stands_in is not None:
        return f"the answer of {author} stands in for its refinement: {refined.stands_in}"
    return answer.text, refined.text


def _cell(critic: str, author: str, critique: Critique | Loss | None, column: Attribution | str) -> Cell:
    if critique is None:
        return Cell(critic, author, None, f"{critic} does not criticise {author} in this layer", is_pair=False)
    if isinstance(critique, Loss):
        return Cell(critic, author, None, f"the critique is lost: {critique.message}")
    if isinstance(column, str):
        return Cell(critic, author, None, column)
    return Cell(critic, author, column.shares[critic])
