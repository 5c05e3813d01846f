"""``attention-moa serve`` with its page and without: what it says, what it loads, what programs see of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx2
import pytest

from attention_moa.cli import serving
from tests.page_world import a_folder
from tests.serve_child import serve_child


def test_the_page_is_at_the_address_that_is_printed(tmp_path: Path) -> None:
    """And whatever programs ask for is as it is without it."""
    with serve_child(a_folder(tmp_path), "-e", "trio.toml") as server:
        page = httpx2.get(server.url)
        assert page.status_code == 200
        assert "Ask an ensemble" in page.text
        assert httpx2.get(f"{server.url}/runs/none").status_code == 404
        gone = httpx2.get(f"{server.url}/v1/none")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_url")
        lost = httpx2.get(f"{server.url}/nope", headers={"accept": "text/html"})
        assert (lost.status_code, "There is no page here" in lost.text) == (404, True)
        assert "on a box or a square opens its call" in httpx2.get(f"{server.url}/keys-help?page=replay").text
        assert httpx2.post(f"{server.url}/v1/models").status_code == 405
        assert not [path for path in httpx2.get(f"{server.url}/openapi.json").json()["paths"] if "nicegui" in path]
        told = httpx2.get(f"{server.url}/metrics").text
        routes = set(re.findall(r'attention_moa_requests_total\{route="([^"]*)"', told))
        assert routes <= {
            "other",
            "GET /",
            "GET /runs/{run_id}",
            "GET /keys-help",
            "GET /openapi.json",
            "POST /v1/models",
        }
        evil = httpx2.get(server.url, headers={"host": "evil.example"})
        assert evil.status_code == 403
        log = server.log.read_text(encoding="utf-8")
        assert "client_id" not in log
        assert "Traceback" not in log
        assert server.end() == 0


def test_without_the_page_programs_alone_are_served(tmp_path: Path) -> None:
    """Its address is nobody's then."""
    folder = a_folder(tmp_path)
    (folder / "nicegui.py").write_text("raise RuntimeError('it is loaded')", encoding="utf-8")
    with serve_child(folder, "-e", "trio.toml", "--no-page") as server:
        assert httpx2.get(server.url).status_code == 404
        assert httpx2.get(f"{server.url}/v1/models").status_code == 200


def test_where_its_extra_is_missing_one_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line; the server is there all the same."""
    known = ("nicegui", "attention_moa.ui", "attention_moa.cli.served_pages")
    for name in [name for name in sys.modules if name.startswith(known)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nicegui", None)
    pages, without = serving.served_pages()
    assert pages is None
    assert without == "no page for browsers: pip install 'attention-moa[ui]' brings it"
