"""``attention-moa runs delete``: only what was named, and only where somebody is sure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli_inside import Done, inside, keep
from tests.journals import a_head

YOUNG = "2999-01-01T00:00:00.000+00:00"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of two old runs and one that began in another age."""
    keep(
        tmp_path / "journal.db",
        (a_head("old-1"), None),
        (a_head("old-2", minute=1), None),
        (a_head("young", created_at=YOUNG), None),
    )
    return tmp_path / "journal.db"


def deleted(path: Path, *arguments: str, columns: int | None = None, typed: str = "") -> Done:
    """Return how the command ended."""
    return inside("runs", "delete", *arguments, "--journal", path, columns=columns, typed=typed)


def left(path: Path) -> list[str]:
    """Return what the journal has, the newest first."""
    return [row["run_id"] for row in json.loads(inside("runs", "list", "--json", "--journal", path).out)]


def test_named_runs_are_deleted(path: Path) -> None:
    """Each once, however often it was named, and no other."""
    done = deleted(path, "old-1", "old-1", "you", "--yes")
    assert (done.status, done.out, done.err) == (0, "", "deleted: 2 runs\n")
    assert left(path) == ["old-2"]


def test_old_runs_are_deleted_by_their_age(path: Path) -> None:
    """Younger ones stay."""
    done = deleted(path, "--older-than", "30", "-y")
    assert (done.status, done.err) == (0, "deleted: 2 runs\n")
    assert left(path) == ["young"]


@pytest.mark.parametrize("words", [(), ("old-1", "--older-than", "30")])
def test_runs_or_an_age_are_wanted_and_not_both(path: Path, words: tuple[str, ...]) -> None:
    """Nothing is deleted by a command line that could mean two things."""
    done = deleted(path, *words, "--yes")
    assert done.status == 2
    assert "write which RUNS, or --older-than DAYS" in done.err
    assert len(left(path)) == 3


@pytest.mark.parametrize(
    ("words", "what"), [(("old-1", "young"), "old-1, young"), (("--older-than", "0.5"), "all runs older than 0.5 days")]
)
def test_a_program_has_to_say_that_it_is_sure(path: Path, words: tuple[str, ...], what: str) -> None:
    """It is told what would go."""
    done = deleted(path, *words)
    assert done.status == 2
    assert f"this would delete {what}: say --yes" in done.err
    assert len(left(path)) == 3


@pytest.mark.parametrize(("typed", "is_deleted"), [("y\n", True), ("n\n", False), ("\n", False), ("\x04", False)])
def test_a_person_is_asked(path: Path, typed: str, is_deleted: bool) -> None:
    """Only a yes deletes."""
    done = deleted(path, "old-1", columns=80, typed=typed)
    assert "Delete old-1 for good? [y/N]: " in done.err
    assert (done.status == 0) == (typed != "\x04"), "who ends the input is gone, who says no has his way"
    assert ("old-1" not in left(path)) == is_deleted


def test_a_run_that_is_not_there_keeps_all_the_others(path: Path) -> None:
    """What was named is looked for before anything goes."""
    done = deleted(path, "old-1", "nope", "--yes")
    assert done.status == 1
    assert "'nope'" in done.err
    assert len(left(path)) == 3
