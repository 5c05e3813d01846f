"""The installer behind the Makefile: what it says while pip works, and what it does when pip fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts.install import follow, main

ROOT = Path(__file__).parents[2]


def pip_that(code: str) -> list[str]:
    """Return a command that behaves like pip for as long as its code says."""
    return [sys.executable, "-c", f"import sys, time\n{code}"]


def test_progress_counts_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever waits sees which package of how many it is."""
    pip = pip_that("print('Collecting one==1 (from -r x.lock (line 1))\\nCollecting two.b==2')")
    assert follow(pip, 2, silence_s=0) == 0
    assert capsys.readouterr().out == "  [1/2] one\n  [2/2] two.b\n"


def test_a_log_file_is_not_filled_with_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches a terminal, lines come seldom."""
    assert follow(pip_that("print('Collecting one==1')"), 1, silence_s=3600) == 0
    assert capsys.readouterr().out == ""


def test_the_words_of_a_pip_that_fails_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is handed on, and the reason is there to read; on success pip is silent."""
    assert follow(pip_that("print('Downloading'); sys.exit('no such hash')"), 1) == 1
    assert "no such hash" in capsys.readouterr().err
    assert follow(pip_that("print('Downloading')"), 1) == 0
    assert capsys.readouterr() == ("", "")


def test_a_whole_environment_is_made_and_a_half_one_is_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interrupted installation is no dead end: pip is put back where it is missing."""
    lock, folder = tmp_path / "empty.lock", tmp_path / "environment"
    lock.write_text("", encoding="utf-8")
    folder.mkdir()
    (folder / "pyvenv.cfg").write_text("", encoding="utf-8")
    (folder / "left-over").touch()
    main([str(folder), str(lock)])
    assert (folder / "bin" / "pip").exists()
    assert not (folder / "left-over").exists()
    assert "Installing the 0 packages" in capsys.readouterr().out


def test_what_was_broken_off_is_unpacked_once_more(tmp_path: Path) -> None:
    """Pip would take a package that is half there for a whole one; what failed is marked as well."""
    folder, lock = tmp_path / "environment", tmp_path / "empty.lock"
    lock.write_text("", encoding="utf-8")
    (folder / "bin").mkdir(parents=True)
    commands = []
    for code in (1, 0, 0):
        program = folder / "bin" / "python"
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit {code}\n', encoding="utf-8")
        program.chmod(0o755)
        (folder / "bin" / "pip").touch()
        (tmp_path / "asked").write_text("", encoding="utf-8")
        assert main([str(folder), str(lock)]) == code
        commands.append((tmp_path / "asked").read_text().splitlines()[0])
    assert ["--force-reinstall" in command for command in commands] == [False, True, False]


def test_a_folder_that_is_no_environment_keeps_what_is_in_it(tmp_path: Path) -> None:
    """A slip in VENV=… deletes nothing."""
    lock, folder = tmp_path / "empty.lock", tmp_path / "photographs"
    lock.write_text("", encoding="utf-8")
    folder.mkdir()
    (folder / "wedding.jpg").touch()
    main([str(folder), str(lock)])
    assert (folder / "wedding.jpg").exists()
