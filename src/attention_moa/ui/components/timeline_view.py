"""The timeline of a run as a figure: a lane an agent, a bar a call, what it did as parts of it. Pure.

All sizes are attributes: places in percent of the run's time, heights in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from markupsafe import Markup

from attention_moa.ui.html import render
from attention_moa.ui.names import isolated, name_html
from attention_moa.ui.timeline import Lane, PartKind, Placed, Timeline
from attention_moa.ui.words import seconds

KINDS: dict[PartKind, str] = {
    "turn": "waits for its turn",
    "reading": "was sent, no reply yet",
    "writing": "is written",
    "failed": "failed",
    "broken": "was broken off",
    "pause": "waits to try again",
}
"""What a call does, in words."""

_MOST_TICKS = 7
_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
_HEIGHTS = ((6, 13), (14, 8), (30, 4))
_LOWEST = 3
_LEAST_PERCENT = 0.12
_A_LITTLE_MORE = 1 + 1e-9
"""What a sum of fractions may be above itself."""
_FIRST, _LAST = 4, 93
"""Percent between which a tick's words stand in its middle: at the borders they would stick out."""


class _Tick(NamedTuple):
    x: str
    anchor: str
    words: str


class _Rect(NamedTuple):
    kind: str
    x: str
    width: str
    y: int
    height: int


class _Bar(NamedTuple):
    told: str
    rects: tuple[_Rect, ...]
    is_critical: bool


class _Row(NamedTuple):
    agent: Markup
    told: str
    height: int
    bars: tuple[_Bar, ...]


def timeline_html(timeline: Timeline) -> Markup:
    """Return the figure.

    Args:
        timeline: Of a run, over or under way.
    """
    used = {part.kind for lane in timeline.lanes for placed in lane.bars for part in placed.bar.parts}
    return render(
        "timeline.html",
        ticks=list(_ticks(timeline.seconds)),
        rows=[_row(lane, timeline) for lane in timeline.lanes],
        kinds={kind: words for kind, words in KINDS.items() if kind in used},
        whole=seconds(timeline.seconds),
    )


def _ticks(whole_s: float) -> Iterator[_Tick]:
    step_s = next((step for step in _STEPS_S if whole_s / step <= _MOST_TICKS), max(whole_s / _MOST_TICKS, 1e-9))
    for at_s in takewhile(
        lambda at_s: at_s <= whole_s * _A_LITTLE_MORE, (step_s * number for number in range(_MOST_TICKS + 1))
    ):
        percent = min(_percent(at_s, whole_s), 100.0)
        anchor = "start" if percent < _FIRST else "end" if percent > _LAST else "middle"
        yield _Tick(f"{percent:.3f}%", anchor, _time(at_s, step_s))


def _time(at_s: float, step_s: float) -> str:
    """Return a tick's words: as exact as its step is."""
    if not at_s:
        return "0"
    if step_s >= 1 and at_s < 60:
        return f"{at_s:.0f} s"
    if step_s < 1:
        return f"{at_s:.2f} s" if step_s < 0.1 else f"{at_s:.1f} s"
    minutes, rest = divmod(round(at_s), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _row(lane: Lane, timeline: Timeline) -> _Row:
    high = next((high for most, high in _HEIGHTS if lane.lines <= most), _LOWEST)
    bars = tuple(_bar(placed, high, timeline) for placed in lane.bars)
    critical = sum(bar.is_critical for bar in bars)
    told = (
        f"{isolated(lane.agent)}: {len(bars)} {'call' if len(bars) == 1 else 'calls'}, {critical} on the critical path"
    )
    return _Row(name_html(lane.agent, 30), told, lane.lines * high + 2, bars)


def _bar(placed: Placed, high: int, timeline: Timeline) -> _Bar:
    bar, y = placed.bar, placed.line * high + 1
    is_critical = bar.call_id in timeline.critical
    inner = max(high - (4 if high > 6 else 1), 2)
    rects = [
        _rect(part.kind, part.start_s, part.end_s, timeline.seconds)._replace(y=y, height=inner) for part in bar.parts
    ]
    if not rects:  # it took no time of its own: an earlier run's reply, say
        rects.append(_rect("none", bar.start_s, bar.ended_s, timeline.seconds)._replace(y=y, height=inner))
    if is_critical:
        whole = _rect("path", bar.start_s, bar.ended_s, timeline.seconds)
        rects.append(whole._replace(y=y + inner, height=2 if high > 6 else 1))
    took = f"{seconds(bar.start_s)} to {seconds(bar.ended_s)}"
    told = f"{bar.name}: {bar.state.value}, {took}{', on the critical path' if is_critical else ''}"
    return _Bar(told, tuple(rects), is_critical)


def _rect(kind: str, start_s: float, end_s: float, whole_s: float) -> _Rect:
    width = max(_percent(end_s - start_s, whole_s), _LEAST_PERCENT)
    return _Rect(kind, f"{min(_percent(start_s, whole_s), 100 - width):.3f}%", f"{width:.3f}%", 0, 0)


def _percent(part_s: float, whole_s: float) -> float:
    return 100 * part_s / whole_s if whole_s > 0 else 0.0
