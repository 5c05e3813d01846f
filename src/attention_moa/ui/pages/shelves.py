"""``/ensembles``, ``/benchmarks`` and what is below it: lists, and a report in a frame without rights."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from attention_moa.schedule import count_calls
from attention_moa.ui.dressed import HTML, NOBODY, dressed, not_so
from attention_moa.ui.headers import form_headers, report_headers
from attention_moa.ui.html import render
from attention_moa.ui.login import login_at
from attention_moa.ui.names import name_html, plain_name
from attention_moa.ui.ports import RefusedError, Visitor
from attention_moa.ui.reports import Report, Reports
from attention_moa.ui.shelf import EnsembleFile, Shelf
from attention_moa.ui.whole import Answer

_OURS = re.compile(r"/(?P<list>ensembles|benchmarks)|/benchmarks/(?P<report>[0-9a-f]{16})(?P<inside>/report)?")


class Shelves:
    """Pages that list what a server has beside its runs.

    Args:
        shelf: Its ensembles, and who may come in.
        reports: The reports of its benchmarks.
    """

    def __init__(self, shelf: Shelf, reports: Reports) -> None:
        """Keep both."""
        self._shelf = shelf
        self._reports = reports

    def serves(self, path: str) -> bool:
        """Whether an address is one of these pages."""
        return _OURS.fullmatch(path) is not None

    async def answer(self, request: Request, key: str | None) -> Response:
        """Return the answer to a request."""
        if request.method not in ("GET", "HEAD"):
            return not_so(request, "GET, HEAD")
        found = _OURS.fullmatch(request.url.path)
        asked: Mapping[str, str | None] = found.groupdict() if found is not None else {}
        visitor = NOBODY
        try:
            visitor = await self._shelf.enter(key)
            return await self._let_in(request, key, visitor, asked)
        except RefusedError as refused:
            if refused.is_key_bad:
                return RedirectResponse(login_at(request.url.path), status_code=303, headers=form_headers())
            return _page(request, visitor, "Not here", _refused(refused.message), status=refused.status or 503)

    async def _let_in(
        self, request: Request, key: str | None, visitor: Visitor, asked: Mapping[str, str | None]
    ) -> Response:
        """Return the answer to somebody who may come in."""
        if asked["inside"]:
            return await self._report(request, asked["report"] or "")
        if asked["list"] == "ensembles":
            return _page(request, visitor, "Ensembles", _listed(await self._shelf.files(key)), tab="ensembles")
        reports = await asyncio.to_thread(self._reports.all)
        if asked["list"]:
            listed = _reported(reports, has_folders=self._reports.has_folders)
            return _page(request, visitor, "Benchmarks", listed, tab="benchmarks")
        report = next((one for one in reports if one.id == asked["report"]), None)
        if report is None:
            missing = _refused("There is no such report.")
            return _page(request, visitor, "Not here", missing, tab="benchmarks", status=404)
        body = render("benchmark.html", report=report, name=name_html(report.name, 80), when=_when(report))
        title = plain_name(report.title or report.name)
        return _page(request, visitor, title, body, tab="benchmarks", has_frame=True)

    async def _report(self, request: Request, report_id: str) -> Response:
        """Return a report itself; only within its page, where it can be led nowhere."""
        if request.headers.get("sec-fetch-dest", "iframe") != "iframe":
            return RedirectResponse(f"/benchmarks/{report_id}", status_code=303, headers=form_headers())

        def made() -> Response | None:
            content = self._reports.content(report_id)
            return None if content is None else Answer(200, HTML, content).response(request.headers, report_headers())

        return await asyncio.to_thread(made) or Response(
            "There is no such report.", status_code=404, headers=report_headers()
        )


def _listed(files: Sequence[EnsembleFile]) -> Markup:
    return render("ensembles.html", files_of=files, named=name_html, calls_of=count_calls)


def _reported(reports: list[Report], *, has_folders: bool) -> Markup:
    rows = [(report, name_html(report.name, 80), _when(report)) for report in reports]
    return render("benchmarks.html", rows=rows, has_folders=has_folders)


def _refused(message: str) -> Markup:
    return render("refused.html", message=message)


def _when(report: Report) -> str:
    """Return when a report was written, in the server's time."""
    return datetime.fromtimestamp(report.changed_at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _page(
    request: Request,
    visitor: Visitor,
    title: str,
    body: Markup,
    *,
    tab: str = "",
    status: int = 200,
    has_frame: bool = False,
) -> Response:
    return dressed(request, visitor, title, body, look="shelf", tab=tab, status=status, has_frame=has_frame)
