"""Figures as values: what is drawn, apart from what draws it. One figure is one or more panels over the same points."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from attention_moa.bench.scores import Interval

_ROOM = 0.08
_LONGEST = 36

PanelKind = Literal["line", "dots", "scatter"]


class Mark(Struct, frozen=True, kw_only=True):
    """One point.

    Args:
        x: Where: a number, or a name.
        y: The value.
        y_interval: Its 95 % interval; None for none.
        x_interval: That of ``x``, where it is a number.
        label: What the point is called, where its place does not say it.
    """

    x: float | str
    y: float
    y_interval: Interval | None = None
    x_interval: Interval | None = None
    label: str = ""


class Series(Struct, frozen=True, kw_only=True):
    """Points that belong together: one colour, one entry in the legend.

    Args:
        name: What they are.
        marks: In the order to be joined.
    """

    name: str
    marks: tuple[Mark, ...]


class Panel(Struct, frozen=True, kw_only=True):
    """One picture with its own axes.

    Args:
        kind: ``line``: values over numbers, joined; ``dots``: a row a name, the value to the right; ``scatter``: value
            against value, each point labelled.
        x_title: What ``x`` is, with its unit.
        y_title: What ``y`` is, with its unit.
        series: What is drawn.
        order: All names from top to bottom, for ``dots``; or the places of the ticks, for ``line``.
        has_zero: Whether the axis of the values begins at 0, as amounts should.
    """

    kind: PanelKind
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    order: tuple[str | float, ...] = ()
    has_zero: bool = False

    @property
    def reach(self) -> tuple[float, float]:
        """From where to where the axis of the values goes: all of them with their intervals, and a little room."""
        marks = [mark for series in self.series for mark in series.marks]
        ends = [end for one in marks for end in (one.y, *deviated(one.y, one.y_interval))] or [0.0]
        low, high = min(ends), max(ends)
        room = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
        least = 0.0 if self.has_zero else low - room
        return (max(least, 0.0) if low >= 0 else low - room), high + room


class Figure(Struct, frozen=True, kw_only=True):
    """Panels under one title.

    Args:
        name: A part of names of files: letters, digits and ``-``.
        title: One line.
        panels: At least one.
        caption: What a reader has to know, in sentences.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]
    caption: str = ""


def names_in(figure: Figure) -> tuple[str, ...]:
    """Return the names of all series of a figure, each once: a series has the same colour in every panel."""
    return tuple(dict.fromkeys(series.name for panel in figure.panels for series in panel.series))


def short(text: object) -> str:
    """Return a name that leaves room for what is drawn beside it."""
    name = str(text)
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def deviated(value: float, interval: Interval | None) -> tuple[float, float]:
    """Return the ends of an interval; the value twice where there is none."""
    below, above = deviations(value, interval)
    return value - below, value + above


def deviations(value: float, interval: Interval | None) -> tuple[float, float]:
    """Return how far an interval reaches below and above a value, from 0 up; 0 and 0 where there is none."""
    if interval is None:
        return 0.0, 0.0
    return max(value - interval.low, 0.0), max(interval.high - value, 0.0)
