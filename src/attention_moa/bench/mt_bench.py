"""MT-Bench: average ratings by turn and by category, out of a judge's judgements of single answers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from attention_moa.bench.bootstrap import ratio_interval
from attention_moa.bench.mt_bench_rows import TURNS, Judgement, latest_of, read_judgements, read_questions
from attention_moa.bench.reading import benchmark_folder
from attention_moa.bench.scores import Score, TaskScores

_TASK = "mt-bench"
_RATINGS = (1.0, 10.0)
_TURN_NAMES = dict(zip(TURNS, ("first_turn", "second_turn"), strict=True))


class _Group(NamedTuple):
    """The answers that a score is of: some questions' answers in some turns."""

    name: str
    questions: frozenset[int]
    turns: tuple[int, ...] = TURNS

    def score(self, judgements: Sequence[Judgement]) -> Score:
        """Return the mean rating; failed judgements and answers without any are missing."""
        ours = [one for one in judgements if one.question in self.questions and one.turn in self.turns]
        ratings: defaultdict[int, list[float]] = defaultdict(list)
        for one in ours:
            if one.rating is not None:
                ratings[one.question].append(one.rating)
        sums, counts = [math.fsum(some) for some in ratings.values()], [len(some) for some in ratings.values()]
        n = sum(counts)
        unseen = len(self.questions) * len(self.turns) - len({(one.question, one.turn) for one in ours})
        value = math.fsum(sums) / n if n else None
        return Score(self.name, value, n, len(ours) - n + unseen, ratio_interval(sums, counts, within=_RATINGS))


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return MT-Bench's scores of one model.

    Args:
        files: The judgements of its answers; several files are read as one.
        data: The folder that holds ``mt_bench``.
        asked: Ids of the questions that were asked, where the files are of a run of ours: only these can be missing.
            None for files from elsewhere: they should have all questions.

    Raises:
        ConfigError: A file is wrong; names file, line and field.

    Source: FastChat, ``llm_judge`` (single-answer grading); the intervals are ours.
    """
    questions = read_questions(benchmark_folder(data, "mt_bench"))
    judgements = read_judgements(files, questions, may_be_none=asked is not None)
    if asked is not None:
        questions = {number: its for number, its in questions.items() if str(number) in asked}
    latest = latest_of(judgements)
    everything = frozenset(questions)
    scores = [_Group(name, everything, (turn,)).score(judgements) for turn, name in _TURN_NAMES.items()]
    scores.append(_Group("average", everything).score(judgements))
    if len(latest) < len(judgements):
        scores.append(_Group("average_latest_only", everything).score(latest))
    scores += [group.score(judgements) for group in _categories(questions)]
    scores += _counts(judgements)
    notes = tuple(_notes(judgements, len(judgements) - len(latest)))
    return TaskScores(_TASK, ", ".join(map(str, files)), tuple(scores), notes)


def _categories(questions: Mapping[int, str]) -> Iterator[_Group]:
    for category in dict.fromkeys(questions.values()):
        members = frozenset(question for question, its in questions.items() if its == category)
        yield _Group(f"by_category.{category}", members)


def _counts(judgements: Sequence[Judgement]) -> Iterator[Score]:
    """Yield how many rows there are, how many of them failed, and how many judge the same answer once more."""
    count = len(judgements)
    failed = sum(one.rating is None for one in judgements)
    yield Score("n_judgments", count, count)
    yield Score("n_failed_minus_one", failed, count)
    yield Score("n_duplicate_rows", count - len(latest_of(judgements)), count)


def _notes(judgements: Sequence[Judgement], duplicates: int) -> Iterator[str]:
    judges = sorted({one.judge for one in judgements})
    if judges:
        yield f"judged by {', '.join(judges)}"
    if len(judges) > 1:
        yield f"the averages are over all {len(judges)} judges"
    if duplicates:
        yield (
            f"{duplicates} rows judge an answer once more: the averages are over all rows, as the official code takes "
            "them; average_latest_only keeps the last one of each"
        )
    if failed := sum(one.rating is None for one in judgements):
        yield f"of {len(judgements)} judgements, {failed} without a rating from 1 to 10: missing, not a number"
    if differing := sum(not one.is_as_stored for one in judgements):
        yield f"scores that are not those of the judge's own words: {differing}; the words count"
