"""Runs in a real browser: the list, time and money, replay, two side by side, files, deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way, until
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import Page

OTHER = "The end of the day: light goes a **longer way**, and most of the blue is gone."
NARROW = {"width": 390, "height": 844}
EXPECTED = ("status of 404",)
"""Some runs are gone."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs."""
    return a_folder(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "trio.toml") as child:
        yield child


@pytest.fixture(scope="module")
def runs(browser: Chromium, server: ServeChild, folder: Path) -> dict[str, str]:
    """Return three runs by what they were asked: two finished ones with unequal answers, and a cancelled one."""
    page = browser.open(server.url)
    found: dict[str, str] = {}
    for question in ("Why is the sky blue?", "Why is the sky red?"):
        page.goto(server.url)
        linked(page)
        ask(page, question)
        answered(page)
        found[question] = page.url
        (folder / "say.txt").write_text(OTHER, encoding="utf-8")
    (folder / "say.txt").unlink()
    held = hold(folder, "refine")
    page.goto(server.url)
    linked(page)
    ask(page, "Cancel this?")
    under_way(page, "refine", 3)
    page.click("button.stop")
    page.get_by_text("Cancelled. What was paid for stays.").wait_for()
    held.unlink()
    found["Cancel this?"] = page.url
    return found


def looks(browser: Chromium, url: str, name: str) -> None:
    """Keep pictures of a page in the dark and at a phone's width, where nothing may stick out."""
    shoot(browser.open(url, color_scheme="dark"), f"{name}-dark")
    narrow = browser.open(url, viewport=NARROW)
    shoot(narrow, f"{name}-narrow")
    assert narrow.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def questions(page: Page) -> list[str]:
    """Return what the listed runs were asked."""
    return [text.strip() for text in page.locator(".runs .asked > a").all_inner_texts()]


def test_runs_are_listed_searched_and_filtered(browser: Chromium, server: ServeChild, runs: dict[str, str]) -> None:
    """The newest first; what was looked for stands in the address."""
    page = browser.open(f"{server.url}/runs")
    assert questions(page) == list(reversed(runs))
    assert page.locator(".how-far").all_inner_texts() == ["⊘ cancelled", "● finished", "● finished"]
    shoot(page, "runs")
    looks(browser, page.url, "runs")
    narrow = browser.open(page.url, viewport=NARROW)
    assert all(cost.is_visible() for cost in narrow.locator(".runs .cost").all())
    page.fill("#words", "BLUE? sky")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs?words=BLUE*")
    assert questions(page) == ["Why is the sky blue?"]
    page.goto(f"{server.url}/runs?state=cancelled")
    assert questions(page) == ["Cancel this?"]
    page.goto(f"{server.url}/runs?until=2001-01-01")
    assert "No run fits" in page.inner_text("main")


def test_a_run_is_taken_as_a_file_and_deleted(browser: Chromium, server: ServeChild) -> None:
    """The file is the record; what is deleted after a question whether it is meant is there no more."""
    page = browser.open(server.url)
    ask(page, "Delete me?")
    answered(page)
    address = page.url
    page.goto(f"{server.url}/runs?words=delete")
    page.click(".more summary")
    shoot(page, "runs-more")
    with page.expect_download() as coming:
        page.click("text=Download JSON")
    record = json.loads(coming.value.path().read_bytes())
    assert record["run_id"] == address.rpartition("/")[2]
    page.click("text=Delete …")
    shoot(page, "delete")
    page.click("text=Delete for good")
    page.wait_for_url("**/runs")
    assert "Delete me?" not in questions(page)
    response = page.goto(address)
    assert response is not None
    assert response.status == 404


def test_time_and_money_of_a_run(browser: Chromium, runs: dict[str, str]) -> None:
    """In words, as a figure, beside the plan, by agent and stage; what nobody told is unknown."""
    page = browser.open(f"{runs['Why is the sky blue?']}/money")
    assert "The run waited longest for " in page.inner_text(".told")
    assert "useful" in page.inner_text(".told")
    assert page.locator(".timeline .lane").count() == 3
    assert page.locator(".timeline .critical").count() == page.locator(".path li").count() > 0
    assert "unknown" in page.inner_text(".spent >> nth=0")
    shoot(page, "money")
    shoot(page, "money-whole", is_whole=True)
    looks(browser, page.url, "money")
    page.goto(f"{runs['Cancel this?']}/money")
    assert page.locator(".timeline .lane").count() == 3


