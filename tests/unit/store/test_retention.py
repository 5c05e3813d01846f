"""Old runs go, for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.store import open_journal
from tests.asking import run
from tests.journals import a_call, a_head

WORDS = "A text that nobody may find again."


def ago(days: float) -> str:
    """Return the time so many days ago."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="milliseconds")


def test_old_runs_go_and_young_and_busy_ones_stay(tmp_path: Path) -> None:
    """How many went is told."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            for name, days in (("old", 40), ("older", 400), ("busy", 50), ("young", 20)):
                place = await journal.begin(a_head(name, created_at=ago(days)))
                await place.put("key", a_call())
                if name != "busy":
                    await place.release()
            assert await journal.prune(30) == 2
            assert [row.run_id for row in await journal.rows()] == ["young", "busy"]
            assert await journal.prune(0) == 1

    run(scenario)


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_a_number_of_days_that_is_none_is_refused(tmp_path: Path, days: float) -> None:
    """Nothing is deleted by mistake."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "journal.db") as journal:
            with pytest.raises(ConfigError, match="days"):
                await journal.prune(days)

    run(scenario)


def files_of(journal: Path) -> dict[str, bytes]:
    """Return what is in the journal's file and in what SQLite writes ahead of it."""
    return {file.name: file.read_bytes() for file in journal.parent.iterdir() if file.name in {"j.db", "j.db-wal"}}


def test_a_deleted_text_is_not_left_in_the_file(tmp_path: Path) -> None:
    """Nor in the one that SQLite writes ahead, even while the journal is open; the room is given back."""

    async def scenario() -> None:
        async with open_journal(tmp_path / "j.db") as journal:
            place = await journal.begin(a_head())
            for number in range(50):
                await place.put(f"key of {WORDS}", a_call(f"1.answer.{number}"))
            await place.release()
            before = files_of(tmp_path / "j.db")
            assert WORDS.encode() in b"".join(before.values())
            await journal.delete("run-1")
            after = files_of(tmp_path / "j.db")
            assert WORDS.encode() not in b"".join(after.values())
            assert sum(map(len, after.values())) < sum(map(len, before.values())) / 2

    run(scenario)
