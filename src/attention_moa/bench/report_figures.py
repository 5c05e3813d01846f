"""The figures of a report: scores with intervals, what they cost, and where they come from. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.bench.plots import Figure, Mark, Panel, Series
from attention_moa.bench.report_scores import front_scores, grouped, main_name, score_of, score_title
from attention_moa.bench.results import Results, SystemResult
from attention_moa.bench.scores import Score

_MANY = 40


def figures_of(results: Results) -> tuple[Figure, ...]:
    """Return the figures that there is something to draw for.

    Args:
        results: Of a benchmark.
    """
    return (*_scores(results), *_prices(results), *_groups(results))


def mark_of(x: float | str, score: Score, label: str = "") -> Mark:
    """Return a score as a point.

    Args:
        x: Where it is drawn.
        score: One with a value.
        label: What the point is called.
    """
    return Mark(x=x, y=score.value or 0.0, y_interval=score.interval, label=label)


def cost_axis(systems: Sequence[SystemResult]) -> str:
    """Return what costs are told in: US dollars where every price is known and something costs, else tokens."""
    is_known = all(one.usd is not None for one in systems) and any(one.usd for one in systems)
    return "US dollars a question" if is_known else "tokens a question"


def cost_of(system: SystemResult, axis: str) -> float | None:
    """Return what a question costs a system, in the unit of an axis; None where it came to none.

    Args:
        system: Who.
        axis: As ``cost_axis`` gives it.
    """
    reached = system.questions - system.not_reached
    if not reached or not system.planned_calls:
        return None
    if axis.startswith("US"):
        return None if system.usd is None else system.usd / reached
    return system.tokens / reached if system.tokens or not system.tokens_are_lower_bound else None


def is_cost_lower_bound(system: SystemResult, axis: str) -> bool:
    """Return whether more belongs to what a question costs a system than anybody told.

    Args:
        system: Who.
        axis: As ``cost_axis`` gives it.
    """
    return system.usd_is_lower_bound if axis.startswith("US") else system.tokens_are_lower_bound


def _bounds(systems: Sequence[SystemResult], axis: str) -> str:
    """Return which costs are lower bounds, as a sentence; empty where none is."""
    names = ", ".join(one.name for one in systems if is_cost_lower_bound(one, axis))
    told = f" Not all costs of {names} are known: these points stand at lower bounds, and belong further right."
    return told if names else ""


def _scores(results: Results) -> Iterator[Figure]:
    panels: list[Panel] = []
    for name in front_scores(results.task):
        marks = [(one.name, score) for one in results.systems if (score := score_of(one, name)) is not None]
        if marks:
            series = Series(name="systems", marks=tuple(mark_of(system, score) for system, score in marks))
            order = tuple(system for system, _ in marks)
            panels.append(Panel(kind="dots", x_title="", y_title=score_title(name), series=(series,), order=order))
    if panels:
        yield Figure(name="scores", title="Scores, with 95 % intervals over questions", panels=tuple(panels))


def _prices(results: Results) -> Iterator[Figure]:
    axis = cost_axis(results.systems)
    costs = _against([(one, cost_of(one, axis)) for one in results.systems], results.task, axis)
    times = [(one, one.seconds.median if one.seconds is not None else None) for one in results.systems]
    latency = _against(times, results.task, "median seconds a run")
    panels = tuple(panel for panel in (costs, latency) if panel is not None)
    if panels:
        caption = (
            "Up is better, left is cheaper or quicker: what has nothing above and to the left of it is worth its price."
            f"{_bounds(results.systems, axis)}"
        )
        yield Figure(name="cost-quality", title="Quality against cost and time", panels=panels, caption=caption)


def _against(places: Sequence[tuple[SystemResult, float | None]], task: str, title: str) -> Panel | None:
    """Return the main score over something that it takes; None where there are no two points to compare."""
    main = main_name(task, [one for one, _ in places]) or ""
    found = [(one, at, score) for one, at in places if at is not None and (score := score_of(one, main)) is not None]
    if len(found) < 2:
        return None
    series = tuple(Series(name=one.name, marks=(mark_of(float(at), score, one.name),)) for one, at, score in found)
    return Panel(kind="scatter", x_title=title, y_title=score_title(main), series=series)


def _groups(results: Results) -> Iterator[Figure]:
    by_system = {one.name: grouped(one) for one in results.systems}
    for kind in dict.fromkeys(kind for groups in by_system.values() for kind in groups):
        order = tuple(dict.fromkeys(name for groups in by_system.values() for name in groups.get(kind, {})))
        if not 1 < len(order) <= _MANY:
            continue
        series = tuple(
            Series(name=name, marks=tuple(mark_of(group, score) for group, score in groups[kind].items()))
            for name, groups in by_system.items()
            if groups.get(kind)
        )
        panel = Panel(kind="dots", x_title="", y_title="score", series=series, order=order)
        yield Figure(name=f"by-{kind.split()[0]}", title=f"Scores by {kind}", panels=(panel,))
