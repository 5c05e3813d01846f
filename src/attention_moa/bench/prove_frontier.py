"""Quality against cost: what each system is worth a prompt, and which of them nothing cheaper equals. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.bench.bootstrap import mean_interval
from attention_moa.bench.paired import EVEN, rate_interval, tally
from attention_moa.bench.prove_spend import Cost, least_mean
from attention_moa.bench.scores import Interval


class Point(Struct, frozen=True, kw_only=True):
    """A system by its cost and its quality.

    Args:
        system: Its name.
        cost: Of a prompt, in the mean; None where nothing is known of it.
        cost_interval: Its 95 % interval; None for none, as of a lower bound.
        quality: 0 to 1; None where nothing was compared.
        quality_interval: Its 95 % interval; None where there is none, as for the ensemble's own 1/2.
        n: Prompts of the quality.
        is_on_frontier: Whether no other system is as good for as little, as far as costs are known.
        is_cost_lower_bound: Whether more belongs to the cost that nobody told.
    """

    system: str
    cost: float | None
    cost_interval: Interval | None
    quality: float | None
    quality_interval: Interval | None
    n: int
    is_on_frontier: bool = False
    is_cost_lower_bound: bool = False


def point(system: str, costs: Sequence[Cost], scores: Sequence[float | None]) -> Point:
    """Return a system's point.

    Args:
        system: Its name.
        costs: Of each prompt.
        scores: The system's own, of each prompt: 1 where it beat the ensemble, or was right.
    """
    cost = least_mean(costs)
    whole = [one.value for one in costs if not one.is_lower_bound]
    counts = tally(scores)
    return Point(
        system=system,
        cost=None if cost is None else cost.value,
        cost_interval=None if cost is None or cost.is_lower_bound else mean_interval(whole),
        quality=counts.rate,
        quality_interval=rate_interval(counts),
        n=counts.n,
        is_cost_lower_bound=cost is not None and cost.is_lower_bound,
    )


def reference_point(system: str, costs: Sequence[Cost], prompts: int) -> Point:
    """Return the point of the ensemble that all others are compared with: by definition as good as itself.

    Args:
        system: Its name.
        costs: Of each prompt.
        prompts: How many.
    """
    return replace(point(system, costs, []), quality=EVEN, n=prompts)


def with_frontier(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points, each told whether it is on the frontier; what has no cost or no quality is not.

    Args:
        points: Of all systems.
    """
    return tuple(replace(one, is_on_frontier=_is_on_frontier(one, points)) for one in points)


def _is_on_frontier(one: Point, points: Sequence[Point]) -> bool:
    if one.cost is None or one.quality is None:
        return False
    return not any(_is_better(other, one.cost, one.quality) for other in points)


def _is_better(other: Point, cost: float, quality: float) -> bool:
    if other.cost is None or other.quality is None:
        return False
    is_as_good = other.cost <= cost and other.quality >= quality
    return is_as_good and (other.cost < cost or other.quality > quality)
