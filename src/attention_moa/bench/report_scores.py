"""Which of a benchmark's scores stand in front, which are by category, and how they are called for a reader. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attention_moa.bench.alpaca_eval import LEAST_JUDGED, LENGTH_CONTROLLED
from attention_moa.bench.results import SystemResult
from attention_moa.bench.scores import Interval, Score

_FRONT: Mapping[str, tuple[str, ...]] = {
    "alpaca-eval": ("length_controlled_winrate", "win_rate", "discrete_win_rate"),
    "mt-bench": ("average", "first_turn", "second_turn"),
    "flask": ("skills_mean",),
    "ifeval": ("prompt_strict", "instruction_strict", "prompt_loose", "instruction_loose"),
}
_OTHERS = ("accuracy", "win_rate")
AVERAGE_LENGTH = "avg_length"
"""A score that stands where all lengths do, and nowhere else."""

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
    """Return the names of the scores that stand in front, the first one to compare systems by first.

    Args:
        task: The benchmark.
    """
    return _FRONT.get(task, _OTHERS)


def score_title(name: str) -> str:
    """Return what a score is called, with its unit where there is one."""
    return _TITLES.get(name, name.replace("_", " "))


def score_of(system: SystemResult, name: str) -> Score | None:
    """Return a system's score by its name; None where it has none, or no value."""
    found = counted_score(system, name)
    return found if found is not None and found.value is not None else None


def counted_score(system: SystemResult, name: str) -> Score | None:
    """Return a system's score by its name, also where all that it should be of is missing; None where it has none."""
    return next((score for score in system.scores if score.name == name), None)


def length_of(system: SystemResult) -> tuple[int | None, Interval | None]:
    """Return the average length of a system's answers, cut to whole characters as AlpacaEval does, and its interval."""
    official = score_of(system, AVERAGE_LENGTH)
    value, interval = (
        (system.average_length, system.average_length_interval)
        if official is None
        else (official.value, official.interval)
    )
    return None if value is None else int(value), interval


def main_name(task: str, systems: Sequence[SystemResult]) -> str | None:
    """Return the name of the score by which all systems are compared; None where they have none.

    It is the first one that is firm wherever it is; where no score has a value, the first one that should have.

    Args:
        task: The benchmark.
        systems: All of it.
    """
    names = front_scores(task)
    for name in names:
        known = [score for one in systems if (score := score_of(one, name)) is not None]
        if known and all(map(is_firm, known)):
            return name
    return next((name for name in names if any(counted_score(one, name) for one in systems)), None)


def is_firm(score: Score) -> bool:
    """Return whether a score is of as much as it takes to stand in front of others.

    Args:
        score: One with a value.
    """
    return score.name != LENGTH_CONTROLLED or score.n >= LEAST_JUDGED


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
