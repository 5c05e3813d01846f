"""How long steps that wait for each other may be expected to take together. Pure.

The longest chain of mean times is too short: who waits for five waits for the slowest of them. So each step has a mean
and a deviation, and what waits for several starts at the expected maximum. What came before a stage is common to all
that follows it and makes none of them later than the others: only the steps' own spread counts. Steps that share places
on one line wait for these too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import erf, exp, pi, sqrt
from typing import NamedTuple


class Step(NamedTuple):
    """One step.

    Args:
        name: Unique.
        reads: The steps that it waits for.
        mean_s: Seconds that it takes.
        deviation_s: Their standard deviation.
        line: What it queues for.
        places: So many steps of its line may be under way at once; None for any number.
    """

    name: str
    reads: tuple[str, ...]
    mean_s: float
    deviation_s: float = 0.0
    line: object = None
    places: int | None = None


class Moment(NamedTuple):
    """A point in time that is not known exactly."""

    mean_s: float
    variance: float


def expected_ends(steps: Sequence[Step]) -> dict[str, float]:
    """Return when each step may be expected to end, in seconds from the start.

    Args:
        steps: Each behind those that it reads.

    Source: ours: first come, first served for the places; for the spread Clark, "The greatest of a finite set of random
        variables", Operations Research 9 (1961), with the steps taken as independent of each other.
    """
    queued = _queued_ends(steps)
    free: dict[str, float] = {}
    spread: dict[str, Moment] = {}
    for step in steps:
        free[step.name] = max((free[name] for name in step.reads), default=0.0) + step.mean_s
        ready = _latest([spread[name] for name in step.reads])
        spread[step.name] = Moment(ready.mean_s + step.mean_s, step.deviation_s**2)
    return {name: queued[name] + spread[name].mean_s - free[name] for name in queued}


def _queued_ends(steps: Sequence[Step]) -> dict[str, float]:
    """Return when each step ends where each takes its mean, and the lines have only so many places."""
    by_name: Mapping[str, Step] = {step.name: step for step in steps}
    place = {step.name: number for number, step in enumerate(steps)}
    open_reads = {step.name: len(step.reads) for step in steps}
    readers: dict[str, list[str]] = defaultdict(list)
    for step in steps:
        for read in step.reads:
            readers[read].append(step.name)
    ready_s: dict[str, float] = defaultdict(float)
    waiting = [(0.0, place[step.name], step.name) for step in steps if not step.reads]
    heapify(waiting)
    free_places: dict[object, list[float]] = {}
    ends: dict[str, float] = {}
    while waiting:
        now_s, _, name = heappop(waiting)
        step = by_name[name]
        end_s = ends[name] = _start_s(step, now_s, free_places) + step.mean_s
        if step.places is not None:
            heappush(free_places[step.line], end_s)
        for reader in readers[name]:
            ready_s[reader] = max(ready_s[reader], end_s)
            open_reads[reader] -= 1
            if not open_reads[reader]:
                heappush(waiting, (ready_s[reader], place[reader], reader))
    return ends


def _start_s(step: Step, now_s: float, free_places: dict[object, list[float]]) -> float:
    """Return when a step finds a place; that place is taken."""
    if step.places is None:
        return now_s
    free = free_places.setdefault(step.line, [0.0] * step.places)
    return max(now_s, heappop(free))


def _latest(moments: Sequence[Moment]) -> Moment:
    """Return the expected latest of several moments."""
    latest = moments[0] if moments else Moment(0.0, 0.0)
    for moment in moments[1:]:
        latest = _later(latest, moment)
    return latest


def _later(one: Moment, other: Moment) -> Moment:
    """Return the mean and the variance of the later of two independent normal moments."""
    apart = sqrt(one.variance + other.variance)
    if not apart:
        return max(one, other)
    gap = (one.mean_s - other.mean_s) / apart
    share, density = (1 + erf(gap / sqrt(2))) / 2, exp(-gap * gap / 2) / sqrt(2 * pi)
    mean_s = one.mean_s * share + other.mean_s * (1 - share) + apart * density
    square = (
        (one.mean_s**2 + one.variance) * share
        + (other.mean_s**2 + other.variance) * (1 - share)
        + (one.mean_s + other.mean_s) * apart * density
    )
    return Moment(mean_s, max(square - mean_s**2, 0.0))
