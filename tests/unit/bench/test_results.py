"""What a system's runs come to."""

from __future__ import annotations

from attention_moa.bench.answers import Answered
from attention_moa.bench.results import LOST, result_of
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.sums import Money
from attention_moa.bench.systems import System
from tests.bench_world import a_question, a_spec

SYSTEM = System(name="mine", spec=a_spec())


def a_line(number: int, **fields: object) -> RunLine:
    """Return the line of a run that took as many seconds as its number and cost a dollar."""
    usual = {"state": "finished", "text": "x" * number, "seconds": float(number), "calls": 1, "usd": 1.0}
    return RunLine(question=str(number), turn=1, run_id=f"r{number}", **(usual | fields))  # type: ignore[arg-type]  # checked when made


def test_counts_costs_and_times_are_summed() -> None:
    """Money that is not known for one run makes the sum a lower bound."""
    lines = [a_line(number, is_truncated=number == 2, degraded=number) for number in range(1, 21)]
    lines.append(a_line(21, state="failed", text=None, error="down", usd=None))
    found = [Answered(a_question(int(line.question)), (line,)) for line in lines]
    found.append(Answered(a_question(99), ()))
    result = result_of(SYSTEM, found)
    assert (result.questions, result.answered, result.failed, result.not_reached) == (22, 20, 1, 1)
    assert (result.truncated, result.degraded, result.calls) == (1, 20, 21)
    assert (result.usd, result.usd_is_lower_bound, result_of(SYSTEM, found[:20]).usd_is_lower_bound) == (
        20.0,
        True,
        False,
    )
    assert result.seconds is not None
    assert (result.seconds.median, result.seconds.p95) == (11.0, 20.0)
    assert (result.average_length, result.strategy, result.planned_calls) == (10.5, "single", 1)
    assert result.notes == ("1 question has no answer; the first one: down", "1 question was not reached")
    assert result_of(SYSTEM, found[:3]).usd == 3.0


def test_tokens_that_some_calls_did_not_tell_make_lower_bounds() -> None:
    """Calls without a price make one of the money alone, and a run that was cut off of both, said in a note."""
    told = [a_line(number, input_tokens=10, output_tokens=1) for number in (1, 2)]
    silent = result_of(SYSTEM, as_answered([*told, a_line(3, unknown_calls=2)]))
    assert (silent.tokens, silent.tokens_are_lower_bound, silent.unknown_calls, silent.usd_is_lower_bound) == (
        22,
        True,
        2,
        False,
    )
    unpriced = result_of(SYSTEM, as_answered([*told, a_line(3, unpriced_calls=1)]))
    assert (unpriced.money, unpriced.unpriced_calls, unpriced.tokens_are_lower_bound) == (Money(3.0, True), 1, False)
    cut_off = result_of(SYSTEM, as_answered([*told, a_line(3, is_cut_off=True)]))
    assert (cut_off.money, cut_off.tokens_are_lower_bound, cut_off.cut_off) == (Money(3.0, True), True, 1)
    assert cut_off.notes == (f"1 of 3 runs were cut off and went on: {LOST}",)
    unknown = result_of(SYSTEM, as_answered([a_line(1, usd=None, unpriced_calls=1)]))
    assert unknown.money == Money(None, True)


def as_answered(lines: list[RunLine]) -> list[Answered]:
    """Return lines as those of answered questions."""
    return [Answered(a_question(int(line.question)), (line,)) for line in lines]


def test_nothing_has_no_times() -> None:
    """And no length."""
    result = result_of(SYSTEM, [])
    assert (result.seconds, result.average_length, result.usd) == (None, None, 0)
