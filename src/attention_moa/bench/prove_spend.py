"""Equal spend: what a prompt costs, and the size at which a baseline costs as much as the ensemble. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.bench.run_lines import RunLine
from attention_moa.plan import PlanSum

Unit: TypeAlias = Literal["usd", "tokens"]

WRITTEN_WEIGHT = 4
"""Tokens of a prompt that cost as much as a written one, on most price lists."""


class Sized(NamedTuple):
    """A size of a baseline.

    Args:
        size: Samples or layers.
        expected: What a prompt is expected to cost, in the unit of the spend.
    """

    size: int
    expected: float


def spend_unit(lines: Iterable[RunLine]) -> Unit:
    """Return in what spend can be compared: money where it is known and not nothing, else tokens.

    Args:
        lines: Of the runs of all models.
    """
    return "usd" if known_mean([line.whole_usd for line in lines]) else "tokens"


def known_mean(costs: Sequence[float | None]) -> float | None:
    """Return the mean of the costs that are known; None where fewer than half of them are.

    A run that was cut off and went on has calls that nobody counted: that makes the others no less known.

    Args:
        costs: Of each run; None for unknown.
    """
    known = [cost for cost in costs if cost is not None]
    return fmean(known) if known and 2 * len(known) >= len(costs) else None


def line_cost(line: RunLine, unit: Unit) -> float | None:
    """Return what a run cost; None where that is not known whole.

    Args:
        line: The run.
        unit: Of the number.
    """
    if unit == "usd":
        return line.whole_usd
    return None if not line.has_all_tokens else float(line.input_tokens + WRITTEN_WEIGHT * line.output_tokens)


def plan_cost(planned: PlanSum, unit: Unit) -> float | None:
    """Return what a planned run costs; None where that is not known.

    Args:
        planned: The run.
        unit: Of the number.
    """
    return planned.usd if unit == "usd" else float(planned.prompt_tokens + WRITTEN_WEIGHT * planned.written_tokens)


def mean_cost(lines: Iterable[RunLine], unit: Unit) -> float | None:
    """Return what a run cost in the mean; None where that is not known of half of them at least.

    Args:
        lines: The runs.
        unit: Of the number.
    """
    return known_mean([line_cost(line, unit) for line in lines])


def nearest_size(cost_of: Callable[[int], float], sizes: Sequence[int], target: float) -> Sized:
    """Return the size whose cost is nearest to a target: the first size that costs more ends the search.

    Args:
        cost_of: The expected cost of a size; it grows with the size.
        sizes: Those there can be, ascending; at least one.
        target: What it should cost.
    """
    best = Sized(sizes[0], cost_of(sizes[0]))
    for size in sizes[1:]:
        if best.expected >= target:
            break
        other = Sized(size, cost_of(size))
        if abs(other.expected - target) < abs(best.expected - target):
            best = other
        if other.expected >= target:
            break
    return best
