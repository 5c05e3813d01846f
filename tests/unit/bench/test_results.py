"""What a system's runs come to."""

from __future__ import annotations

from attention_moa.bench.answers import Answered
from attention_moa.bench.results import result_of
from attention_moa.bench.run_lines import RunLine
from attention_moa.bench.systems import System
from tests.bench_world import a_question, a_spec

SYSTEM = System(name="mine", spec=a_spec())


def a_line(number: int, **fields: object) -> RunLine:
    """Return the line of a run that took as many seconds as its number and cost a dollar."""
    usual = {"state": "finished", "text": "x" * number, "seconds": float(number), "calls": 1, "usd": 1.0}
    return RunLine(question=str(number), turn=1, run_id=f"r{number}", **(usual | fields))  # type: ignore[arg-type]  # checked when made


def test_counts_costs_and_times_are_summed() -> None:
    """Money that is not known for one run is not known for all."""
    lines = [a_line(number, is_truncated=number == 2, degraded=number) for number in range(1, 21)]
    lines.append(a_line(21, state="failed", text=None, error="down", usd=None))
    found = [Answered(a_question(int(line.question)), (line,)) for line in lines]
    found.append(Answered(a_question(99), ()))
    result = result_of(SYSTEM, found)
    assert (result.questions, result.answered, result.failed, result.not_reached) == (22, 20, 1, 1)
    assert (result.truncated, result.degraded, result.calls, result.usd) == (1, 20, 21, None)
    assert result.seconds is not None
    assert (result.seconds.median, result.seconds.p95) == (11.0, 20.0)
    assert (result.average_length, result.strategy, result.planned_calls) == (10.5, "single", 1)
    assert result.notes == ("1 questions have no answer; the first one: down", "1 questions were not reached")
    assert result_of(SYSTEM, found[:3]).usd == 3.0


def test_nothing_has_no_times() -> None:
    """And no length."""
    result = result_of(SYSTEM, [])
    assert (result.seconds, result.average_length, result.usd) == (None, None, 0)
