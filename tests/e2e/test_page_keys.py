"""The page of a server with keys, in a real browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXPECTED = ("status of 401", "status of 404")
"""Answers that refuse somebody."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs, with keys in its journal."""
    return a_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def keys(folder: Path) -> dict[str, str]:
    """Return keys by their names."""
    return {name: key(folder, "add", name, "--json") for name in ("alice", "bob", "carol")}


@pytest.fixture(scope="module")
def server(folder: Path, keys: dict[str, str]) -> Iterator[ServeChild]:
    """Lend a server that knows the keys."""
    assert keys
    with serve_child(folder, "-e", "trio.toml") as child:
        yield child


def key(folder: Path, *arguments: str) -> str:
    """Return a new key; or nothing, where one is revoked."""
    command = (sys.executable, "-m", "attention_moa", "keys", *arguments, "--journal", str(folder / "journal.db"))
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    return str(json.loads(said)["key"]) if "--json" in arguments else ""


def come_in(browser: Chromium, url: str, secret: str) -> Page:
    """Return a page that was opened with a key."""
    page = browser.open(url)
    page.fill("#key", secret)
    page.click("text=Come in")
    linked(page)
    return page


def test_who_has_a_key_comes_in_and_leaves(browser: Chromium, server: ServeChild, keys: dict[str, str]) -> None:
    """The key is kept where no script reads it, stands in no page or address, and is forgotten on leaving."""
    page = browser.open(f"{server.url}/runs/some")
    assert page.url == f"{server.url}/login?next=/runs/some"
    shoot(page, "login")
    page.fill("#key", "moa-wrong")
    page.click("text=Come in")
    page.get_by_text("This key is not known here, or was revoked.").wait_for()
    shoot(page, "login-wrong")
    page.fill("#key", keys["alice"])
    page.click("text=Come in")
    page.get_by_text("there is no run 'some'").wait_for()
    page.goto(server.url)
    linked(page)
    assert page.evaluate("document.cookie") == ""
    assert keys["alice"] not in page.content()
    cookie = page.context.cookies()[0]
    assert (cookie.get("httpOnly"), cookie.get("sameSite"), cookie.get("path")) == (True, "Strict", "/")
    page.click("text=Leave")
    page.wait_for_url("**/login")
    assert page.context.cookies() == []
    assert page.goto(server.url)
    assert page.url.endswith("/login")


def test_another_keys_run_is_not_there(browser: Chromium, server: ServeChild, keys: dict[str, str]) -> None:
    """Its page says the same as of a run that never was."""
    page = come_in(browser, server.url, keys["alice"])
    ask(page, "Mine?")
    answered(page)
    other = come_in(browser, server.url, keys["bob"])
    response = other.goto(page.url)
    assert response is not None
    assert response.status == 404
    assert "there is no run" in other.inner_text("main")
    assert "Mine?" not in other.content()


def test_a_revoked_key_is_out_at_once(
    browser: Chromium, server: ServeChild, folder: Path, keys: dict[str, str]
) -> None:
    """A page that watches is shut, and so is the socket; the run goes on for its owner's budget, and ends."""
    page = come_in(browser, server.url, keys["carol"])
    held = hold(folder, "refine")
    ask(page, "Revoked?")
    under_way(page, "refine", 3)
    key(folder, "revoke", "carol")
    page.wait_for_url("**/login")
    held.unlink()


def test_without_a_key_there_is_no_socket(browser: Chromium, server: ServeChild) -> None:
    """A WebSocket of a page that nobody let in is closed before it is one."""
    page = browser.open(f"{server.url}/login")
    opened = page.evaluate(
        """() => new Promise((done) => {
            const socket = new WebSocket(`ws://${location.host}/_nicegui_ws/socket.io/?EIO=4&transport=websocket`);
            socket.onopen = () => done("open");
            socket.onerror = () => done("refused");
        })"""
    )
    assert opened == "refused"
    browser.faults.clear()  # the policy of the form lets no script connect anywhere, and says so
