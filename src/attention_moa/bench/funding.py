"""The money of a benchmark: where it is limited, a few questions at a time go through all systems and then the judge.

So all systems, and the null model beside them, stand on the same questions wherever the money ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from attention_moa.bench.purse import Purse
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import LineFile

_JUDGE = ""
"""Whose share of the money is kept back while the systems answer; no system has this name."""


class Funds:
    """What may be spent, and what it is expected to go to.

    Args:
        left_usd: All of it; None for no limit.
        usd_each: What a question is planned to cost, by system.
        judge_usd_each: What judging all answers to a question is planned to cost.
        parallel: How many runs are under way at once at most, and how many questions go through together.
    """

    def __init__(
        self, left_usd: float | None, usd_each: Mapping[str, float], judge_usd_each: float, *, parallel: int
    ) -> None:
        """Begin with nothing spent."""
        self._left_usd = inf if left_usd is None else left_usd
        self._usd_each = usd_each
        self._judge_usd_each = judge_usd_each
        self._parallel = parallel
        self._planned: dict[str, float] = {}
        self.is_empty = False

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit."""
        return self._left_usd < inf

    def chunks(self, questions: Sequence[Question], files: Mapping[str, LineFile]) -> Iterator[tuple[Question, ...]]:
        """Yield the questions that go through together, until the money is at its end; all where nothing is limited.

        Args:
            questions: All that are asked.
            files: Of each system that answers: what is answered already is planned to cost nothing.
        """
        begin = 0
        while begin < len(questions) and not self.is_empty:
            chunk = tuple(questions[begin : begin + self._count(len(questions))])
            begin += len(chunk)
            each = self._usd_each
            self._planned = {name: each.get(name, 0.0) * len(open_ones(chunk, file)) for name, file in files.items()}
            self._planned[_JUDGE] = self._judge_usd_each * len(chunk)
            yield chunk

    def _count(self, all_of_them: int) -> int:
        """Return how many questions go through together: no more than the rest is planned to pay for, but one."""
        if not self.is_limited:
            return all_of_them
        each = sum(self._usd_each.values()) + self._judge_usd_each
        paid = self._parallel if each <= 0 else int(min(self._left_usd / each, self._parallel))
        return max(paid, 1)

    def purse(self, system: str | None) -> Purse:
        """Return what a system may spend on the questions that go through, or the judge; hand it back with ``settle``.

        It is all but what the others are planned to cost; where that is too little, a share in proportion.

        Args:
            system: Its name; None for the judge.
        """
        if not self.is_limited:
            return Purse(None, parallel=self._parallel)
        own, together = self._planned.get(system or _JUDGE, 0.0), sum(self._planned.values())
        share = self._left_usd * (own / together if together else 1.0)
        return Purse(max(share, self._left_usd - (together - own), 0.0), parallel=self._parallel)

    def settle(self, system: str | None, purse: Purse) -> None:
        """Leave what a system, or the judge, did not spend to the others.

        Args:
            system: Its name; None for the judge.
            purse: What it was given.
        """
        self._planned.pop(system or _JUDGE, None)
        self._left_usd = max(self._left_usd - purse.spent_usd, 0.0)
        self.is_empty = self.is_empty or purse.is_empty


def open_ones(questions: Sequence[Question], file: LineFile) -> list[Question]:
    """Return the questions that have no answer to some turn yet.

    Args:
        questions: What is asked.
        file: Of a system.
    """
    return [one for one in questions if any(file.finished((one.id, turn)) is None for turn in range(1, one.turns + 1))]


def reached(questions: Sequence[Question], file: LineFile) -> list[Question]:
    """Return the questions that a system came to: every turn has an answer or has failed.

    Args:
        questions: What is asked.
        file: Of the system.
    """
    return [one for one in questions if all((one.id, turn) in file.lines for turn in range(1, one.turns + 1))]
