"""Equal spend: what a prompt costs, and the size at which a baseline costs as much as the ensemble. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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


class Cost(NamedTuple):
    """What something cost, in the unit of the spend.

    Args:
        value: As far as it is known.
        is_lower_bound: Whether more belongs to it that nobody told.
    """

    value: float
    is_lower_bound: bool = False


RatioIs: TypeAlias = Literal["whole", "at-least", "at-most", "about"]
"""How a ratio of costs is known: ``about`` where both are lower bounds."""


class Ratio(NamedTuple):
    """What a baseline cost, as a multiple of what the ensemble did on the same prompts, and how that is known."""

    value: float
    known: RatioIs = "whole"


def spend_unit(lines: Iterable[RunLine]) -> Unit:
    """Return in what spend can be compared: money where prices are known and it is not nothing, else tokens.

    Args:
        lines: Of the runs of all models; one that was cut off has prices too.
    """
    return "usd" if known_mean([None if line.unpriced_calls else line.usd for line in lines]) else "tokens"


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


def least_cost(line: RunLine, unit: Unit) -> Cost:
    """Return what a run cost, as far as that is known.

    Args:
        line: The run.
        unit: Of the number.
    """
    if unit == "usd":
        return Cost(line.usd or 0.0, line.money.is_lower_bound)
    return Cost(float(line.input_tokens + WRITTEN_WEIGHT * line.output_tokens), not line.has_all_tokens)


def least_mean(costs: Sequence[Cost]) -> Cost | None:
    """Return the mean: of the costs that are known whole, or a lower bound where fewer than half of them are.

    Args:
        costs: Of each run.

    Returns:
        None where nothing is known.
    """
    whole = known_mean([None if cost.is_lower_bound else cost.value for cost in costs])
    if whole is not None:
        return Cost(whole)
    return Cost(fmean(cost.value for cost in costs), is_lower_bound=True) if any(cost.value for cost in costs) else None


def cost_ratio(ours: Mapping[str, RunLine], theirs: Mapping[str, RunLine], unit: Unit) -> Ratio | None:
    """Return what a baseline cost as a multiple of what the ensemble did, on the prompts that both answered.

    Args:
        ours: The ensemble's runs, by the prompt's id.
        theirs: The baseline's.
        unit: Of the costs.

    Returns:
        Over the prompts whose costs are known of both, where these are half of them at least; else of lower bounds,
        and so told. None where nothing is known.
    """
    pairs = [(least_cost(ours[key], unit), least_cost(theirs[key], unit)) for key in ours if key in theirs]
    whole = [pair for pair in pairs if not pair[0].is_lower_bound and not pair[1].is_lower_bound]
    used = whole if 2 * len(whole) >= len(pairs) else pairs
    one, other = least_mean([pair[0] for pair in used]), least_mean([pair[1] for pair in used])
    if one is None or other is None or not one.value:
        return None
    known: Mapping[tuple[bool, bool], RatioIs] = {
        (False, False): "whole", (False, True): "at-least", (True, False): "at-most", (True, True): "about",
    }  # fmt: skip
    return Ratio(other.value / one.value, known[one.is_lower_bound, other.is_lower_bound])


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
