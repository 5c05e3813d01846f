"""The graph in a real browser: boxes that fill, who reads whom, calls that are opened, many agents, long texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, hold, linked, shoot, under_way, until
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page

MANY = 'name = "many"\nlayers = 2\n' + "".join(
    f'[[agents]]\nname = "agent{number}"\nmodel = "python:page_agents:say"\n' for number in range(30)
)
LIMITED = 'name = "limited"\nlayers = 1\n[limits]\ntokens = 2000000\n' + "".join(
    f'[[agents]]\nname = "{name}"\nmodel = "python:page_agents:say"\n' for name in ("ada", "bob")
)
ARABIC = "السماء زرقاء لأن الهواء يبعثر الضوء الأزرق أكثر من الأحمر."
CALL = ".of-{stage} .box >> nth={place}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs."""
    made = a_folder(tmp_path_factory.mktemp("graph"))
    (made / "many.toml").write_text(MANY, encoding="utf-8")
    (made / "limited.toml").write_text(LIMITED, encoding="utf-8")
    return made


@pytest.fixture(autouse=True)
def _own_words(folder: Path) -> Iterator[None]:
    """After each test, also one that failed, have agents say what they say of themselves."""
    yield
    (folder / "say.txt").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "trio.toml", "-e", "many.toml", "-e", "limited.toml") as child:
        yield child


def focused(page: Page) -> str:
    """Return the call whose box or cell has the keyboard; nothing where none has."""
    return str(page.evaluate("document.activeElement.dataset.call ?? ''"))


