"""How pages of runs look that no shipped model makes at will: with faults, limits and tokens that nobody told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.config import LimitSpec
from attention_moa.errors import ServerError
from attention_moa.money import Price
from attention_moa.records import RunRecord
from tests.page_shelf import RunShelf, a_plan
from tests.page_world import Chromium, a_folder, answered, ask, fits, linked, shoot
from tests.serve_child import serve_child
from tests.shelf_browser import apart, shown
from tests.worlds import Says, World, a_spec, in_turn

if TYPE_CHECKING:
    from playwright.sync_api import Page

ALIKE = """
async def say(messages, request):
    own = {"ada": "Blue is a colour.", "bob": "The sea mirrors it.", "cleo": "Nobody knows."}[request.agent]
    same = "Rather say this: short waves scatter in air, long ones hardly do."
    yield own if request.stage == "answer" else same
"""
"""Agents that all say the same of each other: who was heard nobody can tell."""

SHAKY = """
from pathlib import Path

from attention_moa.errors import ServerError


async def say(messages, request):
    tried = Path(f"tried.{request.stage}.{request.agent}")
    if request.agent != "ada" and not tried.exists():
        tried.touch()
        raise ServerError("the machine is overloaded")
    yield f"{request.agent} says {request.stage}"
"""
"""Agents two of which fail the first time that they are asked for anything."""


def top_of(page: Page, place: str) -> float:
    """Return how far below the window's upper border something begins."""
    box = page.locator(place).bounding_box()
    assert box is not None, place
    return box["y"]


def a_faulty_run() -> RunRecord:
    """Return a run of three agents with faults, limits, an agent without a price and attempts that told no tokens."""
    agents = [AgentSpec(name=name, model=f"test:{name}") for name in ("thorough", "sceptic", "plain-speaker")]
    agents[0] = replace(agents[0], price=Price(input=3e3, output=9e3))
    limits = LimitSpec(usd=1_000.0, tokens=1_000_000, deadline_s=3_600.0)
    down = ServerError("the machine is overloaded, try again later")
    again = in_turn(down, "After a while it says that light scatters.")
    script: dict[str, Says] = {
        "1.critique.sceptic.thorough": again,
        "2.answer.plain-speaker": again,
        "2.critique.sceptic.thorough": down,
    }
    record = World(a_spec(agents, limits=limits), script, latency_s=lambda request: 7.3 * request.layer).run()
    return replace(record, run_id="run")


@pytest.fixture(scope="module")
def shelf() -> RunShelf:
    """Return a shelf with that run and its plan."""
    record = apart(a_faulty_run)
    shelf = RunShelf([record])
    shelf.plan = a_plan(record)
    return shelf


@pytest.mark.parametrize("width", [390, 320])
def test_time_and_money_of_a_run_with_faults_fits_a_phone(browser: Chromium, shelf: RunShelf, width: int) -> None:
    """Also where numbers are lower bounds, and nothing is cut off that could not be reached."""
    page = shown(browser, shelf, "/runs/run/money", width=width)
    assert "at least" in page.inner_text("#money-plan")
    shoot(page, f"money-faults-{width}", is_whole=True)
    assert fits(page)


def test_what_may_be_chance_has_neither_the_words_nor_the_colour_of_what_was_followed(
    browser: Chromium, tmp_path: Path
) -> None:
    """In the matrix, beside an agent's changes, at a critique, and with the money."""
    folder = a_folder(tmp_path)
    (folder / "page_agents.py").write_text(ALIKE, encoding="utf-8")
    with serve_child(folder, "-e", "trio.toml") as server:
        page = browser.open(server.url)
        ask(page, "Why is the sky blue?")
        answered(page)
        run = page.url
        page = browser.open(f"{run}/layers/1")
        page.get_by_text("Nobody can be said to have moved anybody.").wait_for()
        assert {text[0] for text in page.locator(".l-matrix tbody td a").all_inner_texts()} == {"≈"}
        shoot(page, "layer-chance")
        page = browser.open(f"{run}/layers/1?agent=ada")
        page.get_by_text("No more than chance: critiques that").wait_for()
        assert page.locator(".is-followed").count() == 0
        shoot(page, "layer-chance-agent")
        page = browser.open(f"{run}/layers/1?critic=bob&author=ada")
        page.get_by_text("no more than chance:").wait_for()
        shoot(page, "layer-chance-cell")
        page = browser.open(f"{run}/money")
        assert "Nothing can be told of who was useful" in page.inner_text(".told")
        page.locator("#h-useful").scroll_into_view_if_needed()
        shoot(page, "money-chance")


