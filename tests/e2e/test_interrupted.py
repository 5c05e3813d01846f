"""A server that is killed in mid-run, and the page of the next one, in a real browser."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way
from tests.serve_child import serve_child

EXPECTED = ("ERR_CONNECTION_REFUSED", "WebSocket connection")
"""The page of the killed server goes on looking for it."""
PLACES = ("", "/layers/1", "/layers/1?agent=ada", "/money", "/replay", "/replay?step=9", "/delete")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder in which the servers run."""
    return a_folder(tmp_path)


@pytest.fixture
def run(browser: Chromium, folder: Path) -> str:
    """Return where the run is, on any server, that a killed one left before its refinements."""
    with serve_child(folder, "-e", "trio.toml") as server:
        page = browser.open(server.url)
        hold(folder, "refine")
        ask(page, "Killed?")
        under_way(page, "refine", 3)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        return page.url.removeprefix(server.url)


def test_what_a_killed_server_left_is_shown_everywhere(browser: Chromium, folder: Path, run: str) -> None:
    """Every page that lists it or is of it says that it was interrupted, and what of it was not made."""
    with serve_child(folder, "-e", "trio.toml") as server:
        for place in ("/", "/runs", "/runs?state=interrupted"):
            page = browser.open(server.url + place)
            assert "Killed?" in page.inner_text("body"), place
            assert "interrupted" in page.inner_text("body"), place
        shoot(browser.open(f"{server.url}/runs"), "runs-interrupted")
        for place in PLACES:
            with urllib.request.urlopen(f"{server.url}{run}{place}") as reply:  # noqa: S310 - of loopback
                assert reply.status == 200, place
        page = browser.open(server.url + run)
        assert page.locator(".head .state").inner_text().split() == ["⊖", "interrupted"]
        page.get_by_text("Interrupted: its server ended before it did. What was paid for stays.").wait_for()
        assert page.locator(".box.is-running, .box.is-waiting").count() == 0
        assert page.locator(".box.is-not-made").count() > 0
        assert not page.locator("button.stop").is_visible()
        shoot(page, "interrupted")
        assert "of 2 · interrupted" in page.inner_text(".layer >> nth=0")
        page = browser.open(f"{server.url}{run}/replay?step=99999")
        assert page.inner_text("section.said").strip() == "There is no answer."
        page.click("#jump-back10")
        page.get_by_text("The answer is written last.").wait_for()
        shoot(page, "interrupted-replay")


def test_what_a_killed_server_left_goes_on(browser: Chromium, folder: Path, run: str) -> None:
    """Resume makes the rest, and that alone."""
    asked = folder / "asked"
    with serve_child(folder, "-e", "trio.toml") as server:
        page = browser.open(server.url + run)
        (folder / "hold.refine").unlink()
        before = asked.read_text(encoding="utf-8")
        page.click("[data-do=resume]")
        page.wait_for_selector(".state.is-finished")
        assert answered(page) == "The end, says ada."
        again = asked.read_text(encoding="utf-8").removeprefix(before).splitlines()
        assert {call.split(".")[1] for call in again if call.startswith("1.")} == {"refine", "summary"}
        page.reload()
        linked(page)
        assert page.locator(".box.is-done, .box.is-replayed").count() == 33
        shoot(page, "interrupted-resumed")
