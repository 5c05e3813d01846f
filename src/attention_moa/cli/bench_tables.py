"""What a benchmark came to, as tables. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from attention_moa.bench.judge_runs import total_money
from attention_moa.bench.questions import OWN
from attention_moa.bench.report_scores import AVERAGE_LENGTH, length_of
from attention_moa.bench.report_words import UNKNOWN, at_least, number, tokens
from attention_moa.bench.results import Results, SystemResult, told_notes
from attention_moa.bench.scores import Score
from attention_moa.bench.sums import Money
from attention_moa.cli.layout import table
from attention_moa.money import amount

_MOST_SCORES = 12
_APART = frozenset({"n", AVERAGE_LENGTH})
_PARTS = (".sum", ".count")
_COSTS = ("system", "answered", "failed", "calls", "tokens", "usd", "judge usd", "median s", "p95 s", "length")


def result_lines(results: Results, *, room: int | None = None) -> Iterator[str]:
    """Yield the scores of all systems, what they cost, and what a reader has to know.

    Args:
        results: Of a benchmark.
        room: Most columns; None for any number.
    """
    judge = f", judged by {results.judge}" if results.judge else ", no judge asked" * _has_scores(results)
    cap = f", replies of at most {results.max_tokens:,} tokens" if results.max_tokens else ""
    name = results.task if results.task != OWN else Path(results.data).name
    yield f"{name}: {results.asked:,} of {results.total:,} questions{cap}{judge}, {results.date[:10]}"
    if names := _names(results.systems):
        yield ""
        yield from table(*_score_table(results.systems, names), room=room)
    yield ""
    yield from table(_COSTS, [_costs(one) for one in results.systems], room=room)
    yield f"spent in all: {_usd(total_money(results.systems))} USD"
    if remarks := list(_remarks(results)):
        yield ""
        yield from remarks


def _has_scores(results: Results) -> bool:
    return any(one.scores for one in results.systems)


def _names(systems: Sequence[SystemResult]) -> list[str]:
    """Return the scores worth a line: the first ones, counts and parts apart."""
    found = dict.fromkeys(one.name for system in systems for one in system.scores)
    names = [name for name in found if not name.startswith("n_") and name not in _APART and not name.endswith(_PARTS)]
    return ([name for name in names if "." not in name] or names)[:_MOST_SCORES]


def _score_table(systems: Sequence[SystemResult], names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return the headings and rows of the scores; the systems are the columns unless they are more than the scores."""
    cells = [[_score(one, name) for one in systems] for name in names]
    titles = [one.name for one in systems]
    if len(systems) <= len(names):
        return ["score", *titles], [[name, *row] for name, row in zip(names, cells, strict=True)]
    columns = zip(*cells, strict=True)
    return ["system", *names], [[title, *column] for title, column in zip(titles, columns, strict=True)]


def _score(system: SystemResult, name: str) -> str:
    found: Score | None = next((one for one in system.scores if one.name == name), None)
    if found is None or found.value is None:
        return "-"
    interval = "" if found.interval is None else f" ({found.interval.low:.1f} to {found.interval.high:.1f})"
    return f"{found.value:,.2f}{interval}"


def _costs(one: SystemResult) -> tuple[str, ...]:
    seconds = one.seconds
    return (
        one.name,
        f"{one.answered:,}/{one.questions:,}",
        f"{one.failed:,}",
        f"{one.calls:,}",
        tokens(one.tokens, is_lower_bound=one.tokens_are_lower_bound),
        _usd(one.money),
        _judge_usd(one),
        "-" if seconds is None else f"{seconds.median:,.1f}",
        "-" if seconds is None else f"{seconds.p95:,.1f}",
        number(length_of(one)[0]),
    )


def _judge_usd(one: SystemResult) -> str:
    if one.judgement is None:
        return "-"
    return _usd(one.judge_money)


def _usd(money: Money) -> str:
    return UNKNOWN if money.usd is None else at_least(amount(money.usd), is_lower_bound=money.is_lower_bound)


def _remarks(results: Results) -> Iterator[str]:
    if results.stopped is not None:
        yield results.stopped
    yield from results.warnings
    yield from told_notes(results.systems)
