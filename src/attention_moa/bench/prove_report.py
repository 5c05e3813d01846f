"""What stands first in the report of a proof: comparisons, quality against cost, how it was made, money. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attention_moa.bench.plots import Figure, Mark, Panel, Series
from attention_moa.bench.prove_result import Proof
from attention_moa.bench.prove_rows import (
    AGAINST,
    FRONTIER,
    MONEY,
    against_notes,
    against_row,
    frontier_notes,
    frontier_row,
    frontier_title,
    method_lines,
    money_notes,
    money_rows,
)
from attention_moa.bench.prove_verdict import Comparison
from attention_moa.bench.report_page import Cell, Part, Section, Table, Words
from attention_moa.bench.scores import Interval

_AS_TEXT = frozenset({"counts", "frontier"})


def proof_sections(proof: Proof) -> tuple[Section, ...]:
    """Return what a report begins with, in the place of a benchmark's scores.

    Args:
        proof: What it came to.
    """
    kinds = tuple(_comparisons(rows, kind) for kind, rows in proof.by_kind.items())
    quality = _table(FRONTIER, [frontier_row(one, proof) for one in proof.frontier], _sentence(frontier_title(proof)))
    money = _table(MONEY, money_rows(proof), "No run and no judgement is in two rows.")
    against = f"{proof.ensemble} against what the same money buys, {proof.prompts:,} prompts"
    sections = [
        Section(title=against, parts=(_comparisons(proof.comparisons), _points(against_notes(proof.comparisons)))),
        *([Section(title="By kind of prompt", parts=kinds)] if kinds else []),
        Section(title="Quality against cost", parts=(quality, *_noted(frontier_notes(proof)), *_figures(proof))),
        Section(title="How it was found out", parts=(_points(method_lines(proof)),)),
        Section(title="Money", parts=(money, *_noted(money_notes(proof)))),
    ]
    return tuple(sections)


def _comparisons(rows: Sequence[Comparison], kind: str = "") -> Table:
    return _table(AGAINST, [against_row(row) for row in rows], f"{kind}." if kind else "")


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> Table:
    cells = tuple(
        tuple(
            Cell(text=text, is_number=place > 0 and heading not in _AS_TEXT)
            for place, (heading, text) in enumerate(zip(headings, row, strict=True))
        )
        for row in rows
    )
    return Table(headings=tuple(headings), rows=cells, caption=caption)


def _points(lines: Iterable[str]) -> Words:
    return Words(lines=tuple(map(_sentence, lines)), is_list=True)


def _noted(lines: Iterable[str]) -> list[Part]:
    points = _points(lines)
    return [points] if points.lines else []


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}."


def _figures(proof: Proof) -> Iterator[Figure]:
    rows = [row for row in proof.comparisons if row.rate is not None]
    if rows:
        marks = tuple(Mark(x=row.system, y=100 * (row.rate or 0.0), y_interval=_percents(row.interval)) for row in rows)
        order = tuple(row.system for row in rows)
        series = (Series(name=proof.ensemble, marks=marks),)
        title = f"score of {proof.ensemble} against it, %"
        panel = Panel(kind="dots", x_title="", y_title=title, series=series, order=order)
        caption = "A tie counts half: at 50 % it is as good as the other."
        yield Figure(name="scores", title="Scores, with 95 % intervals over prompts", panels=(panel,), caption=caption)
    places = [
        (
            one.system,
            Mark(x=one.cost, y=100 * one.quality, y_interval=_percents(one.quality_interval), label=one.system),
        )
        for one in proof.frontier
        if one.cost is not None and one.quality is not None
    ]
    if len(places) > 1:
        is_right = proof.quality_is == "right"
        panel = Panel(
            kind="scatter",
            x_title="US dollars a prompt" if proof.unit == "usd" else "weighted tokens a prompt",
            y_title="right, %" if is_right else f"own score against {proof.ensemble}, %",
            series=tuple(Series(name=name, marks=(mark,)) for name, mark in places),
        )
        own = "" if is_right else f" {proof.ensemble} stands at 50 % by definition: it is what all are compared with."
        caption = f"Up is better, left is cheaper.{own}"
        yield Figure(name="cost-quality", title="Quality against cost", panels=(panel,), caption=caption)


def _percents(interval: Interval | None) -> Interval | None:
    return None if interval is None else Interval(100 * interval.low, 100 * interval.high)
