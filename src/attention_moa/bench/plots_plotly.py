"""Figures for a page: what plotly.js draws, and plotly.js itself, out of the package that brings it.

The library's own Python part is not imported: what a chart is stands in JSON, and only its script is needed.
"""

from __future__ import annotations

import html
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from attention_moa.bench.plots import Figure, Mark, Panel, Series, deviations, names_in, short
from attention_moa.errors import ConfigError

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a0522d")
"""After Okabe and Ito: told apart without seeing red or green, on white and on black."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "triangle-down")
_ROW = 30
_SCRIPT = "plotly/package_data/plotly.min.js"


def plotly_script() -> str:
    """Return plotly.js.

    Raises:
        ConfigError: The package that holds it is not installed.
    """
    try:
        path = Path(str(distribution("plotly").locate_file(_SCRIPT)))
        return path.read_text(encoding="utf-8")
    except (PackageNotFoundError, OSError) as error:
        raise ConfigError("reports need plotly: pip install 'attention-moa[bench]'") from error


def chart_of(figure: Figure, panel: Panel) -> dict[str, Any]:
    """Return what plotly.js draws for one panel: ``data`` and ``layout``; colours of text and lines are the page's.

    Args:
        figure: The panel's.
        panel: One of its.
    """
    names = names_in(figure)
    has_legend = len(names) > 1
    traces = [_trace(panel, series, names.index(series.name), has_legend=has_legend) for series in panel.series]
    across, up = _axis(panel.x_title), _axis(panel.y_title)
    height = 300
    if panel.kind == "dots":
        across, up = _axis(panel.y_title), _axis("")
        up |= {"type": "category", "categoryorder": "array", "autorange": "reversed", "showgrid": True}
        up["categoryarray"] = [_plain(name) for name in panel.order]
        up |= {"tickvals": up["categoryarray"], "ticktext": [_plain(short(name)) for name in panel.order]}
        height = 110 + _ROW * max(len(panel.order), 1) * (1 if len(names) < 3 else 2)
    elif panel.kind == "line" and panel.order:
        across |= {"tickmode": "array", "tickvals": list(panel.order)}
    elif panel.kind == "scatter":
        across["rangemode"] = "tozero"
    (across if panel.kind == "dots" else up)["range"] = list(panel.reach)
    layout = {
        "height": height + (30 if has_legend else 0),
        "margin": {"l": 8, "r": 16, "t": 12, "b": 8, "pad": 4},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": has_legend,
        "legend": {"orientation": "h", "y": -0.25, "yanchor": "top", "x": 0},
        "hovermode": "closest",
        "xaxis": across,
        "yaxis": up,
    }
    if panel.kind == "dots":
        layout["scattermode"] = "group"  # systems side by side within a row
    return {"data": traces, "layout": layout}


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": _plain(title), "font": {"size": 12}}, "automargin": True, "zeroline": False}


def _trace(panel: Panel, series: Series, place: int, *, has_legend: bool) -> dict[str, Any]:
    colour = COLOURS[place % len(COLOURS)]
    values = [mark.y for mark in series.marks]
    places = [_plain(mark.x) if isinstance(mark.x, str) else mark.x for mark in series.marks]
    is_flat = panel.kind == "dots"
    trace: dict[str, Any] = {
        "type": "scatter",
        "name": _plain(short(series.name)),
        "mode": {"line": "lines+markers", "dots": "markers", "scatter": "markers"}[panel.kind],
        "x": values if is_flat else places,
        "y": places if is_flat else values,
        "marker": {"color": colour, "symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9},
        "line": {"color": colour, "width": 2},
        "cliponaxis": False,
        "showlegend": has_legend,
        "hovertext": [_told(mark, series, panel) for mark in series.marks],
        "hoverinfo": "text",
        **({"orientation": "h"} if is_flat else {}),
        "error_x" if is_flat else "error_y": _errors(
            colour, [deviations(one.y, one.y_interval) for one in series.marks]
        ),
    }
    if panel.kind == "scatter":
        sideways = [deviations(one.x, one.x_interval) if isinstance(one.x, float) else (0, 0) for one in series.marks]
        trace["error_x"] = _errors(colour, sideways)
    return trace


def _errors(colour: str, reach: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "arrayminus": [below for below, _ in reach],
        "array": [above for _, above in reach],
        "visible": any(below or above for below, above in reach),
        "color": colour,
        "thickness": 1.5,
        "width": 3,
    }


def _told(mark: Mark, series: Series, panel: Panel) -> str:
    what = mark.label or series.name
    where = mark.x if isinstance(mark.x, str) else f"{panel.x_title} {mark.x:,.4g}"
    interval = mark.y_interval
    spread = "" if interval is None else f" ({interval.low:,.4g} to {interval.high:,.4g})"
    return "<br>".join(map(_plain, (what, where, f"{panel.y_title}: {mark.y:,.4g}{spread}")))


def _plain(text: object) -> str:
    """Return text that plotly shows as it is: it takes some tags of HTML else."""
    return html.escape(str(text), quote=False)
