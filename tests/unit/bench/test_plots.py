"""Figures as values, as charts for a page and as pictures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from attention_moa.bench.plots import Figure, Mark, Panel, Series, deviations
from attention_moa.bench.plots_plotly import chart_of
from attention_moa.bench.plots_static import write_pictures
from attention_moa.bench.scores import Interval


def _figure(kind: str = "line", **fields: object) -> Figure:
    marks = (Mark(x=1, y=4.0, y_interval=Interval(3.0, 6.0)), Mark(x=2, y=5.0))
    if kind == "dots":
        marks = (Mark(x="<b>a</b>", y=4.0, y_interval=Interval(3.0, 6.0)), Mark(x="b", y=5.0))
    series = (Series(name="moa", marks=marks), Series(name="other", marks=marks[:1]))
    order = {"dots": ("b", "<b>a</b>"), "line": (1, 2)}.get(kind, ())
    panel = Panel(kind=kind, x_title="layers", y_title="score", series=series, order=order, **fields)  # type: ignore[arg-type]  # checked when made
    return Figure(name="f", title="T", panels=(panel,))


def test_every_kind_is_a_chart_that_plotly_takes() -> None:
    """The charts are written by hand; plotly's own checks know every field of them."""
    graph_objects = import_module("plotly.graph_objects")
    for kind in ("line", "dots", "scatter"):
        figure = _figure(kind)
        chart = graph_objects.Figure(chart_of(figure, figure.panels[0]))
        assert len(chart.data) == 2


def test_intervals_reach_from_their_value_and_never_backwards() -> None:
    """An interval need not hold its value: a bar of negative length would be drawn to the wrong side."""
    assert deviations(4.0, Interval(3.0, 6.0)) == (1.0, 2.0)
    assert deviations(4.0, Interval(4.5, 6.0)) == (0.0, 2.0)
    assert deviations(4.0, None) == (0.0, 0.0)
    trace = chart_of(_figure(), _figure().panels[0])["data"][0]
    assert trace["error_y"]["arrayminus"] == [1.0, 0.0]
    assert trace["error_y"]["array"] == [2.0, 0.0]


def test_names_are_rows_and_values_go_to_the_right() -> None:
    """Long names need room, and are not turned."""
    figure = _figure("dots")
    chart = chart_of(figure, figure.panels[0])
    assert chart["data"][0]["y"] == ["&lt;b&gt;a&lt;/b&gt;", "b"]
    assert chart["data"][0]["x"] == [4.0, 5.0]
    assert chart["layout"]["yaxis"]["categoryarray"] == ["b", "&lt;b&gt;a&lt;/b&gt;"]


def test_points_of_a_scatter_stand_where_their_values_are() -> None:
    """Only rows of names move their points apart."""
    for kind, is_grouped in (("line", False), ("scatter", False), ("dots", True)):
        figure = _figure(kind)
        assert ("scattermode" in chart_of(figure, figure.panels[0])["layout"]) is is_grouped


def test_axes_hold_all_intervals() -> None:
    """What is cut off at the edge is not seen to be uncertain; nothing that is not below 0 has an axis that is."""
    low, high = _figure().panels[0].reach
    assert low < 3.0
    assert high > 6.0
    assert _figure(has_zero=True).panels[0].reach[0] == 0.0
    assert Panel(kind="line", x_title="", y_title="", series=()).reach == (0.0, 1.0)


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    """A paper's repository sees a change only where there is one."""
    figures = [_figure(kind) for kind in ("line", "dots", "scatter")]
    for figure in figures:
        one, two = write_pictures([figure], tmp_path / "a"), write_pictures([figure], tmp_path / "b")
        assert [path.suffix for path in one] == [".svg", ".png"]
        assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_figure_asks_no_address_for_anything(tmp_path: Path) -> None:
    """An SVG may hold links and scripts; ours has none, whatever a name says."""
    figure = _figure("dots")
    text = write_pictures([figure], tmp_path)[0].read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;b&gt;a&lt;/b&gt;" in text
