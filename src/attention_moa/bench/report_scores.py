"""Which of a benchmark's scores stand in front, which are by category, and how they are called for a reader. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from attention_moa.bench.results import SystemResult
from attention_moa.bench.scores import Score

_FRONT: Mapping[str, tuple[str, ...]] = {
    "alpaca-eval": ("length_controlled_winrate", "win_rate", "discrete_win_rate"),
    "mt-bench": ("average", "first_turn", "second_turn"),
    "flask": ("skills_mean",),
    "ifeval": ("prompt_strict", "instruction_strict", "prompt_loose", "instruction_loose"),
}
_OTHERS = ("accuracy", "win_rate")

_TITLES: Mapping[str, str] = {
    "length_controlled_winrate": "LC win rate, %",
    "win_rate": "win rate, %",
    "discrete_win_rate": "discrete win rate, %",
    "average": "average, 1 to 10",
    "first_turn": "first turn",
    "second_turn": "second turn",
    "skills_mean": "mean of skills (ours), 1 to 5",
    "prompt_strict": "prompts, strict, %",
    "instruction_strict": "instructions, strict, %",
    "prompt_loose": "prompts, loose, %",
    "instruction_loose": "instructions, loose, %",
    "accuracy": "right, %",
}

_GROUPS: Mapping[str, str] = {
    "by_category": "category",
    "skills": "skill",
    "by_domain": "domain",
    "by_kind": "kind of instruction",
    "by_difficulty": "difficulty",
}
_ENDS = (".average", ".strict")
_LEFT_OUT = (".sum", ".count", ".loose")


def front_scores(task: str) -> tuple[str, ...]:
    """Return the names of the scores that stand in front; the first one is the one to compare systems by.

    Args:
        task: The benchmark.
    """
    return _FRONT.get(task, _OTHERS)


def score_title(name: str) -> str:
    """Return what a score is called, with its unit where there is one."""
    return _TITLES.get(name, name.replace("_", " "))


def score_of(system: SystemResult, name: str) -> Score | None:
    """Return a system's score by its name; None where it has none, or no value.

    FLASK has no score of everything: ``skills_mean`` is the plain mean of the skills, without an interval.
    """
    if name == "skills_mean":
        return _mean_of_skills(system.scores)
    found = next((score for score in system.scores if score.name == name), None)
    return found if found is not None and found.value is not None else None


def main_score(task: str, system: SystemResult) -> Score | None:
    """Return the score by which systems are compared; None where there is none."""
    return next((score for name in front_scores(task) if (score := score_of(system, name)) is not None), None)


def grouped(system: SystemResult) -> dict[str, dict[str, Score]]:
    """Return a system's scores by what they are grouped by and by the group: ``{"category": {"math": …}}``."""
    groups: dict[str, dict[str, Score]] = {}
    for score in system.scores:
        kind, dot, name = score.name.partition(".")
        if not dot or kind not in _GROUPS or score.value is None or name.endswith(_LEFT_OUT):
            continue
        for end in _ENDS:
            name = name.removesuffix(end)
        groups.setdefault(_GROUPS[kind], {})[name.replace("_", " ")] = score
    return groups


def _mean_of_skills(scores: Sequence[Score]) -> Score | None:
    skills = [score for score in scores if score.name.startswith("skills.") and score.name.endswith(".average")]
    known = [score.value for score in skills if score.value is not None]
    if not known:
        return None
    return Score("skills_mean", fmean(known), sum(score.n for score in skills), sum(score.missing for score in skills))