def test_a_run_is_played_again(browser: Chromium, runs: dict[str, str]) -> None:
    """By itself to its end, then step by step back and on; each step has an address that shows the same."""
    page = browser.open(f"{runs['Why is the sky blue?']}/replay")
    assert "Nothing has begun." in page.inner_text(".where")
    page.click("#replay-play")
    page.locator(".where").get_by_text("The run is finished.").wait_for()
    assert page.inner_text("#replay-play") == "Play"
    assert page.inner_text("#replay-answer").strip() == "The end, says ada."
    page.click("#jump-back10")
    page.get_by_text("not begun").wait_for(state="detached")
    until(page, lambda: "The run is finished." not in page.inner_text(".where"))
    there, board = page.inner_text(".where"), page.inner_text(".board")
    page.click("#jump-back")
    until(page, lambda: page.inner_text(".where") != there)
    page.focus("#jump-on")
    page.keyboard.press("Enter")
    until(page, lambda: page.inner_text(".where") == there)
    assert page.inner_text(".board") == board
    assert page.evaluate("document.activeElement.id") == "jump-on"
    shoot(page, "replay")
    address = page.url
    looks(browser, address, "replay")
    again = browser.open(address)
    assert (again.inner_text(".where"), again.inner_text(".board")) == (there, board)
    still = browser.person(java_script_enabled=False).new_page()
    still.goto(address)
    assert still.inner_text(".where") == there
    still.click("#jump-on")
    assert still.inner_text(".where") != there


def test_two_runs_are_compared(browser: Chromium, server: ServeChild, runs: dict[str, str]) -> None:
    """Ticked in the list: texts over each other, matrices, costs, and each call that differs."""
    page = browser.open(f"{server.url}/runs?words=sky")
    for box in page.locator(".pick input").all():
        box.check()
    page.click("text=Compare the two")
    page.wait_for_url("**/compare?run=*")
    assert "They were asked different things." in page.inner_text("main")
    assert "They share less than a third of their words" in page.inner_text("main")
    page.click("text=Lay them over each other")
    page.wait_for_url("**overlay=1*")
    assert page.locator(".overlaid ins").count() > 0
    assert page.locator(".moved").count() == 2
    assert page.locator(".costs").count() == 2
    page.locator(".differing a").first.click()
    page.wait_for_url("**call=*")
    assert page.locator(".opened h3").inner_text().startswith("layer 1, ")
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "compare")
    shoot(page, "compare-whole", is_whole=True)
    looks(browser, page.url, "compare")
    page.goto(f"{server.url}/compare?run={runs['Cancel this?'].rpartition('/')[2]}")
    page.get_by_text("Why is the sky red?").click()
    page.wait_for_url("**/compare?run=*&run=*")
    assert "cancelled" in page.inner_text(".pair")


def test_only_the_pages_own_forms_change_anything(server: ServeChild, runs: dict[str, str]) -> None:
    """What another site has a browser send is refused before any page hears of it."""
    address = runs["Why is the sky blue?"]
    for deed in ("delete", "resume"):
        answer = httpx2.post(f"{address}/{deed}", headers={"origin": "https://example.com"})
        assert answer.status_code == 403
    assert httpx2.get(address).status_code == 200
    assert httpx2.post(f"{server.url}/runs/none/delete", headers={"origin": server.url}).status_code == 404


def test_runs_are_read_and_compared_without_a_mouse(
    browser: Chromium, server: ServeChild, runs: dict[str, str]
) -> None:
    """Tab goes through the form to the runs; Space ticks, Enter opens what is more of one."""
    page = browser.open(f"{server.url}/runs?words=sky")
    page.focus(".skip")
    page.keyboard.press("Enter")
    page.focus(".pick input >> nth=0")
    page.keyboard.press("Space")
    assert page.is_checked(".pick input >> nth=0")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.focus(".more summary >> nth=0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/money")
    assert page.url.removesuffix("/money") in runs.values()
