"""Pages of a run that go on by themselves, in a real browser: time and money, a replay that is sought in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, shoot, under_way, until
from tests.serve_child import ServeChild, serve_child

NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs."""
    return a_folder(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "trio.toml") as child:
        yield child


def test_time_and_money_go_on_while_they_are_looked_at(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """To the end of the run, without a reload: what is open stays open, and the address is a finished run's."""
    held = hold(folder, "refine")
    page = browser.open(server.url)
    ask(page, "Why is the sky blue?")
    under_way(page, "refine", 3)
    money = browser.open(f"{page.url}/money")
    assert money.url.endswith("/money/live")
    assert "It is under way" in money.inner_text("#money-live")
    assert not money.locator(".no-link").is_visible()
    money.click("#money-count")
    rows = money.locator("#money-calls tr").count()
    shoot(money, "money-live")
    for name, wishes in (("dark", {"color_scheme": "dark"}), ("narrow", {"viewport": NARROW})):
        other = browser.open(money.url, **wishes)
        shoot(other, f"money-live-{name}")
        assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
        other.close()
    held.unlink()
    answered(page)
    until(money, lambda: money.locator("#money-useful table").count() == 1)
    assert money.locator("#money-calls tr").count() > rows
    assert money.locator("details.all[open]").count() == 1
    assert money.url == f"{page.url}/money"
    assert money.inner_text("#money-live") == ""
    money.goto(f"{page.url}/money/live")
    assert money.url == f"{page.url}/money"


def test_a_replay_goes_back_by_the_slider(browser: Chromium, server: ServeChild) -> None:
    """While it is drawn, box by box: the boxes stay the same elements."""
    page = browser.open(server.url)
    ask(page, "Why?")
    answered(page)
    page = browser.open(f"{page.url}/replay?step=60")
    page.evaluate("document.querySelectorAll('.box').forEach((box) => { box.marked = true; })")
    for step in (50, 40, 30, 20, 10):
        page.locator("#replay-slider").evaluate(
            "(at, step) => { at.value = step; at.dispatchEvent(new Event('input', { bubbles: true })); }", str(step)
        )
    until(page, lambda: "step 10 " in page.inner_text(".where"))
    assert page.evaluate("[...document.querySelectorAll('.box')].every((box) => box.marked)")
    back = page.locator(".box.is-done").count()
    fresh = browser.open(page.url)
    assert fresh.url.endswith("step=10")
    assert fresh.locator(".box.is-done").count() == back < 6
