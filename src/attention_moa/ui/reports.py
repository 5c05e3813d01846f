"""The reports of benchmarks: every ``report.html`` in some folders, by an id that tells nothing of where it is."""

from __future__ import annotations

import hashlib
import html
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

REPORT = "report.html"
_MOST_REPORTS = 500
_MOST_FOLDERS = 5_000
_DEEPEST = 4
_MOST_BYTES = 64 * 2**20
_HEAD_BYTES = 16_384
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


class Report(Struct, frozen=True, kw_only=True):
    """A report.

    Args:
        id: In its address.
        name: Its folder, seen from the one that was named.
        title: As its page is called; empty where it has no name.
        path: The file.
        changed_at: When it was written, in Unix seconds.
        size_bytes: Of the file.
    """

    id: str
    name: str
    title: str
    path: Path
    changed_at: float
    size_bytes: int


class Reports:
    """The reports in some folders; they are looked for anew each time, as benchmarks come and go.

    Args:
        folders: Those that were named.
    """

    def __init__(self, folders: Iterable[str | Path] = ()) -> None:
        """Look for nothing yet."""
        self._roots = [Path(folder) for folder in folders]

    @property
    def has_folders(self) -> bool:
        """Whether any folder was named."""
        return bool(self._roots)

    def all(self) -> list[Report]:
        """Return all reports, the newest first; of very many the first that are found."""
        found: dict[str, Report] = {}
        for root in self._roots:
            for path in _files(root):
                report = _report(root, path)
                if report is not None:
                    found.setdefault(report.id, report)
                if len(found) >= _MOST_REPORTS:
                    break
        return sorted(found.values(), key=lambda report: (-report.changed_at, report.name))

    def find(self, report_id: str) -> Report | None:
        """Return the report of an id; None where there is none any more."""
        return next((report for report in self.all() if report.id == report_id), None)

    def content(self, report_id: str) -> bytes | None:
        """Return what is in a report; None where it is not there, or too long to be one."""
        report = self.find(report_id)
        if report is None or report.size_bytes > _MOST_BYTES:
            return None
        try:
            return report.path.read_bytes()
        except OSError:
            return None


def _files(root: Path) -> Iterator[Path]:
    """Yield the reports under a folder; links are not followed, nor hidden folders looked into."""
    top = str(root)
    for count, (folder, inside, names) in enumerate(os.walk(top)):
        if count >= _MOST_FOLDERS:
            return
        is_deep = len(Path(folder).relative_to(top).parts) >= _DEEPEST
        inside[:] = [] if is_deep else sorted(name for name in inside if not name.startswith("."))
        file = Path(folder) / REPORT
        if REPORT in names and not file.is_symlink():
            yield file


def _report(root: Path, path: Path) -> Report | None:
    try:
        facts = path.stat()
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except OSError:  # it went meanwhile, or is not ours to read
        return None
    inner = path.parent.relative_to(root)
    title = _TITLE.search(head)
    return Report(
        id=hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16],
        name=str(Path(root.absolute().name) / inner),
        title=html.unescape(title[1]).strip() if title else "",
        path=path,
        changed_at=facts.st_mtime,
        size_bytes=facts.st_size,
    )
