"""Which prompts are the pilot's: on them the best agent is found, and the verdict never rests on them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple, TypeAlias

from attention_moa.bench.pairwise import Comparison
from attention_moa.bench.prove_floor import preferences_of
from attention_moa.bench.prove_scores import Answers, scores_of
from attention_moa.bench.prove_verdict import FEWEST_PROMPTS
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from attention_moa.errors import ConfigError

Lines: TypeAlias = Mapping[str, Mapping[str, RunLine]]
"""Runs by system and by the prompt's id."""

_SHARE = 5
_FEWEST, _MOST = 4, 40


class Split(NamedTuple):
    """The prompts of the pilot, and those that the verdict rests on, each in their order."""

    pilot: tuple[Question, ...]
    rest: tuple[Question, ...]


def pilot_ids(questions: Sequence[Question], seed: int) -> tuple[str, ...]:
    """Return the prompts of a pilot: a fifth of all, at least 4 and at most 40, in their order.

    Args:
        questions: All prompts.
        seed: By which they are drawn; where a prompt stands says nothing.
    """
    count = min(max(round(len(questions) / _SHARE), _FEWEST), _MOST)
    drawn = set(sorted((one.id for one in questions), key=lambda name: _rank(name, seed))[:count])
    return tuple(one.id for one in questions if one.id in drawn)


def split(questions: Sequence[Question], pilot: Sequence[str]) -> Split:
    """Return the prompts of the pilot and the others.

    Args:
        questions: All prompts.
        pilot: The ids of the pilot's; none where there is no pilot.

    Raises:
        ConfigError: Too few are left for any verdict.
    """
    chosen = set(pilot)
    rest = tuple(one for one in questions if one.id not in chosen)
    if len(rest) < FEWEST_PROMPTS:
        more = FEWEST_PROMPTS + (max(len(chosen), _FEWEST) if chosen else 0)
        without = f" (or {FEWEST_PROMPTS} with --best, which needs no pilot)" if chosen else ""
        raise ConfigError(f"{len(questions)} prompts can prove nothing: bring {more} or more{without}", key="PROMPTS")
    return Split(tuple(one for one in questions if one.id in chosen), rest)


class AgentPair(NamedTuple):
    """Two agents that are compared, and what their comparison is called."""

    name: str
    one: str
    other: str


def agent_pairs(names: Iterable[str]) -> tuple[AgentPair, ...]:
    """Return each two of the agents.

    Args:
        names: Of the agents alone, in their order.
    """
    places = enumerate(names, start=1)
    return tuple(AgentPair(f"agents-{at}-{to}", one, other) for (at, one), (to, other) in combinations(places, 2))


def pilot_scores(
    questions: Sequence[Question], lines: Lines, said: Mapping[str, Sequence[Comparison]]
) -> dict[str, list[float]]:
    """Return each agent's scores against all others: 1, 1/2 or 0 for each prompt and other agent, none for missing.

    Args:
        questions: The prompts of the pilot.
        lines: The agents' answers.
        said: What the judge says of each two, by the name of their pair.
    """
    scores: dict[str, list[float]] = {name: [] for name in lines}
    for pair in agent_pairs(lines):
        preferences = preferences_of(said.get(pair.name, ()), questions)
        found = scores_of(questions, Answers(lines[pair.one], lines[pair.other]), preferences)
        known = [score for score in found.values() if score is not None]
        scores[pair.one] += known
        scores[pair.other] += [1 - score for score in known]
    return scores


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()
