"""``attention-moa runs export``: as what, and where to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attention_moa.codec import record_from_json
from tests.cli_inside import ask_inside, inside


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of one run."""
    ask_inside(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def is_json(text: str) -> bool:
    """Return whether a text is a whole record."""
    return record_from_json(text.encode()).text == "says 1.summary.a"


def is_lines(text: str) -> bool:
    """Return whether a text is a call a line."""
    return {json.loads(line)["call_id"] for line in text.splitlines()} >= {"1.answer.a", "1.summary.a"}


def is_markdown(text: str) -> bool:
    """Return whether a text is one to be read."""
    return text.startswith("# ") and "says 1.summary.a" in text


FORMS = {"json": is_json, "jsonl": is_lines, "markdown": is_markdown}


@pytest.mark.parametrize("form", FORMS)
def test_a_run_is_printed_in_the_form_that_was_asked_for(path: Path, form: str) -> None:
    """Nothing is said beside it."""
    done = inside("runs", "export", "--format", form, "--journal", path)
    assert (done.status, done.err) == (0, "")
    assert FORMS[form](done.out)


def test_without_a_form_the_record_is_printed(path: Path) -> None:
    """What reads back equal."""
    assert is_json(inside("runs", "export", "last", "--journal", path).out)


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        ("run.json", (), "json"),
        ("run.jsonl", (), "jsonl"),
        ("run.MD", (), "markdown"),
        ("run.txt", ("--format", "json"), "json"),
        ("run.md", ("--format", "json"), "json"),
    ],
)
def test_a_files_name_says_the_form_where_nothing_else_does(
    path: Path, name: str, options: tuple[str, ...], form: str
) -> None:
    """It is told which run is in the file, and as what."""
    file = path.with_name(name)
    done = inside("runs", "export", "-o", file, *options, "--journal", path)
    assert (done.status, done.out) == (0, "")
    assert f"as {form}\n" in done.err
    assert FORMS[form](file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["run.txt", "run", "run.json.gz"])
def test_an_ending_that_says_no_form_is_an_error_that_lists_the_forms(path: Path, name: str) -> None:
    """Nothing is written as what nobody asked for."""
    refused = inside("runs", "export", "-o", path.with_name(name), "--journal", path)
    assert (refused.status, refused.out) == (2, "")
    assert "ends in .json, .jsonl, .md, .markdown, or add --format json, jsonl or markdown" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert not path.with_name(name).exists()


def test_a_file_that_is_there_stays_unless_force_is_meant(path: Path) -> None:
    """It may be somebody's only copy."""
    file = path.with_name("run.json")
    file.write_text("a long diary " * 10_000, encoding="utf-8")
    refused = inside("runs", "export", "-o", file, "--journal", path)
    assert (refused.status, refused.out) == (2, "")
    assert "is there already: --force writes over it" in refused.err
    assert file.read_text(encoding="utf-8").startswith("a long diary")
    assert inside("runs", "export", "-o", file, "--force", "--journal", path).status == 0
    assert is_json(file.read_text(encoding="utf-8"))


def test_a_file_that_cannot_be_written_is_named(path: Path) -> None:
    """With what the system says."""
    refused = inside("runs", "export", "-o", path.with_name("none") / "run.json", "--journal", path)
    assert refused.status == 2
    assert "run.json' cannot be written: No such file or directory" in refused.err
    assert len(refused.err.splitlines()) == 1
