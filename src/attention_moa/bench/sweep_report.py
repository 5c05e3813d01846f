"""The report of a sweep: its figures, drawn as the paper draws them, and a table of all points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attention_moa.bench.plots import Figure, Mark, Panel, Series
from attention_moa.bench.plots_static import write_pictures
from attention_moa.bench.report import FIGURES, REPORT, write_page
from attention_moa.bench.report_page import Cell, Page, Section, Table, Words
from attention_moa.bench.report_scores import score_title
from attention_moa.bench.report_words import NONE, UNKNOWN, at_least, money, number, spread, told
from attention_moa.bench.scores import Interval
from attention_moa.bench.sweep_points import QUESTIONS
from attention_moa.bench.sweep_results import Amount, PointResult, SweepResults

_MOST_LINES = 8
_MOST_NAMED = 3
Height = Callable[[PointResult], tuple[float, Interval | None] | None]


def write_sweep_report(results: SweepResults, folder: Path) -> Path:
    """Return the report of a sweep, written into its folder; its figures are in ``figures/``.

    Args:
        results: What it came to.
        folder: Where.

    Raises:
        ConfigError: What draws is not installed.
        StoreError: It cannot be written.
    """
    figures = sweep_figures(results)
    write_pictures(figures, folder / FIGURES)
    return write_page(_page(results, figures), folder / REPORT)


def sweep_figures(results: SweepResults) -> tuple[Figure, ...]:
    """Return the figures of a sweep: score, cost and time over the same points, and where runs stopped early.

    Args:
        results: What it came to.
    """
    return (*_main(results), *_stops(results))


def table_of(results: SweepResults) -> Table:
    """Return a row a point.

    Args:
        results: What the sweep came to.
    """
    points = results.points
    name = next((score_title(one.score.name) for one in points if one.score is not None), "score")
    has_difference = any(one.against_first is not None for one in points)
    has_stops = any(one.stopped for one in points)
    headings = (
        *results.axes,
        name,
        *(("against first",) if has_difference else ()),
        "n",
        "missing",
        "failed",
        "US$ each",
        "tokens each",
        "seconds",
        *(("stopped early", "tokens saved") if has_stops else ()),
    )
    rows = tuple(
        (
            *(Cell(text=label, is_number=False) for label in one.labels),
            _cell(*told(one.score)),
            *((_amount(one.against_first, 1),) if has_difference else ()),
            *(Cell(text=NONE if one.score is None else f"{n:,}") for n in _counts(one)),
            Cell(text=f"{one.system.failed:,}"),
            _usd(one.usd),
            _amount(one.tokens, 0, none=UNKNOWN if one.system.tokens_are_lower_bound else NONE),
            _amount(one.seconds, 1),
            *((_share(one.stopped), _share(one.tokens_saved)) if has_stops else ()),
        )
        for one in points
    )
    return Table(headings=headings, rows=rows)


def _counts(one: PointResult) -> tuple[int, int]:
    return (0, 0) if one.score is None else (one.score.n, one.score.missing)


def _page(results: SweepResults, figures: Sequence[Figure]) -> Page:
    is_scored = any(one.score is not None for one in results.points)
    facts = (
        ("benchmark", ", ".join(dict.fromkeys(Path(one.benchmark).stem for one in results.points))),
        ("questions", f"{results.asked:,}"),
        ("points", f"{len(results.points):,}"),
        ("judge", results.judge or ("not asked: scored by rule" if is_scored else "nobody")),
        ("date", results.date.replace("T", " ").replace("+00:00", " UTC")),
        ("spent", money(results.usd, is_lower_bound=results.usd_is_lower_bound)),
        *(("settings", one) for one in results.settings_hashes.values()),
        *results.versions.items(),
    )
    capped = (
        f"Replies were capped at {results.max_tokens:,} tokens: longer answers were cut off."
        if results.max_tokens
        else ""
    )
    notes = (
        "Intervals are 95 %, by the bootstrap over questions, of each point by itself. The points answer the same "
        "questions: two whose intervals overlap may differ, and where each question is right or wrong the column "
        "'against first' has the interval of the difference.",
        f"{len(results.points)} points are as many chances to look good: the best of them is not thereby better.",
        *results.notes,
        *(f"Left out: {line}." for line in results.left_out),
    )
    sections = (
        Section(title="Figures", parts=tuple(figures)),
        Section(title="Points", parts=(table_of(results), Words(lines=notes, is_list=True))),
    )
    return Page(
        title=results.title,
        lead=results.description,
        facts=facts,
        warnings=tuple(line for line in (*results.warnings, capped) if line),
        sections=sections,
    )


def _main(results: SweepResults) -> Iterator[Figure]:
    is_priced = all(one.usd is not None for one in results.points) and any(_mean(one.usd) for one in results.points)
    name = next((score_title(one.score.name) for one in results.points if one.score is not None), "")
    heights: list[tuple[str, Height, bool]] = [
        (name, _score, False),
        (f"US dollars a question{_mark(one.usd for one in results.points)}", lambda one: _pair(one.usd), True)
        if is_priced
        else (f"tokens a question{_mark(one.tokens for one in results.points)}", lambda one: _pair(one.tokens), True),
        ("seconds a run", lambda one: _pair(one.seconds), True),
    ]
    if any(one.stopped for one in results.points):
        heights.append(("runs stopped early, %", lambda one: (100 * one.stopped, None), True))
        if sum(one.tokens_saved is not None for one in results.points) > 1:
            heights.append(("tokens saved, %", _saved, False))
    panels = [panel for title, of, has_zero in heights if (panel := _panel(results, title, of, has_zero=has_zero))]
    if panels:
        caption = _bounds([one.label for one in results.points if _is_lower_bound(one, is_priced=is_priced)])
        yield Figure(name="sweep", title=results.title, panels=tuple(panels), caption=caption)


def _is_lower_bound(one: PointResult, *, is_priced: bool) -> bool:
    found = one.usd if is_priced else one.tokens
    return found is not None and found.is_lower_bound


def _bounds(labels: Sequence[str]) -> str:
    """Return of which points the cost is a lower bound; of many, how many they are: the table marks each."""
    if not labels:
        return ""
    which = "; ".join(labels) if len(labels) <= _MOST_NAMED else f"{len(labels)} points (marked + in the table)"
    return f"What is not known whole, so at least this much: the cost of {which}."


def _mark(amounts: Iterable[Amount | None]) -> str:
    """Return what stands behind the title of numbers some of which are lower bounds."""
    return " (some are lower bounds)" if any(one is not None and one.is_lower_bound for one in amounts) else ""


def _panel(results: SweepResults, title: str, height: Height, *, has_zero: bool) -> Panel | None:
    """Return one panel: the first axis along it, a series for each combination of the others."""
    is_number = all(_is_number(one.labels[0]) for one in results.points) and results.axes[0] != QUESTIONS
    lines: dict[str, list[Mark]] = {}
    for one in results.points:
        found = height(one)
        if found is None:
            continue
        x: float | str = float(one.labels[0]) if is_number else _short(one.labels[0])
        mark = Mark(x=x, y=found[0], y_interval=found[1], label=one.label)
        lines.setdefault(", ".join(map(_short, one.labels[1:])) or results.axes[0], []).append(mark)
    if not lines:
        return None
    series = tuple(Series(name=name, marks=tuple(marks)) for name, marks in lines.items())
    order = dict.fromkeys(mark.x for marks in lines.values() for mark in marks)
    return Panel(
        kind="line" if is_number else "dots",
        x_title=results.axes[0].replace("_", " "),
        y_title=title,
        series=series,
        order=tuple(sorted(order)) if is_number else tuple(order),
        has_zero=has_zero,
    )


def _stops(results: SweepResults) -> Iterator[Figure]:
    """Yield the shares of runs that each layer ended, where any did."""
    stopping = [one for one in results.points if one.ended_in][:_MOST_LINES]
    most = max((one.layers for one in stopping), default=0)
    if most < 3:  # one layer to stop in is no curve
        return
    layers = tuple(float(layer) for layer in range(2, most + 1))
    series = tuple(
        Series(
            name=one.label,
            marks=tuple(Mark(x=layer, y=100 * one.ended_in.get(f"{layer:.0f}", 0.0)) for layer in layers),
        )
        for one in stopping
    )
    panel = Panel(
        kind="line", x_title="layer", y_title="runs that it ended, %", series=series, order=layers, has_zero=True
    )
    caption = "Of all runs of a point; the rest had all layers. A stop in the last layer saves only its residual text."
    yield Figure(name="stops", title="Early stopping by layer", panels=(panel,), caption=caption)


def _score(one: PointResult) -> tuple[float, Interval | None] | None:
    score = one.score
    return None if score is None or score.value is None else (score.value, score.interval)


def _saved(one: PointResult) -> tuple[float, Interval | None] | None:
    return None if one.tokens_saved is None else (100 * one.tokens_saved, None)


def _pair(amount: Amount | None) -> tuple[float, Interval | None] | None:
    return None if amount is None else (amount.mean, amount.interval)


def _mean(amount: Amount | None) -> float:
    return 0.0 if amount is None else amount.mean


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def _short(label: str) -> str:
    """Return a label that fits beside an axis: of a file its name alone."""
    return Path(label).stem if label.endswith(".jsonl") else label


def _cell(text: str, note: str) -> Cell:
    return Cell(text=text, note=note)


def _usd(found: Amount | None) -> Cell:
    if found is None:
        return Cell(text=UNKNOWN)
    return Cell(text=money(found.mean, is_lower_bound=found.is_lower_bound).removeprefix("$"))


def _amount(found: Amount | None, digits: int, *, none: str = NONE) -> Cell:
    if found is None:
        return Cell(text=none)
    text = at_least(number(float(found.mean), digits), is_lower_bound=found.is_lower_bound)
    return Cell(text=text, note=spread(found.interval, digits))


def _share(value: float | None) -> Cell:
    return Cell(text=NONE if value is None else f"{100 * value:.1f} %")