def test_boxes_fill_as_calls_begin_and_end(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Each has a sign, a word and its newest words; the answer stands in the last one."""
    page = browser.open(server.url)
    held = hold(folder, "refine")
    ask(page, "Why is the sky blue at noon and red at sunset?")
    under_way(page, "refine", 3)
    box = page.locator(".of-refine .box").first
    assert box.locator(".sign").inner_text() == "◔"
    assert box.locator(".word").inner_text() == "running"
    assert box.locator(".spoken").inner_text() == "layer 1, refinement by ada: running"
    assert page.locator(".of-answer .box.is-done").count() == 3
    assert page.locator(".layer").nth(1).locator(".box.is-waiting").count() == 17
    assert "3 running" in page.inner_text(".counts")
    shoot(page, "graph")
    held.unlink()
    answered(page)
    assert page.locator(".box.is-done").count() == 33
    assert page.locator(".of-residual .words").inner_text() == "The end, says ada."


def test_a_box_shows_whom_it_reads_and_who_reads_it(browser: Chromium, server: ServeChild) -> None:
    """Under the pointer and under the keyboard alike."""
    page = browser.open(server.url)
    ask(page, "Reads?")
    answered(page)
    page.hover(CALL.format(stage="refine", place=1))
    read = page.locator(".box-read").evaluate_all("(all) => all.map((one) => one.dataset.call)")
    assert set(read) == {"1.answer.bob", *(f"1.critique.{critic}.bob" for critic in ("ada", "bob", "cleo"))}
    readers = page.locator(".box-reader").evaluate_all("(all) => all.map((one) => one.dataset.call)")
    assert [reader.split(".")[1] for reader in readers] == ["summary"]
    assert page.locator("svg.edges path").count() == len(read) + 1
    shoot(page, "graph-reads")
    page.mouse.move(5, 5)
    until(page, lambda: page.locator("svg.edges").count() == 0)
    page.focus(CALL.format(stage="refine", place=0))
    assert page.locator(".box-read").count() == len(read)


def test_a_call_is_opened_and_shut_by_keyboard(browser: Chromium, server: ServeChild) -> None:
    """Arrows go from box to box, Enter opens the call with its prompt and its reply, Esc goes back to the box."""
    page = browser.open(server.url)
    ask(page, "Keys?")
    answered(page)
    page.focus(".graph .box")
    assert focused(page) == "1.answer.ada"
    ways = (("Right", "1.answer.bob"), ("Down", "1.critique.ada.bob"), ("Left", "1.critique.ada.ada"))
    for way, call in ways:
        page.keyboard.press(f"Arrow{way}")
        assert focused(page) == call
    page.keyboard.press("ArrowUp")
    assert focused(page) == "1.answer.ada"
    assert page.locator(".graph .box:not([tabindex='-1'])").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("#call")
    until(page, lambda: page.evaluate("document.activeElement.id") == "call")
    assert page.inner_text("#call h2") == "layer 1, answer by ada"
    assert "ada says answer to" in page.inner_text("#call .text")
    assert "Keys?" in page.inner_text("#call .message[open]")
    assert page.url.endswith("?call=1.answer.ada")
    shoot(page, "call")
    page.keyboard.press("Escape")
    page.wait_for_selector("#call", state="detached")
    assert "?" not in page.url
    assert focused(page) == "1.answer.ada"


def test_a_call_under_way_is_opened_and_turns_whole(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Its words come to the drawer too, and at its end the whole reply and the prompt."""
    page = browser.open(server.url)
    held = hold(folder, "summary")
    ask(page, "Under way?")
    under_way(page, "summary", 1)
    page.click(CALL.format(stage="summary", place=0))
    page.get_by_text("Its newest words:").wait_for()
    assert "ada says sum" in page.inner_text("#call-words")
    held.unlink()
    page.locator("#call .text").first.wait_for()
    assert "ada says summary to" in page.inner_text("#call .text")
    assert page.locator("#call .message").count() > 0


def test_an_open_call_has_an_address(browser: Chromium, server: ServeChild) -> None:
    """Without a script it is a plain link; one to a call that is not there leads to the run."""
    page = browser.open(server.url)
    ask(page, "Address?")
    answered(page)
    address = page.get_attribute(CALL.format(stage="answer", place=1), "href")
    page.goto(f"{server.url}{address}")
    linked(page)
    assert page.inner_text("#call h2") == "layer 1, answer by bob"
    page.goto(f"{page.url.partition('?')[0]}?call=9.answer.nobody")
    linked(page)
    assert page.locator("#call").count() == 0
    plain = browser.person(java_script_enabled=False).new_page()
    plain.goto(f"{server.url}{address}")
    assert plain.inner_text("#call h2") == "layer 1, answer by bob"


def test_thirty_agents_fold_into_a_matrix(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Nine hundred squares are told one by one, are reached by arrows, and one agent's critiques unfold."""
    page = browser.open(server.url, color_scheme="dark")
    page.select_option("#model", "many")
    held = hold(folder, "critique")
    ask(page, "Thirty?")
    until(page, lambda: page.locator(".cell.is-running").count() == 900)
    shoot(page, "graph-thirty")
    assert "900 running" in str(page.get_attribute(".matrix >> nth=0", "aria-label"))
    page.focus(".cell >> nth=0")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "1.critique.agent1.agent1"
    page.select_option(".unfold select", "agent2")
    until(page, lambda: page.locator(".layer").first.locator(".of-critique .box").count() == 30)
    shoot(page, "graph-unfolded")
    other = browser.open(page.url, viewport={"width": 390, "height": 844})
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(other, "graph-thirty-narrow")
    held.unlink()
    answered(page)
    assert page.locator(".cell:not(.is-done)").count() == 0
    page.click(".cell >> nth=5")
    page.wait_for_selector("#call")
    assert "critique" in page.inner_text("#call h2")


def test_limits_stand_beside_what_was_used(browser: Chromium, server: ServeChild) -> None:
    """In words and as a bar."""
    page = browser.open(server.url)
    page.select_option("#model", "limited")
    ask(page, "Limits?")
    answered(page)
    assert "of 2,000,000 tokens" in page.inner_text(".limits")
    assert page.locator(".limits svg rect.fill").count() == 1


def test_an_answer_of_two_hundred_kilobytes_is_shown_whole(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Soon enough, with boxes that stay small, and its last words are there."""
    text = "\n\n".join(f"Paragraph {number} of a long answer. " + "It goes on and on. " * 9 for number in range(1000))
    (folder / "say.txt").write_text(f"{text[:199_000]}\n\nThe very end.", encoding="utf-8")
    page = browser.open(server.url)
    page.select_option("#model", "limited")
    ask(page, "Long?")
    page.get_by_text("The very end.").last.wait_for()
    answered(page)
    assert page.locator(".answer").inner_text().endswith("The very end.")
    assert page.locator(".box").evaluate_all("(all) => Math.max(...all.map((one) => one.offsetHeight))") < 80
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "long")
    page.click(CALL.format(stage="answer", place=0))
    page.wait_for_selector("#call")
    assert "The very end." in page.inner_text("#call .text")


def test_texts_from_right_to_left_stand_so(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """The question, the answer, and the words in the boxes; the page around them stays as it is."""
    (folder / "say.txt").write_text(ARABIC, encoding="utf-8")
    page = browser.open(server.url)
    ask(page, "لماذا السماء زرقاء؟")
    assert answered(page) == ARABIC
    direction = "(one) => getComputedStyle(one).direction"
    for place in (".answer p", ".of-answer .box .words >> nth=0", ".question"):
        assert page.locator(place).evaluate(direction) == "rtl", place
    assert page.locator(".graph").evaluate(direction) == "ltr"
    shoot(page, "right-to-left")
    page.click(CALL.format(stage="answer", place=0))
    page.wait_for_selector("#call")
    assert page.locator("#call .text p").evaluate(direction) == "rtl"


def test_settings_change_who_criticises_whom(browser: Chromium, server: ServeChild) -> None:
    """The graph has the boxes that were asked for; what the ensemble cannot do is said, and the question stays."""
    page = browser.open(server.url)
    page.click("text=Settings")
    page.select_option("#own", "no")
    page.fill("#peers", "1")
    page.select_option("#stop", "none")
    shoot(page, "settings")
    ask(page, "Settings?")
    answered(page)
    assert page.locator(".layer >> nth=0").locator(".of-critique .box").count() == 3
    page.fill("#peers", "99")
    page.fill("#question", "Again?")
    page.click("button.send")
    page.locator(".notice").wait_for()
    assert page.input_value("#question") == "Again?"
    shoot(page, "settings-fault")


def test_images_stand_beside_a_question_as_names(browser: Chromium, server: ServeChild) -> None:
    """They come over the page's own socket, large ones in pieces, and what is none is refused by its name."""
    page = browser.open(server.url)
    small: FilePayload = {"name": "sky.png", "mimeType": "image/png", "buffer": b"\x89PNG" + bytes(100)}
    large: FilePayload = {"name": "sea.png", "mimeType": "image/png", "buffer": b"\x89PNG" + bytes(1_500_000)}
    other: FilePayload = {"name": "page.html", "mimeType": "text/html", "buffer": b"<script>1</script>"}
    page.set_input_files("#attach", [small, large])
    until(page, lambda: page.locator("#images li").count() == 2)
    page.set_input_files("#attach", other)
    page.get_by_text("page.html: it is no PNG, JPEG, GIF or WebP").wait_for()
    shoot(page, "images")
    page.click("#images button >> nth=1")
    until(page, lambda: page.locator("#images li").count() == 1)
    assert "sky.png" in page.inner_text("#images")
    assert page.locator("main img[src^='data:'], main img[src^='blob:']").count() == 0
    ask(page, "What is on it?")
    answered(page)
    assert page.inner_text(".turn .attached") == "▣ 1 image"
    assert page.locator("#images li").count() == 0
    page.reload()
    linked(page)
    assert page.inner_text(".turn .attached") == "▣ 1 image"