def test_what_was_tried_again_keeps_its_sign(browser: Chromium, tmp_path: Path) -> None:
    """While the page is open and when it is loaded anew: on its box, spoken, and in the counts."""
    folder = a_folder(tmp_path)
    (folder / "page_agents.py").write_text(SHAKY, encoding="utf-8")
    with serve_child(folder, "-e", "trio.toml") as server:
        page = browser.open(server.url)
        ask(page, "Again?")
        page.wait_for_selector(".state.is-finished")
        for name in ("live", "later"):
            page.locator(".counts").get_by_text("33 done, 6 of them after a retry").wait_for()
            marked = page.locator(".box.is-done .again:not(:empty)")
            assert marked.all_inner_texts() == ["↻1"] * 6
            assert page.locator(".box[title*='after 1 retry'] .spoken").count() == 6
            shoot(page, f"retried-{name}")
            page.reload()
            linked(page)


def test_in_a_low_window_the_question_flows_with_the_page(browser: Chromium, tmp_path: Path) -> None:
    """At 640 by 360 pixels, as at twice the size on a laptop, what stays in the window is not half of it."""
    with serve_child(a_folder(tmp_path), "-e", "trio.toml") as server:
        page = browser.open(server.url, viewport={"width": 640, "height": 360})
        ask(page, "Low?")
        page.wait_for_selector(".state.is-finished")
        page.evaluate("scrollTo(0, 0)")
        assert top_of(page, ".ask") > 360
        shoot(page, "low")
        page.locator("#question").scroll_into_view_if_needed()
        assert 0 < top_of(page, "#question") < 360
        shoot(page, "low-question")
        assert fits(page)


def test_a_lost_connection_is_told_where_it_covers_nothing(browser: Chromium, tmp_path: Path) -> None:
    """Above the head, which gives way to it; at any width."""
    with serve_child(a_folder(tmp_path), "-e", "trio.toml") as server:
        for width in (1280, 390):
            page = browser.open(server.url, viewport={"width": width, "height": 700})
            page.evaluate("document.getElementById('popup').setAttribute('aria-hidden', 'false')")
            page.wait_for_timeout(2_100)  # for so long it says nothing of a short break
            assert page.locator("#popup").is_visible()
            assert top_of(page, "#popup") == 0
            assert all(top_of(page, place) > 30 for place in (".top", "#question", "#model", ".send"))
            assert fits(page)
            shoot(page, f"connection-lost-{width}")


def test_answers_that_share_little_stand_side_by_side(browser: Chromium) -> None:
    """With a way to lay them over each other all the same."""
    texts = ("Light scatters in air, and short waves most of all.", "Bread rises because yeast makes gas.")
    worlds = [World(a_spec(1, layers=1), {"summary": text}) for text in texts]
    one, other = (apart(world.run) for world in worlds)
    shelf = RunShelf([replace(one, run_id="one"), replace(other, run_id="other")])
    page = shown(browser, shelf, "/compare?run=one&run=other")
    assert page.locator(".overlaid").count() == 0
    assert page.locator(".pair.whole .text").count() == 2
    assert page.locator(".pair.whole .text").first.is_visible()
    shoot(page, "compare-unlike")
    page.click("text=Lay them over each other")
    assert page.locator(".overlaid del").count() > 0
