"""What a judge of FLASK says: a dictionary of scores by skill at the end of a review, or nothing that can be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SKILLS = (
    "Logical Robustness",
    "Logical Correctness",
    "Logical Efficiency",
    "Factuality",
    "Commonsense Understanding",
    "Comprehension",
    "Insightfulness",
    "Completeness",
    "Metacognition",
    "Readability",
    "Conciseness",
    "Harmlessness",
)
"""The twelve skills, in the benchmark's order."""
LOWEST, HIGHEST = 1, 5
"""The ends of the scale."""

_LOGICAL = "logical"
_NOT_APPLICABLE = frozenset({"na", "n/a", "not applicable"})
_TEXT = r"(?:\"([^\"]*)\"|'([^']*)')"
_NUMBER = r"([+-]?\s*(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
_ENTRY = re.compile(rf"\s*{_TEXT}\s*:\s*(?:{_TEXT}|{_NUMBER})\s*(?:,|$)")
_SCORE = re.compile(r"\s*\+?[0-9]+(?:\.[0-9]*)?\s*")


class SkillScores(NamedTuple):
    """What one review says of the skills that were asked for, each by its key.

    Args:
        scores: 1 to 5 each.
        not_applicable: Skills that the judge says do not apply.
        refused: Entries that do not count, as written: no number from 1 to 5, or a skill that was not asked for.
    """

    scores: dict[str, float]
    not_applicable: frozenset[str] = frozenset()
    refused: tuple[str, ...] = ()

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return which of the skills that were asked for the review leaves open."""
        return [key for key in keys if key not in self.scores and key not in self.not_applicable]


def skill_key(skill: str) -> str:
    """Return what a skill is called in tables of scores: the second word of a logical one, the first of another.

    Args:
        skill: Its name, in any case.

    Returns:
        In lower case; empty for a name without that word.
    """
    words = skill.lower().split()
    place = 1 if _LOGICAL in words else 0
    return words[place] if len(words) > place else ""


KEYS = tuple(map(skill_key, SKILLS))
"""The skills as tables of scores call them."""


def parse_review(reply: str, skills: Sequence[str]) -> SkillScores | None:
    """Return the scores in a judge's reply.

    Args:
        reply: All that the judge wrote.
        skills: The names of the skills that were asked for.

    Returns:
        None where the reply has no dictionary that can be read.

    Source: FLASK's ``gpt4_eval.py`` and ``aggregate_skill.py``; what is refused is ours: the official code takes it.
    """
    entries = read_dictionary(reply)
    if entries is None:
        return None
    asked = set(map(skill_key, skills))
    scores: dict[str, float] = {}
    not_applicable: set[str] = set()
    refused: list[str] = []
    for name, value in entries.items():
        key = skill_key(name)
        score = _score(value)
        if key not in asked:
            refused.append(f"{name}: {value}")
        elif value in _NOT_APPLICABLE:
            not_applicable.add(key)
        elif score is None or key in scores:
            refused.append(f"{name}: {value}")
        else:
            scores[key] = score
    return SkillScores(scores, frozenset(not_applicable - scores.keys()), tuple(refused))


def read_dictionary(reply: str) -> dict[str, str] | None:
    """Return the last Python dictionary of texts and numbers in a reply, in lower case, underlines as spaces.

    Args:
        reply: All that the judge wrote.

    Returns:
        Values as they are written, without their quotation marks; None where there is none, or it cannot be read.
    """
    text = _last_braces(reply).replace("\n", "").replace("_", " ").lower().rstrip()
    entries: dict[str, str] = {}
    place = 0
    while place < len(text):
        entry = _ENTRY.match(text, place)
        if entry is None:
            return None
        double, single, *values = entry.groups()
        entries[double if single is None else single] = next(value for value in values if value is not None)
        place = entry.end()
    return entries or None


def _last_braces(reply: str) -> str:
    """Return what is in the last braces that are not empty; an opening brace within them is a part of it."""
    for part in reversed(reply.split("}")[:-1]):
        inside = part.partition("{")[2]
        if inside:
            return inside
    return ""


def _score(value: str) -> float | None:
    score = float(value) if _SCORE.fullmatch(value) else 0.0
    return score if LOWEST <= score <= HIGHEST else None
