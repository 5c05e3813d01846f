"""``attention-moa runs list``: the newest first, page by page, how far each is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.records import UsageTotal
from attention_moa.store import open_journal
from tests.cli_inside import inside, keep
from tests.journals import a_call, a_head, a_record

USAGE = UsageTotal(calls=1, input_tokens=1_200, output_tokens=34, cost_usd=0.25)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of a finished run, a failed one after it, and one whose process died at last."""
    finished, failed = a_head("spring-01-finished"), a_head("spring-02-has-failed", minute=1)
    keep(
        tmp_path / "journal.db",
        (finished, replace(a_record(finished, a_call()), usage=USAGE)),
        (failed, a_record(failed, state="failed", error="down")),
        (a_head("spring-03-was-killed", minute=2), None),
    )
    return tmp_path / "journal.db"


def rows(path: Path, *options: str, columns: int | None = None) -> list[str]:
    """Return the lines that the command prints under its headings."""
    done = inside("runs", "list", "--journal", path, *options, columns=columns)
    assert done.status == 0
    return done.out.splitlines()[1:]


def test_each_run_is_a_row_the_newest_first(path: Path) -> None:
    """With what it used where it has ended, and how far it is; what nobody is at was interrupted."""
    killed, failed, finished = rows(path)
    assert killed.split()[0] == "spring-03-was-killed"
    assert "interrupted" in killed
    assert "failed" in failed
    assert "finished" in finished
    assert "0.25" in finished
    assert "2.0" in finished
    assert finished.endswith("Why is the sky blue?")


def test_a_run_that_somebody_ended_is_cancelled_in_every_command(tmp_path: Path) -> None:
    """The list, the run itself, its account: the word of its record; only what nobody ended was interrupted."""
    path, head = tmp_path / "journal.db", a_head("spring-04-cancelled")
    keep(path, (head, a_record(head, a_call(), state="cancelled", error="interrupted")))
    (line,) = rows(path)
    assert "cancelled" in line
    shown = inside("runs", "show", "--journal", path).out
    assert "ensemble, cancelled, began" in shown
    assert "none: the run was cancelled" in shown
    assert "ensemble: cancelled after 2.0 s" in shown
    assert "interrupted" not in line + shown


def test_a_narrow_terminal_gets_the_columns_that_matter(path: Path) -> None:
    """Of each id its end, by which the run is found too."""
    wide, narrow = rows(path, columns=200), rows(path, columns=100)
    assert [line.split()[0] for line in wide] == ["spring-03-was-killed", "spring-02-has-failed", "spring-01-finished"]
    assert [line.split()[0] for line in narrow] == ["s-killed", "s-failed", "finished"]
    assert max(map(len, narrow)) <= 100 < max(map(len, wide))
    assert inside("runs", "show", "s-failed", "--journal", path).status == 0


def test_a_page_says_how_to_see_the_next_one(path: Path) -> None:
    """And the last one does not."""
    first = inside("runs", "list", "-n", "2", "--journal", path)
    assert len(first.out.splitlines()) == 3
    assert "attention-moa runs list --before spring-02-has-failed" in first.err
    second = inside("runs", "list", "-n", "2", "--before", "has-failed", "--journal", path)
    assert [line.split()[0] for line in second.out.splitlines()[1:]] == ["spring-01-finished"]
    assert second.err == ""


def test_a_run_that_somebody_is_at_is_running(path: Path) -> None:
    """As long as he holds it."""

    async def held() -> list[str]:
        async with open_journal(path) as journal:
            await journal.resume("spring-03-was-killed")
            return await asyncio.to_thread(rows, path)

    assert "running" in asyncio.run(held())[0]


def test_the_list_is_json(path: Path) -> None:
    """One document, with what is not known as null."""
    found = json.loads(inside("runs", "list", "--json", "--journal", path).out)
    assert [row["state"] for row in found] == ["running", "failed", "finished"]
    assert (found[0]["wall_s"], found[2]["wall_s"]) == (None, 2.0)


def test_a_journal_without_runs_says_so(tmp_path: Path) -> None:
    """Beside the output, which is empty."""
    keep(tmp_path / "journal.db")
    done = inside("runs", "list", "--journal", tmp_path / "journal.db")
    assert (done.status, done.out, done.err) == (0, "", "no runs\n")
    assert json.loads(inside("runs", "list", "--json", "--journal", tmp_path / "journal.db").out) == []
