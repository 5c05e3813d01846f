"""A server that is killed in mid-run, and the page of the next one, in a real browser."""

from __future__ import annotations

import signal
import urllib.request
from pathlib import Path

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way
from tests.serve_child import serve_child

EXPECTED = ("ERR_CONNECTION_REFUSED", "WebSocket connection")
"""The page of the killed server goes on looking for it."""
PLACES = ("", "/layers/1", "/layers/1?agent=ada", "/money", "/replay", "/replay?step=9", "/delete")


def test_what_a_killed_server_left_is_there_and_goes_on(browser: Chromium, tmp_path: Path) -> None:
    """Every page shows it as interrupted, with what was paid for; Resume makes the rest, and that alone."""
    folder = a_folder(tmp_path)
    with serve_child(folder, "-e", "trio.toml") as server:
        page = browser.open(server.url)
        hold(folder, "refine")
        ask(page, "Killed?")
        under_way(page, 3)
        run = page.url.removeprefix(server.url)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        browser.leave()
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
        assert page.locator("button.stop").is_visible() is False
        shoot(page, "interrupted")
        shoot(browser.open(f"{server.url}{run}/replay?step=99999"), "interrupted-replay")
        (folder / "hold.refine").unlink()
        before = (folder / "asked").read_text(encoding="utf-8")
        page.click("[data-do=resume]")
        page.wait_for_selector(".state.is-finished")
        assert answered(page) == "The end, says ada."
        again = (folder / "asked").read_text(encoding="utf-8").removeprefix(before).splitlines()
        assert {call.partition(".")[2].partition(".")[0] for call in again if call.startswith("1.")} == {
            "refine",
            "summary",
        }
        page.reload()
        linked(page)
        assert page.locator(".box.is-done, .box.is-replayed").count() == 33
        shoot(page, "interrupted-resumed")
