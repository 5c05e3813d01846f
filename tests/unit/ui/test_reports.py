"""The reports of benchmarks, found in folders."""

from __future__ import annotations

import os
from pathlib import Path

from attention_moa.ui.reports import Reports


def a_report(folder: Path, title: str = "", *, at: float = 0) -> Path:
    """Return a report, written at some time."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "report.html"
    file.write_text(f"<!doctype html><title>{title}</title>" if title else "<p>x", encoding="utf-8")
    os.utime(file, (at, at))
    return file


def test_reports_are_found_by_their_folders_the_newest_first(tmp_path: Path) -> None:
    """Their titles are told as text; one folder that is named twice has each of them once."""
    a_report(tmp_path / "bench" / "old" / "ifeval", "IFEval &amp; <b>", at=1)
    a_report(tmp_path / "bench", at=2)
    found = Reports([tmp_path / "bench", tmp_path / "bench"]).all()
    assert [(report.name, report.title) for report in found] == [("bench", ""), ("bench/old/ifeval", "IFEval & <b>")]
    assert all(len(report.id) == 16 for report in found)


def test_neither_links_nor_hidden_nor_deep_folders_are_looked_into(tmp_path: Path) -> None:
    """What is outside stays outside."""
    root, outside = tmp_path / "bench", tmp_path / "outside"
    a_report(outside)
    (root / "linked").mkdir(parents=True)
    (root / "linked" / "report.html").symlink_to(outside / "report.html")
    (root / "folder").symlink_to(outside)
    a_report(root / ".hidden")
    a_report(root / "1" / "2" / "3" / "4" / "5")
    assert Reports([root, tmp_path / "none"]).all() == []


def test_a_report_is_read_by_its_id_alone(tmp_path: Path) -> None:
    """One that went, or that was never there, is none."""
    file = a_report(tmp_path / "a", "One")
    reports = Reports([tmp_path])
    (report,) = reports.all()
    assert reports.content(report.id) == file.read_bytes()
    assert reports.find("0" * 16) is None
    assert reports.content("../../etc/passwd") is None
    file.unlink()
    assert reports.content(report.id) is None


def test_a_report_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    """Nobody's report is; its file might be anything."""
    with a_report(tmp_path).open("ab") as file:
        file.truncate(65 * 2**20)
    reports = Reports([tmp_path])
    assert reports.content(reports.all()[0].id) is None


def test_there_are_folders_or_none() -> None:
    """The page says which."""
    assert not Reports().has_folders
    assert Reports(["x"]).has_folders
