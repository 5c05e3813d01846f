"""The page in a real browser: asking, watching, cancelling, coming back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way, until
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import Route


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs."""
    return a_folder(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "trio.toml") as child:
        yield child


def test_a_question_is_answered_while_one_watches(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """The calls under way are listed with their newest words, the answer comes in pieces, then all is done."""
    page = browser.open(server.url)
    shoot(page, "ask")
    held, last = hold(folder, "answer"), hold(folder, "residual")
    ask(page, "Why is the sky blue at noon and red at sunset?")
    under_way(page, "answer", 3)
    page.get_by_text("cleo says ans", exact=False).wait_for()
    shoot(page, "watch")
    held.unlink()
    until(page, lambda: page.locator(".answer").inner_text().startswith("The end"))
    assert "says ada" not in page.locator(".answer").inner_text()
    last.unlink()
    assert answered(page) == "The end, says ada."
    assert page.locator(".head .state").inner_text().split() == ["●", "finished"]
    assert page.locator(".graph .row").count() == 9
    shoot(page, "answer")


def test_a_conversation_goes_on(browser: Chromium, server: ServeChild) -> None:
    """A second question is asked with the first one and its answer before it, and has an address of its own."""
    page = browser.open(server.url)
    ask(page, "One?")
    answered(page)
    first = page.url
    page.fill("#question", "Two?")
    page.click("button.send")
    until(page, lambda: page.locator(".turn").count() == 2)
    answered(page)
    assert page.url != first
    shoot(page, "turns")
    page.reload()
    linked(page)
    assert [text.strip() for text in page.locator(".question").all_inner_texts()] == ["One?", "Two?"]
    assert page.locator(".answer").first.inner_text() == "The end, says ada."


def test_cancel_ends_all_calls_and_resume_goes_on(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """What was finished is not made again."""
    page = browser.open(server.url)
    held = hold(folder, "refine")
    ask(page, "Cancel this?")
    under_way(page, "refine", 3)
    page.click("button.stop")
    page.get_by_text("Cancelled. What was paid for stays.").wait_for()
    assert page.locator(".head .state").inner_text().split() == ["⊘", "cancelled"]
    shoot(page, "cancelled")
    held.unlink()
    before = (folder / "asked").read_text().count("1.answer")
    page.click("[data-do=resume]")
    page.wait_for_selector(".state.is-finished")
    assert answered(page) == "The end, says ada."
    assert (folder / "asked").read_text().count("1.answer") == before
    assert page.locator(".box.is-replayed").count() > 0
    shoot(page, "resumed")


def test_a_reload_in_mid_run_goes_on_where_the_run_is(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """The answer so far is there again, whole, and its rest follows."""
    page = browser.open(server.url)
    held = hold(folder, "residual")
    ask(page, "Reload?")
    until(page, lambda: page.locator(".answer").inner_text().startswith("The end"))
    so_far = page.locator(".answer").inner_text()
    page.reload()
    linked(page)
    assert page.locator(".answer").inner_text() == so_far
    assert page.locator(".head .state").inner_text().split() == ["◔", "under", "way"]
    shoot(page, "reload-in-mid-run")
    held.unlink()
    assert answered(page) == "The end, says ada."


def test_two_browsers_watch_one_run(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Both see it, whoever asked; the one may cancel what the other began."""
    page = browser.open(server.url)
    held = hold(folder, "critique")
    ask(page, "Both?")
    other = browser.open(page.url, viewport={"width": 390, "height": 844}, color_scheme="dark")
    until(other, lambda: other.locator(".of-critique .box.is-running").count() == 9)
    shoot(page, "two-browsers-one")
    shoot(other, "two-browsers-other-narrow-dark")
    other.click("button.stop")
    page.get_by_text("Cancelled. What was paid for stays.").wait_for()
    held.unlink()


def test_a_connection_that_is_lost_comes_back(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """What happened meanwhile is told then, without a reload, and what is written stays."""
    person = browser.person()
    page = browser.open(server.url, person=person)
    held = hold(folder, "summary")
    ask(page, "Lost?")
    page.get_by_text("ada says sum", exact=False).wait_for()
    page.evaluate("window.stays = true")
    page.evaluate("window.socket.io.engine.close()")
    held.unlink()
    page.fill("#question", "still being written")
    assert answered(page) == "The end, says ada."
    assert page.evaluate("window.stays") is True
    assert page.input_value("#question") == "still being written"
    shoot(page, "connection-came-back")


def test_all_of_it_is_the_servers_own(browser: Chromium, server: ServeChild) -> None:
    """Nothing was ever asked of another address, in all that the tests before did."""
    page = browser.open(server.url)
    page.wait_for_load_state("networkidle")
    own = server.url.removeprefix("http://")
    assert browser.addresses
    assert {address.split("/")[2] for address in browser.addresses if not address.startswith("data:")} == {own}


def test_the_page_works_without_a_mouse(browser: Chromium, server: ServeChild) -> None:
    """Tab reaches everything in the order in which it is read; the first of all leads to the question."""
    page = browser.open(server.url)
    page.focus(".skip")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        at = "document.activeElement.id || document.activeElement.ariaLabel || document.activeElement.innerText"
        seen.append(page.evaluate(at).split("\n")[0].strip())
    places = ["Ask", "Runs", "Ensembles", "Benchmarks"]
    beside = ["Keys of the keyboard", "Light or dark"]
    assert seen == ["attention-moa", *places, *beside, "question", "model", "attach", "Ask Ctrl ↵", "Settings"]
    page.focus(".skip")
    page.keyboard.press("Enter")
    until(page, lambda: page.url.endswith("#question"))


def test_light_and_dark_are_chosen_and_kept(browser: Chromium, server: ServeChild) -> None:
    """The switch turns what the system says, and a reload keeps it."""
    page = browser.open(server.url, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("[data-theme-switch]")
    dark = page.evaluate(paper)
    assert dark != light
    shoot(page, "dark")
    page.reload()
    assert page.evaluate(paper) == dark


def test_a_fault_in_the_form_is_told(browser: Chromium, server: ServeChild) -> None:
    """Nothing is sent, and the question stays."""
    page = browser.open(server.url)
    page.click("button.send")
    page.get_by_text("Write a question first.").wait_for()
    page.click("text=Settings")
    page.fill("#layers", "many")
    page.fill("#question", "Why?")
    page.click("button.send")
    page.get_by_text("Layers: 'many' is no number above 0").wait_for()
    assert page.input_value("#question") == "Why?"
    shoot(page, "fault")


def test_an_answer_is_shown_as_markdown_while_it_comes(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Its blocks are there before it is whole, and a reload shows the very same."""
    (folder / "say.txt").write_text("# Sky\n\nIt is **blue**.\n\n| a | b |\n|---|---|\n| 1 | $x^2$ |\n\nThe end.\n")
    try:
        page = browser.open(server.url)
        held = hold(folder, "residual")
        ask(page, "Markdown?")
        page.locator(".answer strong").wait_for()
        assert page.locator(".answer").get_by_text("The end.").count() == 0
        held.unlink()
        answered(page)
        whole = page.locator(".answer").inner_text()
        assert page.locator(".answer table math").count() == 1
        page.reload()
        linked(page)
        assert page.locator(".answer").inner_text() == whole
    finally:
        (folder / "say.txt").unlink()


def test_an_answer_is_copied_as_it_was_written(browser: Chromium, server: ServeChild) -> None:
    """The clipboard has the text, not what is made of it."""
    person = browser.person(permissions=["clipboard-read", "clipboard-write"])
    page = browser.open(server.url, person=person)
    ask(page, "Copy?")
    answered(page)
    page.click("[data-do=copy]")
    page.get_by_text("copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == "The end, says ada."


def test_who_is_quicker_than_the_page_is_not_unheard(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """What was written, sent and clicked before the page was live is done once it is, once."""

    def asked() -> int:
        file = folder / "asked"
        return file.read_text(encoding="utf-8").count("1.answer.ada") if file.exists() else 0

    before = asked()
    page = browser.person().new_page()
    scripts: list[Route] = []
    page.route("**/*.js", lambda route: scripts.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    page.goto(server.url, wait_until="commit")
    page.fill("#question", "Why so early?")
    page.locator("#question").press("Control+Enter")
    until(page, lambda: len(scripts) > 0)
    assert page.locator("html[data-live]").count() == 0
    assert page.url == f"{server.url}/"

    def went_on() -> bool:
        while scripts:
            scripts.pop().continue_()
        return "/runs/" in page.url

    until(page, went_on)
    assert answered(page) == "The end, says ada."
    assert page.locator(".question").all_inner_texts() == ["Why so early?"]
    assert asked() == before + 1


def test_the_keys_are_listed_over_the_page(browser: Chromium, server: ServeChild) -> None:
    """By the key or the sign in the head; Esc closes the list and nothing else, and in a field the key writes."""
    page = browser.open(server.url)
    page.keyboard.press("?")
    assert page.input_value("#question") == "?"
    assert not page.is_visible("#keys")
    ask(page, "Which keys?")
    answered(page)
    assert page.locator("main").count() == 1
    page.focus(".graph .box")
    page.keyboard.press("Enter")
    page.wait_for_selector("#call")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    assert "opens its call" in page.inner_text("#keys")
    shoot(page, "keys")
    page.keyboard.press("Escape")
    until(page, lambda: not page.is_visible("#keys"))
    assert page.is_visible("#call")
    page.keyboard.press("Escape")
    page.wait_for_selector("#call", state="detached")
    page.click("[data-keys]")
    page.wait_for_selector("#keys[open]")
    page.click("#keys button")
    until(page, lambda: not page.is_visible("#keys"))
    still = browser.person(java_script_enabled=False).new_page()
    still.goto(f"{server.url}/runs")
    still.click("[data-keys]")
    still.wait_for_url("**/keys-help?page=runs")
    assert "ticks a run to compare" in still.inner_text("main")
