"""``attention-moa runs show``: pages, tables, one call, JSON; in a pipe and on a terminal."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from attention_moa.cli.clean import clean
from attention_moa.codec import record_from_json
from attention_moa.errors import ServerError
from attention_moa.records import RunRecord
from attention_moa.store import open_journal
from tests.cli_inside import Done, ask_inside, inside, keep
from tests.journals import a_call, a_head, a_record
from tests.worlds import Says

WILD = "says \x1b[31mred\x1b[0m [bold]words[/bold] :smile:\nand a second line"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of one run of three agents, of which one lost its answer."""
    script: dict[str, Says] = {"1.answer.a": WILD, "1.answer.c": ServerError("gone", retryable=False)}
    ask_inside(tmp_path / "journal.db", "Why?", script=script, agents=3)
    return tmp_path / "journal.db"


def shown(path: Path, *options: str, columns: int | None = None) -> str:
    """Return what the command prints, which works."""
    done = inside("runs", "show", *options, "--journal", path, columns=columns)
    assert (done.status, done.err) == (0, "")
    return done.out


def refused(path: Path, *options: str) -> Done:
    """Return how the command failed, in one line and with nothing printed."""
    done = inside("runs", "show", *options, "--journal", path)
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    return done


def test_a_run_is_shown_with_its_texts_its_account_and_its_plan(path: Path) -> None:
    """The text of a model commands no terminal."""
    out = shown(path)
    assert "says red [bold]words[/bold] :smile:\n" in out
    assert "and a second line" in out
    assert "says 1.summary.a" in out
    assert "\x1b" not in out
    assert "ServerError" in out
    assert out.index("says 1.summary.a") < out.index("calls: ")
    lines = [line.split() for line in out.splitlines()]
    assert ["1", "answer"] in [words[:2] for words in lines]
    assert any("planned" in words for words in lines)


def test_on_a_terminal_titles_stand_out_and_the_texts_are_as_they_are(path: Path) -> None:
    """No markup of a model's is obeyed, and no line is wider than the terminal."""
    out = shown(path, columns=60)
    assert "\x1b[1mRun " in out
    assert "says red [bold]words[/bold] :smile:" in out
    assert "\x1b[31m" not in out
    assert max(map(len, clean(out).splitlines())) <= 60


def test_brief_shows_the_first_words_of_each_text(path: Path) -> None:
    """In one line."""
    assert "says red [bold]words[/bold] :smile: and a second line" in shown(path, "--brief")


def test_the_calls_are_listed(path: Path) -> None:
    """One row each under the headings; a narrow terminal gets them too."""
    record = record_from_json(shown(path, "--json").encode())
    for out in (shown(path, "--calls"), shown(path, "--calls", columns=60)):
        assert {line.split()[0] for line in out.splitlines()} >= {call.call_id for call in record.calls}


def test_one_call_is_shown_whole(path: Path) -> None:
    """Prompt, reply, attempts, of no other call."""
    out = shown(path, "--call", "1.answer.a")
    assert out.startswith("1.answer.a: ")
    assert "Why?" in out
    assert "attempt 1: " in out
    assert "1.summary.a" not in out


def test_the_whole_record_is_json(path: Path) -> None:
    """One document that reads back."""
    record = record_from_json(shown(path, "--json").encode())
    assert isinstance(record, RunRecord)
    assert (record.state, record.text) == ("finished", "says 1.summary.a")
    assert next(call.text for call in record.calls if call.call_id == "1.answer.a") == WILD


@pytest.mark.parametrize(("call", "hint"), [("1.anwser.a", "did you mean 1.answer.a? "), ("nothing like it", "")])
def test_a_call_that_is_not_there_is_named(path: Path, call: str, hint: str) -> None:
    """With the one that was meant, where one is like it, and the command that lists them."""
    done = refused(path, "--call", call)
    assert done.status == 2
    assert f"the run has no call '{call}': {hint}runs show " in done.err
    assert ("did you mean" in done.err) == bool(hint)


def test_a_run_that_is_not_there_is_named(path: Path) -> None:
    """It is no usage error: the journal lacks it."""
    done = refused(path, "nope")
    assert done.status == 1
    assert "'nope'" in done.err


def test_a_run_that_was_cut_off_is_told_from_one_that_somebody_is_at(tmp_path: Path) -> None:
    """Who is at it, or that nobody is, and how to go on with it."""
    path = tmp_path / "journal.db"

    async def cut_off() -> str:
        async with open_journal(path) as journal:
            place = await journal.begin(a_head("early"))
            await place.put("1", a_call())
            return await asyncio.to_thread(shown, path)

    held, cut = asyncio.run(cut_off()), shown(path)
    assert "ensemble, running, began" in held
    assert f"process {os.getpid()} on " in held
    assert "none yet: the run is running" in held
    assert "ensemble, interrupted, began" in cut
    assert "it was cut off and nobody is at it: attention-moa runs resume early --journal" in cut
    assert "none yet: the run is interrupted" in cut
    assert "ensemble: interrupted after 1.5 s (critical path 1.5 s), run early" in cut
    assert "tokens: at least 10 prompt" in cut
    assert ["1", "answer", "1"] in [line.split()[:3] for line in cut.splitlines()]


@pytest.mark.parametrize(
    "options", [("--json", "--calls"), ("--json", "--brief"), ("--calls", "--call", "x"), ("--calls", "--brief")]
)
def test_of_two_things_to_print_one_has_to_be_chosen(path: Path, options: tuple[str, ...]) -> None:
    """None is left out silently."""
    done = refused(path, *options)
    assert done.status == 2
    assert " exclude each other" in done.err
    assert all(option in done.err for option in options if option != "x")


def test_a_run_without_calls_and_without_a_plan_has_no_tables(tmp_path: Path) -> None:
    """What there is of it is shown."""
    head = a_head("early")
    keep(tmp_path / "journal.db", (head, a_record(head, state="failed", error="StoreError: full")))
    out = shown(tmp_path / "journal.db", "early")
    assert "early" in out
    assert "StoreError: full" in out
    assert "layer  stage" not in out
    assert "planned  " not in out
