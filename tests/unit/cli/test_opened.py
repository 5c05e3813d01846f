"""A journal for one command, and the runs in it by what people call them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from attention_moa.cli.opened import find_run, with_journal
from attention_moa.errors import ConfigError, RunNotFoundError
from attention_moa.records import RunRecord
from attention_moa.store.journal import SqlJournal
from tests.cli_inside import keep
from tests.journals import a_head


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of three runs, ``spring-07`` the newest."""
    names = ("autumn-11", "spring-05", "spring-07")
    keep(tmp_path / "journal.db", *((a_head(name, minute=minute), None) for minute, name in enumerate(names)))
    return tmp_path / "journal.db"


def found(path: Path, name: str) -> str:
    """Return the run that a name means."""
    return with_journal(str(path), lambda journal: find_run(journal, name))


@pytest.mark.parametrize(
    ("name", "run_id"),
    [
        ("last", "spring-07"),
        ("aut", "autumn-11"),
        ("05", "spring-05"),
        ("spring-05", "spring-05"),
    ],
)
def test_a_run_is_found_by_its_id_a_piece_of_it_or_as_the_last(path: Path, name: str, run_id: str) -> None:
    """A beginning or an end will do."""
    assert found(path, name) == run_id


def test_a_name_that_fits_several_runs_is_refused(path: Path) -> None:
    """With some of them, so that more of one can be written."""
    with pytest.raises(ConfigError, match=r"'spring' fits 2 runs: write more of one \(spring-07, spring-05") as caught:
        found(path, "spring")
    assert caught.value.key == "RUN"


def test_an_id_that_other_ids_begin_with_is_that_run(path: Path) -> None:
    """It was written whole."""
    keep(path, (a_head("spring", minute=9), None))
    assert found(path, "spring") == "spring"


def test_a_name_that_fits_no_run_is_named(path: Path) -> None:
    """As a run that the journal does not have."""
    with pytest.raises(RunNotFoundError, match="winter"):
        found(path, "winter")


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_fits_no_run_by_chance(path: Path, name: str) -> None:
    """Every id begins with it."""
    with pytest.raises(ConfigError, match="no name"):
        found(path, name)


def test_a_journal_without_runs_says_so(tmp_path: Path) -> None:
    """Whatever run is wanted."""
    keep(tmp_path / "journal.db")
    with pytest.raises(ConfigError, match=r"journal\.db has no runs yet"):
        found(tmp_path / "journal.db", "last")


def test_beyond_the_newest_thousand_a_run_is_found_by_its_whole_id(path: Path) -> None:
    """The journal itself then says whether there is one."""
    columns = "state, ensemble, request_key, sample, is_redacted, holder, question, text, usage, wall_s, spec"
    with sqlite3.connect(path) as connection:
        connection.execute(
            f"""WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 1000)
            INSERT INTO moa_runs (run_id, created_at, {columns}, conversation, record)
            SELECT 'copy-' || n, '2026-02-01T00:00:00.000+00:00', {columns}, conversation, record
            FROM moa_runs, many WHERE run_id = 'spring-07'"""  # noqa: S608 - the names are here
        )
    connection.close()
    assert found(path, "autumn-11") == "autumn-11"

    async def record(journal: SqlJournal) -> RunRecord:
        return await journal.record(await find_run(journal, "aut"))

    with pytest.raises(RunNotFoundError, match="aut"):
        with_journal(str(path), record)


def test_a_command_that_looks_makes_no_journal(tmp_path: Path) -> None:
    """It says what to do instead."""
    with pytest.raises(ConfigError, match=r"there is no journal .*none\.db yet") as caught:
        found(tmp_path / "none.db", "last")
    assert caught.value.key == "--journal"
    assert list(tmp_path.iterdir()) == []
