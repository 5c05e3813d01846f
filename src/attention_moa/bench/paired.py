"""Two systems on the same prompts: which is better how often, how sure that is, how many prompts would tell. Pure.

A prompt's score is 1 for a win, 0 for a loss, 1/2 for neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, comb, sqrt
from statistics import NormalDist

from msgspec import Struct

from attention_moa.bench.bootstrap import SEED, percentile, redrawn_ratios
from attention_moa.bench.scores import Interval

LEVEL = 0.95
ALPHA = 0.05
POWER = 0.8
EVEN = 0.5
"""The win rate of two equals."""
_MOST_PROMPTS = 1_000_000


class Tally(Struct, frozen=True, kw_only=True):
    """How one system did against another, over prompts.

    Args:
        wins: Prompts on which the first was better.
        ties: On which neither was.
        losses: On which the second was.
        missing: On which nobody knows.
    """

    wins: int
    ties: int
    losses: int
    missing: int = 0

    @property
    def n(self) -> int:
        """Prompts with a score."""
        return self.wins + self.ties + self.losses

    @property
    def rate(self) -> float | None:
        """The mean score; None without prompts."""
        return (self.wins + self.ties / 2) / self.n if self.n else None

    @property
    def missing_share(self) -> float:
        """The share of all prompts on which nobody knows."""
        return self.missing / (self.n + self.missing) if self.missing else 0.0

    @property
    def scores(self) -> tuple[float, ...]:
        """One a prompt that has one: their order means nothing to any statistic here."""
        return (1.0,) * self.wins + (EVEN,) * self.ties + (0.0,) * self.losses


def tally(scores: Sequence[float | None]) -> Tally:
    """Return the counts of scores.

    Args:
        scores: One a prompt: 0, 1/2, 1; None for missing.
    """
    return Tally(wins=scores.count(1.0), ties=scores.count(EVEN), losses=scores.count(0.0), missing=scores.count(None))


def rate_interval(counts: Tally, *, level: float = LEVEL, seed: int = SEED) -> Interval | None:
    """Return the interval of a win rate over prompts; None for fewer than two.

    The percentile bootstrap over prompts is too narrow where there are few, or hardly any of one outcome: all alike, it
    has no width at all. So the interval also covers the one by the normal law with ``z^2 / 2`` more wins and losses.

    Args:
        counts: Of the prompts.
        level: 0 to 1; 0.95 for one that misses the true rate once in twenty times at most.
        seed: What the draws begin from.

    Source: the percentile bootstrap; A. Agresti and B. Coull, The American Statistician 52 (1998), carried over from a
        share to the mean of scores. To take the wider end of both is ours.
    """
    if counts.n < 2:
        return None
    tail = (1 - level) / 2
    means = sorted(redrawn_ratios([(score, 1.0) for score in counts.scores], seed=seed))
    low, high = percentile(means, tail), percentile(means, 1 - tail)
    z = NormalDist().inv_cdf(1 - tail)
    imagined = z * z / 2
    n = counts.n + 2 * imagined
    mean = (counts.wins + counts.ties / 2 + imagined) / n
    square = (counts.wins + imagined + counts.ties / 4) / n
    reach = z * sqrt((square - mean * mean) / n)
    return Interval(max(min(low, mean - reach), 0.0), min(max(high, mean + reach), 1.0))


def sign_test(wins: int, losses: int) -> float:
    """Return how probable it is that equals differ by so much or more, to either side: the exact sign test.

    Args:
        wins: From 0.
        losses: From 0; ties say nothing here.

    Source: the binomial law; McNemar's exact test.
    """
    n = wins + losses
    count = max(wins, losses)
    ways = comb(n, count)
    tail = ways
    while count < n:
        ways = ways * (n - count) // (count + 1)
        count += 1
        tail += ways
    return min(1.0, 2 * tail / (1 << n))


def win_p(counts: Tally) -> float:
    """Return the sign test's p where there are more wins than losses; 1 else."""
    return sign_test(counts.wins, counts.losses) if counts.wins > counts.losses else 1.0


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return each p-value corrected for their number, in their order.

    Args:
        p_values: Of tests that any of which may make a finding.

    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).
    """
    adjusted = [0.0] * len(p_values)
    least = 0.0
    for done, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - done) * p_values[place]))
        adjusted[place] = least
    return tuple(adjusted)


def prompts_to_tell(counts: Tally, bound: float = EVEN, *, level: float = LEVEL) -> int | None:
    """Return with how many prompts in all the interval should lie on its side of a bound, with a power of 80 %.

    The mean and the variance are taken to stay what they are, with one more win and one more loss: no variance at all
    would promise too much.

    Args:
        counts: What was seen.
        bound: A win rate.
        level: Of the interval.

    Returns:
        At least 6, the fewest with which the sign test can find anything; None where the rate is at the bound, or the
        number beyond a million.
    """
    n = counts.n + 2
    mean = (counts.wins + 1 + counts.ties / 2) / n
    variance = (counts.wins + 1 + counts.ties / 4) / n - mean * mean
    normal = NormalDist()
    reach = (normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(POWER)) ** 2 * variance
    gap = (mean - bound) ** 2
    if reach >= gap * _MOST_PROMPTS:
        return None
    return max(6, ceil(reach / gap))
