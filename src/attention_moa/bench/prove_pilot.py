"""Which prompts are the pilot's: on them the best agent is found, and the verdict never rests on them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from attention_moa.bench.prove_verdict import FEWEST_PROMPTS
from attention_moa.bench.questions import Question
from attention_moa.errors import ConfigError

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
        more = FEWEST_PROMPTS + len(chosen)
        without = f" (or {FEWEST_PROMPTS} with --best, which needs no pilot)" if chosen else ""
        raise ConfigError(f"{len(questions)} prompts can prove nothing: bring {more} or more{without}", key="PROMPTS")
    return Split(tuple(one for one in questions if one.id in chosen), rest)


def _rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{name}".encode()).digest()
