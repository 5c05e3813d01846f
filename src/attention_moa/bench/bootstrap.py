"""95 % intervals by the bootstrap over questions: the same numbers with NumPy and without, only slower."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from math import sqrt
from statistics import NormalDist
from typing import TypeAlias

from attention_moa.bench.scores import Interval

DRAWS = 2000
"""How many times the questions are drawn anew."""
SEED = 20260101
FEW = 50
"""With fewer questions the redrawings alone are not trusted."""

Range: TypeAlias = tuple[float, float]
"""The least and the most that a value can be."""

PERCENT: Range = (0.0, 100.0)

_Z = NormalDist().inv_cdf(0.975)
_AT_ONCE = 100
_LOW, _HIGH = 0.025, 0.975
_BITS = 32


def mean_interval(values: Sequence[float], *, within: Range | None = None, seed: int = SEED) -> Interval | None:
    """Return the 95 % interval of a mean over questions.

    Args:
        values: One a question.
        within: As ``ratio_interval`` takes it.
        seed: What the draws begin from.

    Returns:
        As ``ratio_interval`` does.

    Source: ours; the percentile bootstrap.
    """
    return ratio_interval(values, [1.0] * len(values), within=within, seed=seed)


def ratio_interval(
    sums: Sequence[float], counts: Sequence[float], *, within: Range | None = None, seed: int = SEED
) -> Interval | None:
    """Return the 95 % interval of a mean over parts of questions: whole questions are redrawn, with all their parts.

    Args:
        sums: One a question: the sum over its parts (instructions, turns).
        counts: One a question: how many parts it has; 0 takes no part.
        within: The least and the most that a part can be. With fewer than ``FEW`` questions, or all of them at one of
            these ends, the redrawings promise too much: the interval then also covers ``widened``. None for what has no
            ends.
        seed: What the draws begin from.

    Returns:
        Percentiles 2.5 and 97.5 of ``sum(sums) / sum(counts)`` over redrawn questions; None for fewer than two
        questions with parts.

    Raises:
        ValueError: There are not as many counts as sums.

    Source: ours; the percentile bootstrap, clustered by question.
    """
    pairs = [pair for pair in zip(sums, counts, strict=True) if pair[1]]
    if len(pairs) < 2:
        return None
    found = interval_of(redrawn_ratios(pairs, seed=seed))
    is_narrow = within is not None and (len(pairs) < FEW or found.low == found.high in within)
    return widened(pairs, within, found) if within is not None and is_narrow else found


def widened(pairs: Sequence[tuple[float, float]], within: Range, found: Interval) -> Interval:
    """Return an interval that also covers the one by the normal law with ``z^2 / 2`` more questions at either end.

    So a handful of questions that are all alike has an interval with a width.

    Args:
        pairs: One a question: the sum over its parts, and how many they are; at least two.
        within: The least and the most that a part can be.
        found: The bootstrap's interval.

    Source: A. Agresti and B. Coull, The American Statistician 52 (1998), carried over from a share to the mean of what
        lies between two ends. To take the wider end of both is ours.
    """
    least, most = within
    each = sum(count for _, count in pairs) / len(pairs)
    shares = [(total - least * count) / (each * (most - least)) for total, count in pairs]
    imagined = _Z * _Z / 2
    n = len(shares) + 2 * imagined
    mean = (sum(shares) + imagined) / n
    square = (sum(share * share for share in shares) + imagined) / n
    reach = _Z * sqrt(max(square - mean * mean, 0.0) / n)
    low, high = (least + (most - least) * min(max(end, 0.0), 1.0) for end in (mean - reach, mean + reach))
    return Interval(min(found.low, low), max(found.high, high))


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
