"""The tables of a report. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from attention_moa.bench.report_page import Cell, Table
from attention_moa.bench.report_scores import (
    AVERAGE_LENGTH,
    counted_score,
    front_scores,
    length_of,
    main_name,
    score_title,
)
from attention_moa.bench.report_words import NONE, UNKNOWN, at_least, count, money, number, seconds, spread, told
from attention_moa.bench.results import Results, SystemResult
from attention_moa.bench.scores import Score
from attention_moa.bench.sums import Money

_UNITS = {
    "alpaca-eval": "judged questions",
    "mt-bench": "judgements (one a turn)",
    "flask": "scores of skills (several a question)",
    "ifeval": "prompts",
}
_IN_COST = frozenset({"usd", "is_lower_bound"})
"""Of a judgement: what its cost says already."""


def overview(results: Results) -> Table:
    """Return a row a system: its scores, of how many they are, money, time, length.

    Args:
        results: Of a benchmark.
    """
    names = _names(results)
    headings = (
        "system",
        *map(score_title, names),
        "n",
        "missing",
        "spent",
        "each",
        "median",
        "p95",
        "length",
    )
    rows = tuple((_name(one), *(_score(one, name) for name in names), *_facts(one, names)) for one in results.systems)
    caption = (
        "Below each score stands its 95 % interval, by the bootstrap over questions. n is of how many "
        f"{_UNITS.get(results.task, 'questions')} the first score is; missing is how many more there should be that "
        "have no usable judgement or answer. Each: of one question. Median and "
        "p95: seconds of a run. Length is in characters. Money is what the systems' own calls cost: with a + there is "
        "more to it that nobody told, and a question mark is what nobody knows, never nothing."
    )
    return Table(headings=headings, rows=rows, caption=caption)


def losses(results: Results) -> Table:
    """Return a row a system: what did not go as it should, and what it did."""
    headings = (
        "system", "answered", "failed", "not reached", "cut off", "degraded",
        "calls", "prompt tokens", "cached", "written", "critical path",
    )  # fmt: skip
    rows = tuple(
        (
            Cell(text=one.name),
            *(_count(value) for value in (one.answered, one.failed, one.not_reached, one.truncated, one.degraded)),
            _count(one.calls),
            *(_tokens(one, value) for value in (one.input_tokens, one.cached_tokens, one.output_tokens)),
            Cell(text=seconds(one.critical_path_s.median if one.critical_path_s is not None else None)),
        )
        for one in results.systems
    )
    caption = (
        "Failed: no answer, and none was made up. Cut off: the answer hit a limit of tokens. Degraded: something stood "
        "in for a result that was lost, as the run's record says. The critical path is the median over runs."
    )
    return Table(headings=headings, rows=rows, caption=caption)


def judging(results: Results) -> Table | None:
    """Return a row a judged system; None where nobody judged."""
    judged = [one for one in results.systems if one.judgement]
    if not judged:
        return None
    found = dict.fromkeys(name for one in judged for name in one.judgement or {})
    names = tuple(name for name in found if name not in _IN_COST)
    rows = tuple(
        (
            Cell(text=one.name),
            *(_told((one.judgement or {}).get(name)) for name in names),
            _money(one.judge_money),
        )
        for one in judged
    )
    return Table(headings=("system", *(name.replace("_", " ") for name in names), "cost"), rows=rows)


def every_score(results: Results) -> Table:
    """Return a row a score, a column a system."""
    told_names = dict.fromkeys(score.name for one in results.systems for score in one.scores)
    names = [name for name in told_names if name != AVERAGE_LENGTH]
    found = [{score.name: score for score in one.scores} for one in results.systems]
    rows = tuple((Cell(text=name), *(_whole(scores.get(name)) for scores in found)) for name in names)
    return Table(headings=("score", *(one.name for one in results.systems)), rows=rows)


def _names(results: Results) -> list[str]:
    """Return the scores of the columns, the one that systems are compared by first."""
    main = main_name(results.task, results.systems)
    names = [name for name in front_scores(results.task) if any(counted_score(one, name) for one in results.systems)]
    return sorted(names, key=lambda name: name != main)


def _name(one: SystemResult) -> Cell:
    if one.strategy is None:
        return Cell(text=one.name, note="constant text")
    size = f"{count(one.agents, 'agent')}, {count(one.planned_calls, 'call')}"
    return Cell(text=one.name, note=f"{one.strategy}, {size}")


def _score(one: SystemResult, name: str) -> Cell:
    text, note = told(counted_score(one, name))
    return Cell(text=text, note=note)


def _facts(one: SystemResult, names: Sequence[str]) -> tuple[Cell, ...]:
    first = counted_score(one, names[0]) if names else None
    reached = one.questions - one.not_reached
    each = one.usd / reached if one.usd is not None and reached else None
    time = one.seconds
    length, interval = length_of(one)
    return (
        *((_count(first.n), _count(first.missing)) if first is not None else (Cell(text=NONE), Cell(text=NONE))),
        _money(one.money, note=f"judge {_money(one.judge_money).text}" if one.judgement is not None else ""),
        _money(Money(each, one.usd_is_lower_bound)) if reached else Cell(text=NONE),
        Cell(text=seconds(time.median if time is not None else None)),
        Cell(text=seconds(time.p95 if time is not None else None)),
        Cell(text=number(length), note=spread(interval, 0)),
    )


def _money(amount: Money, *, note: str = "") -> Cell:
    return Cell(text=money(amount.usd, is_lower_bound=amount.is_lower_bound), note=note)


def _tokens(one: SystemResult, value: int) -> Cell:
    if one.tokens_are_lower_bound and not one.tokens:
        return Cell(text=UNKNOWN)
    return Cell(text=at_least(f"{value:,}", is_lower_bound=one.tokens_are_lower_bound))


def _count(value: int) -> Cell:
    return Cell(text=f"{value:,}")


def _told(value: object) -> Cell:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Cell(text=number(value))
    if isinstance(value, (list, tuple)):
        return Cell(text=", ".join(map(str, cast("Sequence[object]", value))) or NONE, is_number=False)
    return Cell(text=NONE if value is None else str(value), is_number=False)


def _whole(score: Score | None) -> Cell:
    if score is None:
        return Cell(text=NONE)
    text, note = told(score)
    return Cell(text=text, note=f"{note}{'; ' if note else ''}n {score.n:,}")
