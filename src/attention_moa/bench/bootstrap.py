"""95 % intervals by the bootstrap over questions: the same numbers with NumPy and without, only slower."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from attention_moa.bench.scores import Interval

DRAWS = 2000
"""How many times the questions are drawn anew."""
SEED = 20260101
_AT_ONCE = 100
_LOW, _HIGH = 0.025, 0.975
_BITS = 32


def mean_interval(values: Sequence[float], *, seed: int = SEED) -> Interval | None:
    """Return the 95 % interval of a mean over questions.

    Args:
        values: One a question.
        seed: What the draws begin from.

    Returns:
        Percentiles 2.5 and 97.5 of the means of redrawn questions; None for fewer than two questions.

    Source: ours; the percentile bootstrap.
    """
    return ratio_interval(values, [1.0] * len(values), seed=seed)


def ratio_interval(sums: Sequence[float], counts: Sequence[float], *, seed: int = SEED) -> Interval | None:
    """Return the 95 % interval of a mean over parts of questions: whole questions are redrawn, with all their parts.

    Args:
        sums: One a question: the sum over its parts (instructions, turns).
        counts: One a question: how many parts it has; 0 takes no part.
        seed: What the draws begin from.

    Returns:
        Percentiles 2.5 and 97.5 of ``sum(sums) / sum(counts)`` over redrawn questions; None for fewer than two
        questions with parts.

    Raises:
        ValueError: There are not as many counts as sums.

    Source: ours; the percentile bootstrap, clustered by question.
    """
    pairs = [pair for pair in zip(sums, counts, strict=True) if pair[1]]
    return None if len(pairs) < 2 else interval_of(redrawn_ratios(pairs, seed=seed))


def redrawn_ratios(pairs: Sequence[tuple[float, float]], *, seed: int = SEED) -> list[float]:
    """Return the sum of the first numbers by that of the second, of each of ``DRAWS`` redrawings of the questions.

    Args:
        pairs: One a question, at least one; no second number is 0.
        seed: What the draws begin from.
    """
    return _with_numpy(pairs, seed) if find_spec("numpy") else _plainly(pairs, seed)


def interval_of(values: Sequence[float]) -> Interval:
    """Return percentiles 2.5 and 97.5 of what the redrawings gave.

    Args:
        values: At least one, in any order.
    """
    ordered = sorted(values)
    return Interval(percentile(ordered, _LOW), percentile(ordered, _HIGH))


def draws_of(count: int, draws: int, seed: int = SEED) -> Iterator[list[int]]:
    """Yield which questions each redrawing has: as many as there are, with repetition.

    Args:
        count: How many questions there are.
        draws: How many redrawings.
        seed: What the draws begin from.
    """
    chance = random.Random(seed)  # noqa: S311 - statistics, no secret
    for _ in range(draws):
        yield [number * count >> _BITS for number in _numbers(chance, count)]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return a percentile, between two values in proportion.

    Args:
        ordered: At least one value, ascending.
        share: 0 to 1.
    """
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _numbers(chance: random.Random, count: int) -> array[int]:
    numbers = array("I")
    numbers.frombytes(chance.randbytes(count * numbers.itemsize))
    return numbers


def _plainly(pairs: Sequence[tuple[float, float]], seed: int) -> list[float]:
    return [
        sum(pairs[index][0] for index in drawn) / sum(pairs[index][1] for index in drawn)
        for drawn in draws_of(len(pairs), DRAWS, seed)
    ]


def _with_numpy(pairs: Sequence[tuple[float, float]], seed: int) -> list[float]:
    import numpy as np

    table = np.asarray(pairs, dtype=float)
    chance = random.Random(seed)  # noqa: S311 - statistics, no secret
    ratios: list[float] = []
    for _ in range(DRAWS // _AT_ONCE):
        numbers = np.asarray([_numbers(chance, len(pairs)) for _ in range(_AT_ONCE)], dtype=np.uint64)
        drawn = table[(numbers * np.uint64(len(pairs)) >> np.uint64(_BITS)).astype(np.intp)].sum(axis=1)
        ratios += (drawn[:, 0] / drawn[:, 1]).tolist()
    return ratios
