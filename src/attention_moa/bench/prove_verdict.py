"""The rule by which comparisons at equal spend become a verdict. Pure; ``docs/prove.md`` has it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.bench.paired import (
    ALPHA,
    EVEN,
    Tally,
    holm,
    prompts_to_tell,
    rate_interval,
    sign_test,
    tally,
    win_p,
)
from attention_moa.bench.prove_spend import Ratio, RatioIs
from attention_moa.bench.scores import Interval

Decision: TypeAlias = Literal["use", "use-for-kinds", "do-not-use", "cannot-tell"]
Doubt: TypeAlias = Literal["nothing-compared", "missing", "no-equal-spend", "too-few-prompts"]

WORTH = 0.05
"""The gain in score below which nobody would notice that the ensemble is better."""
MOST_RATIO = 1.25
"""A baseline that costs more than so many times the ensemble is not held against it."""
LEAST_RATIO = 0.8
"""A baseline that costs less is no proof at equal spend, though it has to be beaten."""
MOST_MISSING = 0.1
FEWEST_PROMPTS = 6
"""With fewer the sign test finds nothing, whatever they say."""


class Comparison(Struct, frozen=True, kw_only=True):
    """The ensemble against one baseline.

    Args:
        system: The baseline.
        counts: The ensemble's wins, ties and losses.
        rate: Its score: the mean over prompts, where a win counts 1 and a tie half. None without prompts.
        interval: Its 95 % interval; None for fewer than two prompts.
        p: Of the sign test, two-sided.
        cost_ratio: What the baseline cost a prompt, as a multiple of what the ensemble did; None for unknown.
        ratio_is: How that is known.
    """

    system: str
    counts: Tally
    rate: float | None
    interval: Interval | None
    p: float
    cost_ratio: float | None = None
    ratio_is: RatioIs = "whole"

    @property
    def is_held_against(self) -> bool:
        """Whether the ensemble has to beat it: it did not cost clearly more, as far as is known."""
        return self.cost_ratio is None or self.cost_ratio <= MOST_RATIO or not self._is_no_less

    @property
    def has_equal_spend(self) -> bool:
        """Whether it is known to have cost about what the ensemble did, or more."""
        return self.cost_ratio is not None and self.cost_ratio >= LEAST_RATIO and self._is_no_less

    @property
    def _is_no_less(self) -> bool:
        """Whether the true ratio cannot be lower than the one that is told."""
        return self.ratio_is in {"whole", "at-least"}

    @property
    def is_whole(self) -> bool:
        """Whether few enough prompts are missing to say anything."""
        return self.counts.missing_share <= MOST_MISSING

    @property
    def is_won(self) -> bool:
        """Whether the ensemble is better, by interval and test."""
        return self.interval is not None and self.interval.low > EVEN and win_p(self.counts) <= ALPHA and self.is_whole


class Verdict(Struct, frozen=True, kw_only=True):
    """What to do.

    Args:
        decision: One of four.
        kinds: For which kinds to use it, where that is the decision.
        not_for: Kinds for which it should not be used.
        strongest: The baseline that came closest, of those that are held against the ensemble, of equals the dearest;
            None without any.
        is_worse: Of *do not use*: whether it is worse than a baseline, and not only no better.
        doubt: Why nobody can tell; None where somebody can.
        more_prompts: About how many more prompts would tell; None where that is not known, or it can tell.
    """

    decision: Decision
    kinds: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    strongest: str | None = None
    is_worse: bool = False
    doubt: Doubt | None = None
    more_prompts: int | None = None


def compared(system: str, scores: Sequence[float | None], *, cost_ratio: Ratio | float | None = None) -> Comparison:
    """Return what prompts say of the ensemble against a baseline.

    Args:
        system: The baseline.
        scores: One a prompt: 1, 1/2 or 0 for the ensemble; None for missing.
        cost_ratio: The baseline's cost as a multiple of the ensemble's; None where that is not known.
    """
    counts = tally(scores)
    ratio = cost_ratio if isinstance(cost_ratio, Ratio) or cost_ratio is None else Ratio(cost_ratio)
    return Comparison(
        system=system,
        counts=counts,
        rate=counts.rate,
        interval=rate_interval(counts),
        p=sign_test(counts.wins, counts.losses),
        cost_ratio=None if ratio is None else ratio.value,
        ratio_is="whole" if ratio is None else ratio.known,
    )


def decide(whole: Sequence[Comparison], by_kind: Mapping[str, Sequence[Comparison]]) -> Verdict:
    """Return the verdict.

    Args:
        whole: The ensemble against each baseline, over all prompts.
        by_kind: The same over the prompts of each kind; empty where prompts have no kinds.
    """
    kinds = {kind: rows for kind, rows in by_kind.items() if _has_enough(rows)}
    worth = _kinds_won(kinds)
    useless = tuple(kind for kind, rows in kinds.items() if not_worth(rows, families=len(kinds)) is not None)
    strongest = _strongest(whole)
    if _is_proven(whole):
        return Verdict(decision="use", not_for=useless, strongest=strongest)
    if worth:
        return Verdict(decision="use-for-kinds", kinds=worth, not_for=useless, strongest=strongest)
    better = not_worth(whole)
    if better is not None:
        is_worse = better.interval is not None and better.interval.high < EVEN
        return Verdict(decision="do-not-use", not_for=useless, strongest=better.system, is_worse=is_worse)
    doubt = _doubt(whole)
    more = _more_prompts(whole) if doubt == "too-few-prompts" else None
    return Verdict(decision="cannot-tell", not_for=useless, strongest=strongest, doubt=doubt, more_prompts=more)


def not_worth(rows: Sequence[Comparison], *, families: int = 1) -> Comparison | None:
    """Return the baseline beside which the ensemble is worse, or better by too little; None where there is none.

    Where there are several it is the one with the most against the ensemble, of equals the cheapest.

    Args:
        rows: The ensemble against each baseline.
        families: How many such sets of baselines are looked through.
    """
    held = [row for row in rows if row.is_held_against]
    found = [row for row in held if row.is_whole and _is_not_worth(row.counts, _level(len(held) * families))]
    return min(found, key=lambda row: (_rate_of(row), inf if row.cost_ratio is None else row.cost_ratio), default=None)


def _level(tests: int) -> float:
    return 1 - ALPHA / max(tests, 1)


def _is_not_worth(counts: Tally, level: float) -> bool:
    interval = rate_interval(counts, level=level)
    return counts.n >= FEWEST_PROMPTS and interval is not None and interval.high < EVEN + WORTH


def _is_proven(rows: Sequence[Comparison]) -> bool:
    held = [row for row in rows if row.is_held_against]
    return bool(rows) and all(row.is_won for row in held) and any(row.is_won and row.has_equal_spend for row in rows)


def _kinds_won(kinds: Mapping[str, Sequence[Comparison]]) -> tuple[str, ...]:
    hardest = [max((win_p(row.counts) for row in rows if row.is_held_against), default=1.0) for rows in kinds.values()]
    corrected = zip(kinds.items(), holm(hardest), strict=True)
    return tuple(kind for (kind, rows), p in corrected if p <= ALPHA and _is_proven(rows))


def _has_enough(rows: Sequence[Comparison]) -> bool:
    return all(row.counts.n >= FEWEST_PROMPTS for row in rows if row.is_held_against)


def _rate_of(row: Comparison) -> float:
    return 1.0 if row.rate is None else row.rate


def _strongest(rows: Sequence[Comparison]) -> str | None:
    held = [row for row in rows if row.is_held_against and row.rate is not None]
    return min(held, key=lambda row: (_rate_of(row), -(row.cost_ratio or 0.0))).system if held else None


def _doubt(rows: Sequence[Comparison]) -> Doubt:
    if not any(row.counts.n for row in rows):
        return "nothing-compared"
    if any(not row.is_whole for row in rows if row.is_held_against):
        return "missing"
    if not any(row.has_equal_spend for row in rows):
        return "no-equal-spend"
    return "too-few-prompts"


def _more_prompts(rows: Sequence[Comparison]) -> int | None:
    """Return how many more prompts would show that it is better than all, or not worth it beside one."""
    held = [row for row in rows if row.is_held_against]
    to_win = [prompts_to_tell(row.counts) if _rate_of(row) > EVEN else None for row in held]
    to_lose = [
        prompts_to_tell(row.counts, EVEN + WORTH, level=_level(len(held)))
        for row in held
        if _rate_of(row) < EVEN + WORTH
    ]
    ways = [count for count in to_lose if count is not None]
    wins = [count for count in to_win if count is not None]
    if wins and len(wins) == len(held):
        ways.append(max(wins))
    return max(min(ways) - min(row.counts.n for row in held), 1) if ways else None
