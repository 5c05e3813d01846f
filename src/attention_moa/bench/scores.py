"""What a benchmark says of one file of answers or judgements: named scores, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias, cast

from msgspec import Struct

Tree: TypeAlias = dict[str, object]
"""A JSON object."""


class Interval(Struct, frozen=True):
    """A 95 % interval.

    Args:
        low: Its lower end, in the score's own unit.
        high: Its upper end.
    """

    low: float
    high: float


class Score(Struct, frozen=True):
    """One number that a benchmark gives.

    Args:
        name: The benchmark's own name; a dot opens a level in JSON (``by_category.math``).
        value: The number; None where nothing is there to compute it from.
        n: How many questions (or instructions, or reviews) it is the score of.
        missing: How many more should have been, but have no usable judgement.
        interval: Its 95 % interval, by the bootstrap over questions; None where there is none, as for a count.
        stderr: Its standard error as the benchmark defines it; None where it defines none.
    """

    name: str
    value: float | None
    n: int
    missing: int = 0
    interval: Interval | None = None
    stderr: float | None = None


class TaskScores(Struct, frozen=True):
    """All that a benchmark says of one file.

    Args:
        task: The benchmark's name on the command line.
        file: What was scored.
        scores: In the order to be read.
        notes: What a reader has to know beside the numbers, a sentence each.
    """

    task: str
    file: str
    scores: tuple[Score, ...]
    notes: tuple[str, ...] = ()


def coverage_notes(what: str, *, rows: int, empty: int, total: int, asked: int | None) -> Iterator[str]:
    """Yield of how many of a benchmark's questions a file has answers, where scores are by rule.

    Args:
        what: ``problems``, ``prompts``.
        rows: Those in the file.
        empty: Those of them without an answer, as of a run of ours that failed.
        total: Those of the benchmark.
        asked: Those that were asked, where the file is of a run of ours; None where nobody knows.
    """
    if asked is None:
        if rows < total:
            yield f"{rows} of {total} {what} have an answer: the scores are theirs alone."
        return
    if asked < total:
        yield f"{asked} of {total} {what} were asked: the scores are of these alone."
    if empty:
        yield f"{empty} of {asked} {what} that were asked have no answer: they count as wrong."


def score_tree(scores: Sequence[Score]) -> Tree:
    """Return the values by name, as the benchmark's own files hold them: a dot in a name opens a level.

    Args:
        scores: Of one file; no name is the beginning of another one up to a dot.
    """
    tree: Tree = {}
    for score in scores:
        *levels, name = score.name.split(".")
        place = tree
        for level in levels:
            place = cast("Tree", place.setdefault(level, {}))
        place[name] = score.value
    return tree
