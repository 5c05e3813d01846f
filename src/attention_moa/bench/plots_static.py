"""Figures for a paper: SVG and PNG, drawn without a browser and without a screen.

plotly's own way to pictures (kaleido) starts a browser, which servers and CI do not have; matplotlib needs nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attention_moa.bench.plots import Figure, Panel, deviations, names_in, short
from attention_moa.bench.plots_plotly import COLOURS
from attention_moa.errors import ConfigError, StoreError, describe

_MARKERS = "osD^PX*v"
_PANEL_INCHES = (4.6, 3.4)
_ROW_INCHES = 0.32
_LETTER_INCHES = 0.06
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "attention-moa",  # equal figures are equal files
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "text.parse_math": False,  # a name with a $ is a name
}


def write_pictures(figures: Sequence[Figure], folder: Path) -> tuple[Path, ...]:
    """Write each figure as ``NAME.svg`` and ``NAME.png``; return the files.

    Args:
        figures: What to draw.
        folder: Where; made where there is none.

    Raises:
        ConfigError: matplotlib is not installed.
        StoreError: A file cannot be written.
    """
    if find_spec("matplotlib") is None:
        raise ConfigError("pictures need matplotlib: pip install 'attention-moa[bench]'")
    mpl: Any = import_module("matplotlib")  # typed in part only

    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a font without some sign is no news to a reader
            for figure in figures:
                written += _written(figure, folder)
    except OSError as error:
        raise StoreError(f"{folder}: the figures cannot be written: {describe(error)}") from error
    return tuple(written)


def _written(figure: Figure, folder: Path) -> list[Path]:
    from matplotlib.figure import Figure as Canvas

    width, height = _PANEL_INCHES
    names_wide = max(
        (len(short(name)) for panel in figure.panels if panel.kind == "dots" for name in panel.order), default=0
    )
    rows = max((len(panel.order) for panel in figure.panels if panel.kind == "dots"), default=0)
    size = ((width + _LETTER_INCHES * names_wide) * len(figure.panels), max(height, 1.4 + _ROW_INCHES * rows))
    canvas: Any = Canvas(figsize=size, layout="constrained")
    canvas.suptitle(figure.title, fontsize=11)
    names = names_in(figure)
    for place, panel in enumerate(figure.panels, start=1):
        _draw(canvas.add_subplot(1, len(figure.panels), place), panel, names)
    if len(names) > 1:
        handles: dict[str, Any] = {}
        for axes in canvas.axes:
            found, called = axes.get_legend_handles_labels()
            handles |= dict(zip(called, found, strict=True))
        canvas.legend(handles.values(), handles, loc="outside lower center", ncols=min(len(handles), 4), frameon=False)
    paths = [folder / f"{figure.name}.svg", folder / f"{figure.name}.png"]
    canvas.savefig(paths[0], metadata={"Date": None})
    canvas.savefig(paths[1], dpi=160, metadata={"Software": None})
    return paths


def _draw(
    axes: Any,  # noqa: ANN401 - its methods are typed in part only
    panel: Panel,
    names: Sequence[str],
) -> None:
    rows = {name: place for place, name in enumerate(panel.order)}
    for at, series in enumerate(panel.series):
        place = names.index(series.name)
        look = {"color": COLOURS[place % len(COLOURS)], "marker": _MARKERS[place % len(_MARKERS)], "markersize": 5}
        look |= {"label": short(series.name), "linestyle": "-" if panel.kind == "line" else "none", "capsize": 2}
        values = [mark.y for mark in series.marks]
        reach = _reach([deviations(mark.y, mark.y_interval) for mark in series.marks])
        if panel.kind == "dots":
            shift = (at - (len(panel.series) - 1) / 2) * 0.16
            axes.errorbar(values, [rows[mark.x] + shift for mark in series.marks], xerr=reach, **look)
            continue
        spots = [float(mark.x) for mark in series.marks]
        sideways = _reach([deviations(x, mark.x_interval) for x, mark in zip(spots, series.marks, strict=True)])
        axes.errorbar(spots, values, yerr=reach, xerr=sideways, **look)
    if panel.kind == "dots":
        axes.set_yticks(range(len(panel.order)), [short(name) for name in panel.order])
        axes.set_ylim(len(panel.order) - 0.5, -0.5)
        axes.set_xlabel(panel.y_title)
        axes.set_xlim(*panel.reach)
        return
    axes.set_ylim(*panel.reach)
    if panel.kind == "line" and panel.order:
        axes.set_xticks([float(place) for place in panel.order])
    if panel.kind == "scatter":
        axes.set_xlim(left=0.0)
    axes.set_xlabel(panel.x_title)
    axes.set_ylabel(panel.y_title)


def _reach(both: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[below for below, _ in both], [above for _, above in both]]
