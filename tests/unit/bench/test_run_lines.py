"""Lines of runs: they survive any end of the process, and say nothing that the run did not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from attention_moa.bench.run_lines import LineFile, RunLine, line_of, read_lines_of, write_lines
from attention_moa.bench.sums import Money
from attention_moa.errors import ConfigError, ServerError, StoreError
from attention_moa.journaling import CUT_OFF
from attention_moa.records import UsageTotal
from tests.bench_world import a_question
from tests.worlds import World, a_spec

NAMES = {("1", 1): "r1", ("2", 1): "r2", ("3", 1): "r3"}


def a_line(number: int, *, run_id: str | None = None, text: str | None = "yes") -> RunLine:
    """Return a line."""
    state = "failed" if text is None else "finished"
    return RunLine(question=str(number), turn=1, run_id=run_id or f"r{number}", state=state, text=text)  # type: ignore[arg-type]  # one of the two


def test_a_run_becomes_a_line() -> None:
    """A run without an answer never has a text, whatever was finished of it."""
    record = World(a_spec(2)).run()
    line = line_of(record, a_question(category="math"), 2)
    assert (line.key, line.state, line.text, line.category) == (("1", 2), "finished", record.text, "math")
    assert (line.calls, line.usd, line.error) == (record.usage.calls, None, None)
    priced = replace(record, usage=UsageTotal(calls=3, cost_usd=0.5))
    assert line_of(priced, a_question(), 1).usd == 0.5
    partly = line_of(replace(record, usage=UsageTotal(calls=3, cost_usd=0.5, unpriced_calls=1)), a_question(), 1)
    assert (partly.usd, partly.unpriced_calls, partly.whole_usd, partly.money) == (0.5, 1, None, Money(0.5, True))
    failed = line_of(record, a_question(), 1, error="no agent gave an answer")
    assert (failed.state, failed.text, failed.error) == ("failed", None, "no agent gave an answer")
    nothing = line_of(replace(record, text=None), a_question(), 1)
    assert (nothing.state, nothing.error) == ("failed", "no answer")
    lossy = World(a_spec(3), {"1.answer.a": ServerError("down", retryable=False)}).run()
    assert line_of(lossy, a_question(), 1).losses == len(lossy.losses) > 0


def test_a_run_that_was_cut_off_is_known_as_one() -> None:
    """Its money and tokens are lower bounds; where all that is known cost nothing, what is lost did not either."""
    record = replace(World(a_spec(2)).run(), notes=(CUT_OFF,), usage=UsageTotal(calls=3, input_tokens=5, cost_usd=0.5))
    line = line_of(record, a_question(), 1)
    assert (line.is_cut_off, line.money, line.has_all_tokens, line.tokens) == (True, Money(0.5, True), False, 5)
    free = line_of(replace(record, usage=UsageTotal(calls=3)), a_question(), 1)
    assert (free.money, free.whole_usd, free.has_all_tokens) == (Money(0.0, False), 0.0, False)


def test_lines_are_kept_as_they_come(tmp_path: Path) -> None:
    """A later line of a question replaces an earlier one; one of another run stays in front; a part of one is none."""
    path = tmp_path / "mine.jsonl"
    with LineFile(path, NAMES) as file:
        file.add(a_line(1, text=None))
        file.add(a_line(1))
        file.add(a_line(2, text=None))
    with path.open("ab") as cut:
        cut.write(msgspec.json.encode(a_line(2, run_id="other")) + b"\n" + msgspec.json.encode(a_line(3))[:20])
    with LineFile(path, NAMES) as file:
        assert {key: line.state for key, line in file.lines.items()} == {("1", 1): "finished", ("2", 1): "failed"}
        assert file.finished(("1", 1)) is not None
        assert file.finished(("2", 1)) is None
        file.add(a_line(3))
    assert [line.question for line in read_lines_of(path)] == ["2", "1", "3"]
    file.put_in_order([a_line(3), a_line(1)])
    assert read_lines_of(path)[0].run_id == "other"
    assert [line.question for line in read_lines_of(path)] == ["2", "3", "1"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """It is no line of ours."""
    path = tmp_path / "mine.jsonl"
    write_lines(path, [a_line(1)])
    path.write_bytes(path.read_bytes() + b'{"question": 3}\n')
    with pytest.raises(ConfigError, match=r"line 2: .*take the file away"):
        LineFile(path, NAMES)


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Of the store."""
    file = LineFile(tmp_path / "none" / "mine.jsonl", NAMES)
    with pytest.raises(StoreError, match="cannot be written"):
        file.__enter__()
    with pytest.raises(StoreError, match="cannot be written"):
        file.put_in_order([])
    with pytest.raises(RuntimeError, match="not open"):
        file.add(a_line(1))
