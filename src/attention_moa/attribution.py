"""Which critique an author's changes come from: the words that both have. Pure; defined in ``influence.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import fsum

from msgspec import Struct

from attention_moa.changes import Change, Difference, Edit, compare_texts
from attention_moa.evidence import Ground
from attention_moa.words import Span, Word, words

_ASKED_FOR = 2.0
"""Inserted words that a critique has tell more of a cause than deleted ones: it may have quoted these with praise."""


class Credit(Struct, frozen=True):
    """What one critique accounts for in one change.

    Args:
        critic: Whose critique.
        words: How many of the change's words it accounts for, a share of a word included.
        quotes: Where it says so: pieces of the critique, in order.
    """

    critic: str
    words: float
    quotes: tuple[Span, ...]


class Caused(Struct, frozen=True):
    """A change, and which critiques it is traced to.

    Args:
        change: What was changed.
        credits: Of the critiques that have a part in it, the largest part first; together at most ``change.size``.
    """

    change: Change
    credits: tuple[Credit, ...] = ()


class Attribution(Struct, frozen=True):
    """Whom an author's changes come from.

    Args:
        changes: The changes from the answer to its refinement, in the order of both.
        size: How many words were changed: the sum of the changes' sizes.
        shares: Of each critic, the share of these words that its critique accounts for; 0 for all where nothing was
            changed. Together at most 1.
        unattributed: The share that no critique accounts for: the author's own doing, or said in other words.
    """

    changes: tuple[Caused, ...]
    size: int
    shares: dict[str, float]
    unattributed: float


def attribute(answer: str, refinement: str, critiques: Mapping[str, str]) -> Attribution:
    """Return which critiques the changes from an answer to its refinement come from.

    Args:
        answer: ``y[j]``.
        refinement: ``y'[j]``.
        critiques: ``a[i->j]``, by critic.

    Returns:
        The same whatever the order of the critiques and the names of the critics.

    Source: ours; defined in ``attention_moa.influence``.
    """
    return Rewriting(answer, refinement).traced({critic: words(text) for critic, text in critiques.items()})


class Rewriting:
    """An answer and its refinement, laid over each other once, for all critiques that its changes may come from.

    Args:
        answer: ``y[j]``.
        refinement: ``y'[j]``.
    """

    def __init__(self, answer: str, refinement: str) -> None:
        """Find the changes."""
        difference = compare_texts(answer, refinement)
        self._edits = difference.edits
        self._deleted, self._inserted = _grounds(difference)

    def traced(self, critiques: Mapping[str, tuple[Word, ...]]) -> Attribution:
        """Return which critiques the changes come from.

        Args:
            critiques: Their words, by critic.
        """
        deleted, inserted = (_Evidence(ground, critiques) for ground in (self._deleted, self._inserted))
        caused = tuple(_caused(edit, deleted, inserted, critiques) for edit in self._edits)
        size = sum(one.change.size for one in caused)
        traced: dict[str, list[float]] = {critic: [] for critic in critiques}
        for one in caused:
            for credit in one.credits:
                traced[credit.critic].append(credit.words)
        shares = {critic: fsum(parts) / max(size, 1) for critic, parts in traced.items()}
        unattributed = max(0.0, 1.0 - fsum(shares.values())) if size else 0.0
        return Attribution(caused, size, shares, unattributed)


class _Evidence:
    """What critiques have of the deleted words of a text, or of its inserted ones.

    Args:
        ground: These words.
        critiques: The critiques' words, by critic.
    """

    def __init__(self, ground: Ground, critiques: Mapping[str, tuple[Word, ...]]) -> None:
        """Look for the words in every critique."""
        self._ground = ground
        self._critiques = critiques
        self._hits = {critic: ground.hits(found) for critic, found in critiques.items()}
        self._had = {place for hits in self._hits.values() for place in hits}

    def covered(self, places: range) -> float:
        """Return the share of some words, by what they weigh, that any critique has."""
        everything = fsum(self._ground.weight(place) for place in places)
        had = fsum(self._ground.weight(place) for place in places if place in self._had)
        return had / everything if everything else 0.0

    def shares(self, places: range) -> list[float]:
        """Return which share of some words each critique has, of what any has: a word counts by its run's length."""
        strengths = [
            fsum(self._ground.weight(place) * hits[place].weight for place in places if place in hits)
            for hits in self._hits.values()
        ]
        everything = fsum(strengths)
        return [strength / everything if everything else 0.0 for strength in strengths]

    def quotes(self, critic: str, places: range) -> list[Span]:
        """Return where a critique has some words."""
        hits, said = self._hits[critic], self._critiques[critic]
        runs = {hits[place].run for place in places if place in hits}
        return [Span(said[run[0]].start, said[run[-1]].end) for run in runs]


def _grounds(difference: Difference) -> tuple[Ground, Ground]:
    """Return the words that were deleted, and those that were inserted, each with what is in the other text as well.

    What was moved counts as new where it came to: a critique that quotes it may have asked for that.
    """
    gone = {place for block in difference.moved for place in range(block.before, block.before + block.length)}
    come = {place for block in difference.moved for place in range(block.after, block.after + block.length)}
    old = [word for place, word in enumerate(difference.before) if place not in gone]
    new = [word for place, word in enumerate(difference.after) if place not in come]
    return (
        Ground(difference.before, _places(edit.deleted for edit in difference.edits), known=new),
        Ground(difference.after, _places(edit.inserted for edit in difference.edits), known=old),
    )


def _places(ranges: Iterable[range]) -> list[int]:
    return [place for one in ranges for place in one]


def _caused(edit: Edit, deleted: _Evidence, inserted: _Evidence, critics: Iterable[str]) -> Caused:
    gone = range(0) if edit.change.is_move else edit.deleted
    come = edit.inserted
    of_gone, of_come = deleted.covered(gone), inserted.covered(come)
    traced = _traced(len(gone), len(come), of_gone, of_come)
    weights = len(gone) * of_gone, _ASKED_FOR * len(come) * of_come
    shares = zip(critics, deleted.shares(gone), inserted.shares(come), strict=True)
    found = [
        Credit(
            critic,
            traced * (weights[0] * of_deleted + weights[1] * of_inserted) / fsum(weights),
            _merged([*deleted.quotes(critic, gone), *inserted.quotes(critic, come)]),
        )
        for critic, of_deleted, of_inserted in shares
        if of_deleted or of_inserted
    ]
    return Caused(edit.change, tuple(sorted(found, key=lambda credit: (-credit.words, credit.critic))))


def _traced(deleted: int, inserted: int, of_deleted: float, of_inserted: float) -> float:
    """Return how many words of a change are traced to critiques.

    Where a word took the place of another, both are traced as far as either is: who says what is wrong need not say
    what is right, and the other way round. What is beyond that is traced by itself.

    Args:
        deleted: How many words are gone.
        inserted: How many are new.
        of_deleted: The share of the deleted words that any critique has.
        of_inserted: The share of the inserted words that any critique has.
    """
    replaced = min(deleted, inserted)
    both = 2 * replaced * max(of_deleted, of_inserted)
    return both + (deleted - replaced) * of_deleted + (inserted - replaced) * of_inserted


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return pieces of a text in order, those that overlap as one."""
    found: list[Span] = []
    for span in sorted(set(spans)):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)
