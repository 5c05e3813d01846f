"""Every kind of run that a journal may hold, on every page of a real server: there, and true."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import quote

import httpx2
import pytest

from attention_moa.config import voices
from attention_moa.records import RunRecord
from attention_moa.store import open_journal
from tests.page_kinds import every_kind, kept
from tests.page_world import a_folder
from tests.serve_child import serve_child

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
VIEWS = ("", "?view=matrix", "?view=summary", "?view=residual")
AGENTS = ("?agent={0}", "?critic={0}&author={0}")
OTHERS = ("/money", "/replay", "/replay?step=3", "/replay?step=99999", "/delete")
FORMS = ("json", "jsonl", "markdown")
_OPEN_BOX = re.compile(r'class="(?:box|square)[^"]*is-(?:waiting|running|retried)')


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunRecord]:
    """Return the runs of a journal by their ids, as it has them."""
    file = tmp_path_factory.getbasetemp() / "kinds" / "journal.db"
    file.parent.mkdir(exist_ok=True)
    kinds = list(every_kind(range(1)))

    async def read() -> dict[str, RunRecord]:
        ids = await kept(file, kinds)
        async with open_journal(file) as journal:
            return {run_id: await journal.record(run_id) for run_id in ids}

    return asyncio.run(read())


@pytest.fixture(scope="module")
def client(records: dict[str, RunRecord], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """Lend a browser's look at a server of that journal; nothing went wrong in the server at its end."""
    assert records
    folder = a_folder(tmp_path_factory.getbasetemp() / "kinds")
    with serve_child(folder, "-e", "trio.toml") as server:
        with httpx2.Client(base_url=server.url, headers=BROWSER, timeout=60) as client:
            yield client
        log = server.log.read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert "status=500" not in log


def test_every_list_has_every_run(client: httpx2.Client, records: dict[str, RunRecord]) -> None:
    """In its state; page by page."""
    for state in ("finished", "failed", "cancelled", "interrupted"):
        found: set[str] = set()
        path = f"/runs?state={state}"
        while path:
            page = client.get(path).text
            found |= set(re.findall(r'name="run" value="([^"]+)"', page))
            older = re.search(r'rel="next" href="([^"]+)"', page)
            path = older[1].replace("&amp;", "&") if older else ""
        assert found == {run_id for run_id, record in records.items() if _state(record) == state}, state


def test_every_kind_of_run_has_every_page_and_each_says_how_far_it_is(
    client: httpx2.Client, records: dict[str, RunRecord]
) -> None:
    """None of them waits for what will not come; a layer that was not made is said to be that, or there is none."""
    before = next(iter(records))
    for run_id, record in records.items():
        at, state = f"/runs/{quote(run_id)}", _state(record)
        calls = [f"?call={quote(call.call_id)}" for call in (*record.calls[:1], *record.calls[-1:])]
        names = [agent.name for agent in voices(record.ensemble)[:1]]
        inside = [*VIEWS, *(view.format(name) for view in AGENTS for name in names)]
        layers = [f"/layers/1{view}" for view in inside]
        layers += [f"/layers/{layer}" for layer in range(2, record.ensemble.layers + 1)]
        for path in (at, *(at + more for more in (*calls, *layers, *OTHERS))):
            page = client.get(path)
            assert page.status_code == 200, path
            assert f"is-{state}" in page.text or path.endswith("/delete"), path
            assert _OPEN_BOX.search(page.text) is None or "/replay" in path, path
        assert _OPEN_BOX.search(client.get(f"{at}/replay?step=99999").text) is None, run_id
        for form in FORMS:
            assert client.get(f"{at}/export?as={form}").status_code == 200, (run_id, form)
        for path in (f"/compare?run={quote(run_id)}", f"/compare?run={quote(run_id)}&run={quote(before)}"):
            assert client.get(path).status_code == 200, path
        assert client.get(f"{at}/money/live").headers["location"] == f"{at}/money"
        for missing in (
            f"/layers/{record.ensemble.layers + 1}",
            "/layers/0",
            "/layers/1?agent=nobody",
            "/layers/1?view=x",
        ):
            assert client.get(at + missing).status_code == 404, missing
        before = run_id


def test_what_is_not_there_is_said(client: httpx2.Client) -> None:
    """A call that the run has not, a step that is none, a day that no calendar has; as they were written."""
    at = "/runs/panel"
    assert "This run has no call &#39;9.x.y&#39;." in client.get(f"{at}?call=9.x.y").text
    step = client.get(f"{at}/replay?step=abc")
    assert (step.status_code, "&#39;abc&#39; is no step" in step.text) == (400, True)
    day = client.get("/runs?since=2026-13-45")
    assert (day.status_code, "is no day" in day.text) == (400, True)
    gone = client.get("/runs/\N{PILE OF POO}")
    assert (gone.status_code, "there is no run &#39;\N{PILE OF POO}&#39;" in gone.text) == (404, True)
    for path in ("/leave", f"{at}/resume"):
        page = client.get(path)
        assert (page.status_code, "a button leads to this address" in page.text) == (405, True)


def test_who_is_refused_in_a_browser_is_told_in_a_page(client: httpx2.Client) -> None:
    """Under a name that is not the server's, from another's page, with too much; programs are told in JSON."""
    for status, method, headers, size in (
        (403, "GET", {"host": "evil.example"}, 0),
        (403, "POST", {"origin": "http://evil.example"}, 10),
        (413, "POST", {}, 21 * 2**20),
    ):
        page = client.request(method, "/login", headers=headers, content=bytes(size))
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert 'role="alert"' in page.text
        assert '<a href="/">' in page.text
        told = client.request(method, "/login", headers={**headers, "accept": "*/*"}, content=bytes(size))
        assert (told.status_code, told.headers["content-type"]) == (status, "application/json")


def _state(record: RunRecord) -> str:
    """Return how far a run is that no server is at."""
    return "interrupted" if record.state == "running" else record.state
