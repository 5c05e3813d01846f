"""``attention-moa runs diff``: which calls differ, why, and the answers laid over each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.cli.clean import clean
from attention_moa.cli.runs_diff import diff_lines
from attention_moa.comparing import compare
from attention_moa.messages import user
from attention_moa.records import RunRecord
from tests.cli_inside import inside, keep
from tests.journals import SPEC, a_call, a_head, a_record
from tests.worlds import a_spec

BENDS = "It \x1b[31mbends\x1b[0m."


def lines_of(a: RunRecord, b: RunRecord) -> str:
    """Return what is said of two runs up to their answers."""
    return "\n".join(diff_lines(a, b, compare(a, b)))


def a_run(*replies: str, **head: Any) -> RunRecord:
    """Return a run whose agents a, b, c … gave these replies, and which answers with the first."""
    calls = (a_call(f"1.answer.{name}", reply=reply) for name, reply in zip("abcdef", replies, strict=False))
    return a_record(a_head(**head), *calls, text=replies[0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of two runs that ask the same and answer otherwise."""
    one, other = a_run("It scatters.", "Air."), a_run(BENDS, "Air.", run_id="run-2", minute=1)
    heads = (a_head(), a_head("run-2", minute=1))
    keep(tmp_path / "journal.db", *zip(heads, (one, other), strict=True))
    return tmp_path / "journal.db"


def test_equal_runs_are_said_to_be_equal() -> None:
    """Their settings and all of their calls."""
    said = lines_of(a_run("It scatters.", "Air."), a_run("It scatters.", "Air."))
    assert "the ensembles are equal" in said
    assert "all calls are equal (2)" in said
    assert "differ" not in said


def test_another_question_and_other_settings_come_first() -> None:
    """A setting that one of them does not have is a dash."""
    other = replace(a_spec(3), name="mine")
    said = lines_of(a_run("Air."), a_run("Air.", ensemble=other, conversation=(user("How?"),)))
    assert "they were asked different things" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["name", f'"{SPEC.name}"', '"mine"'] in rows
    assert any(row[0].startswith("agents") and row[1] == "-" for row in rows if len(row) == 3)
    assert "the ensembles are equal" not in said


def test_each_call_that_differs_says_why_and_which_it_quotes() -> None:
    """Two of those that it quotes by name, the others by their number."""
    reads = tuple(f"1.answer.{name}" for name in "abc")
    summary = a_call("1.summary.a", reads=reads)
    one, other = a_run("A.", "B.", "C."), a_run("X.", "Y.", "Z.")
    one = replace(one, calls=(*one.calls, summary, a_call("1.residual.a")))
    other = replace(other, calls=(*other.calls, replace(summary, messages=(user("X Y Z"),))))
    said = lines_of(one, other)
    assert "5 calls of 5 differ:" in said
    assert "the same was asked, another reply came" in said
    assert "another prompt: it quotes 1.answer.a, 1.answer.b and 1 more" in said
    assert "only in A" in said


def test_a_call_that_quotes_one_that_differs_names_it_alone() -> None:
    """Without a number of others."""
    summary = a_call("1.summary.a", reads=("1.answer.a",))
    one, other = a_run("A."), a_run("X.")
    one = replace(one, calls=(*one.calls, summary))
    other = replace(other, calls=(*other.calls, replace(summary, messages=(user("X"),))))
    assert lines_of(one, other).rstrip().endswith("another prompt: it quotes 1.answer.a")


def test_the_answers_are_laid_over_each_other(path: Path) -> None:
    """In a pipe by marks, without what a model would tell a terminal."""
    done = inside("runs", "diff", "run-1", "last", "--journal", path)
    assert done.status == 0
    assert "It [-scatters-]{+bends+}." in done.out
    assert "1 call of 2 differ" in done.out


def test_on_a_terminal_the_answers_are_coloured_too(path: Path) -> None:
    """Red for A, green for B; the colours of a model's own are gone."""
    out = inside("runs", "diff", "run-1", "run-2", "--journal", path, columns=100).out
    assert "\x1b[1;31m[-scatters-]" in out
    assert "\x1b[1;32m{+bends+}" in out
    assert "It [-scatters-]{+bends+}." in clean(out)


def test_equal_answers_are_said_to_be_equal(path: Path) -> None:
    """A run beside itself."""
    assert "the answers are equal\n" in inside("runs", "diff", "run-1", "run-1", "--journal", path).out


def test_the_differences_are_json(path: Path) -> None:
    """One document."""
    document = json.loads(inside("runs", "diff", "run-1", "run-2", "--json", "--journal", path).out)
    assert (document["a"], document["b"], document["same_calls"]) == ("run-1", "run-2", 1)
    assert document["has_same_question"]
    assert len(document["calls"]) == 1
    assert '"reply"' in json.dumps(document["calls"])
