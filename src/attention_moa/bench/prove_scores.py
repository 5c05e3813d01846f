"""Who is better on each prompt: by the right answer where it can be checked, else by a judge. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.bench.own_file import agrees
from attention_moa.bench.paired import EVEN
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine

Preference: TypeAlias = Literal["ours", "theirs", "tie", "missing"]
"""What a judge says of two answers after it has read them in both orders."""

_MOST_WORDS = 10
_ENDS_IN_NUMBER = re.compile(r"####\s*\S")


class Answers(NamedTuple):
    """The ensemble's answers and a baseline's, by the prompt's id; a prompt that was not reached has no line."""

    ours: Mapping[str, RunLine]
    theirs: Mapping[str, RunLine]

    def has(self, question: Question) -> bool:
        """Whether both came to an end with a prompt."""
        return question.id in self.ours and question.id in self.theirs

    def texts(self, question: Question) -> tuple[str | None, str | None]:
        """Return both answers; None for one that failed."""
        return self.ours[question.id].text, self.theirs[question.id].text


def is_checkable(question: Question) -> bool:
    """Return whether a right answer is there that can be compared with others word by word, or as a number."""
    right = question.reference
    if right is None:
        return False
    return _ENDS_IN_NUMBER.search(right) is not None or len(right.split()) <= _MOST_WORDS


def is_right(question: Question, text: str | None) -> bool:
    """Return whether an answer is the right one; no answer is not.

    Args:
        question: With a right answer.
        text: The answer.
    """
    return text is not None and question.reference is not None and agrees(text, question.reference)


def needs_judge(question: Question, answers: Answers) -> bool:
    """Return whether only a judge can say who is better: both answered, differently, and nothing can be checked."""
    if is_checkable(question) or not answers.has(question):
        return False
    ours, theirs = answers.texts(question)
    return ours is not None and theirs is not None and ours.strip() != theirs.strip()


def score_of(question: Question, answers: Answers, preference: Preference | None) -> float | None:
    """Return the ensemble's score on a prompt that both came to: 1, 1/2 or 0; None for missing.

    Args:
        question: The prompt.
        answers: Of both.
        preference: What the judge says; None where it was not asked.
    """
    ours, theirs = answers.texts(question)
    if is_checkable(question):
        return _better(is_right(question, ours), is_right(question, theirs))
    if ours is None or theirs is None:
        return _better(ours is not None, theirs is not None)
    if ours.strip() == theirs.strip():
        return EVEN
    return {"ours": 1.0, "theirs": 0.0, "tie": EVEN}.get(preference or "missing")


def scores_of(
    questions: Iterable[Question], answers: Answers, preferences: Mapping[str, Preference]
) -> dict[str, float | None]:
    """Return the ensemble's score on each prompt that can be compared, by the prompt's id.

    A prompt that one of both was not asked, or the judge was not asked about, is not in it: it is not missing.

    Args:
        questions: The prompts.
        answers: Of both.
        preferences: What the judge says, by the prompt's id.
    """
    reached = [one for one in questions if answers.has(one)]
    return {
        one.id: score_of(one, answers, preferences.get(one.id))
        for one in reached
        if one.id in preferences or not needs_judge(one, answers)
    }


def by_kind(questions: Sequence[Question]) -> dict[str, list[Question]]:
    """Return the prompts of each kind, in order; nothing where there are not at least two kinds."""
    kinds: dict[str, list[Question]] = {}
    for question in questions:
        if question.category is not None:
            kinds.setdefault(question.category, []).append(question)
    return kinds if len(kinds) > 1 or sum(map(len, kinds.values())) < len(questions) else {}


def best_agent(scores: Mapping[str, Sequence[float | None]], costs: Mapping[str, float | None]) -> str:
    """Return the agent that did best in the pilot: the highest mean, of equals the cheapest, then the first.

    Args:
        scores: Each agent's own scores: 1 where it beat the ensemble, or was right.
        costs: What it cost a prompt; None for unknown.
    """

    def rank(name: str) -> tuple[float, float]:
        mean, cost = _mean(scores[name]), costs[name]
        return inf if mean is None else -mean, inf if cost is None else cost

    return min(scores, key=rank)


def tied_with(best: str, scores: Mapping[str, Sequence[float | None]]) -> tuple[str, ...]:
    """Return the other agents that did as well as the best one.

    Args:
        best: Its name.
        scores: As ``best_agent`` has them.
    """
    means = {name: _mean(found) for name, found in scores.items()}
    return tuple(name for name, mean in means.items() if name != best and mean is not None and mean == means[best])


def is_cheaper(cost: float | None, other: float | None) -> bool:
    """Return whether a cost is below another; one that nobody knows is the highest."""
    return cost is not None and (other is None or cost < other)


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return fmean(known) if known else None


def _better(is_ours: bool, is_theirs: bool) -> float:
    return EVEN if is_ours == is_theirs else float(is_ours)
