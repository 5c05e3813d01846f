"""Inside a layer, in a real browser: who moved whom, each agent's tab, the summary, the residual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_world import Chromium, ask, linked, shoot, until
from tests.serve_child import ServeChild, serve_child

AGENTS = '''
"""Agents of the tests inside a layer: what each says is known, and one critique and one refinement are lost."""

import asyncio
from pathlib import Path

ANSWERS = {
    "ada": "The sky is blue because it reflects the sea. At noon the colour is deepest. "
    "Nobody knows why sunsets differ.",
    "bob": "Air scatters short waves of light more than long ones. So the sky is blue. The sun itself is white.",
    "cleo": "Blue is what the eye sees best. The air has a faint colour of its own, like deep water.",
}
REFINED = {
    "ada": "The sky is blue because air molecules scatter short waves best. At noon the colour is deepest. "
    "Sunsets are red since the light has lost its blue on a long way through the air.",
    "bob": "Air scatters short waves of light more than long ones, as the inverse fourth power of the wavelength. "
    "So the sky is blue. The sun itself is white. Violet is scattered even more, but the eye hardly sees it.",
}
CRITIQUES = {
    ("ada", "ada"): "My answer may be wrong on sunsets: they deserve a sentence.",
    ("bob", "ada"): "It does **not** reflect the sea. Say that air molecules scatter short waves best. "
    "And sunsets are red since the light has lost its blue on a long way through the air.",
    ("cleo", "ada"): "Well written, I like the tone.",
    ("ada", "bob"): "Right. How much more? Name the inverse fourth power of the wavelength.",
    ("bob", "bob"): "I should be more precise about how much.",
    ("cleo", "bob"): "Then why is it not violet? Violet is scattered even more, but the eye hardly sees it.",
    ("bob", "cleo"): "The eye sees green best, and air has no colour of its own that matters.",
    ("cleo", "cleo"): "Short, and perhaps beside the point. <script>window.ran = 1</script>",
}


async def say(messages, request):
    name, stage = request.agent, str(request.stage)
    text = f"{name} on {stage}"
    if stage == "answer":
        text = ANSWERS.get(name, f"{name} answers that the sky is blue.")
    elif stage == "critique":
        if (name, request.peer) == ("ada", "cleo"):
            raise ValueError("the endpoint hung up")
        text = CRITIQUES.get((name, request.peer), f"{request.peer} could mention the ozone layer {name}.")
    elif stage == "refine":
        if name == "cleo":
            raise ValueError("no more room")
        text = REFINED.get(name, f"{name} answers that the sky is blue, and could mention the ozone layer.")
    elif stage == "summary":
        text = f"{REFINED['ada']} Violet is scattered even more, but the eye hardly sees it. That is all, says {name}."
    elif stage == "residual":
        text = f"# Why\\n\\n{REFINED['bob']}\\n\\nSunsets are red. *The end*, says {name}."
    half = len(text) // 2
    yield text[:half]
    while Path(f"hold.{request.layer}.{stage}").exists():
        await asyncio.sleep(0.01)
    yield text[half:]
'''
AGENT = '[[agents]]\nname = "{}"\nmodel = "python:layer_agents:say"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs: with three agents, with twelve, and with a baseline."""
    folder = tmp_path_factory.mktemp("layer")
    (folder / "layer_agents.py").write_text(AGENTS, encoding="utf-8")
    trio = "".join(map(AGENT.format, ("ada", "bob", "cleo")))
    dozen = "".join(AGENT.format(f"a{number}") for number in range(12))
    (folder / "trio.toml").write_text(f'name = "trio"\nlayers = 2\n{trio}', encoding="utf-8")
    (folder / "dozen.toml").write_text(f'name = "dozen"\nlayers = 1\n{dozen}', encoding="utf-8")
    (folder / "plain.toml").write_text(f'name = "plain"\nstrategy = "moa"\nlayers = 2\n{trio}', encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "trio.toml", "-e", "dozen.toml", "-e", "plain.toml") as child:
        yield child


@pytest.fixture(scope="module")
def run(browser: Chromium, server: ServeChild) -> str:
    """Return the address of a run that is over."""
    return a_run(browser, server, "trio")


def a_run(browser: Chromium, server: ServeChild, ensemble: str) -> str:
    """Return the address of a run of an ensemble, once it is over."""
    page = browser.open(server.url)
    page.select_option("#model", ensemble)
    ask(page, "Why is the sky blue at noon and red at sunset?")
    page.wait_for_selector("main:not([data-busy])")
    url = page.url
    page.context.close()
    return url


def test_the_matrix_says_who_moved_whom(browser: Chromium, run: str) -> None:
    """Each pair has its number or the sign of why there is none, what nobody asked for and what is chance beside it."""
    page = browser.open(f"{run}/layers/1")
    assert page.locator(".l-title h2").inner_text() == "Layer 1"
    rows = [row.locator("td").all_inner_texts() for row in page.locator(".l-matrix tbody tr").all()]
    assert [len(row) for row in rows] == [3, 3, 3]
    assert rows[0][2] == "✕"
    assert int(rows[1][0]) > 50
    assert rows[2][0] == "0"
    assert rows[1][2] == "-"
    assert page.locator(".l-matrix tfoot th").all_inner_texts() == ["nobody", "by chance", "changed words"]
    shoot(page, "layer-matrix")


def test_a_cell_opens_its_critique_and_what_it_moved(browser: Chromium, run: str) -> None:
    """What the changes took from the critique is marked in it; the matrix stays beside it."""
    page = browser.open(f"{run}/layers/1")
    page.click("#cell-1-0")
    page.wait_for_selector("#cell")
    assert page.locator("#cell-title").inner_text().split() == ["B", "bob", "on", "A", "ada"]
    assert "scatter short waves best" in " ".join(page.locator("#cell mark").all_inner_texts())
    assert "reflects the sea" in " ".join(page.locator(".l-moved del").all_inner_texts())
    assert page.locator(".l-matrix").count() == 1
    shoot(page, "layer-cell")
    page.emulate_media(color_scheme="dark")
    shoot(page, "layer-cell-dark")
    page.click("[data-close]")
    until(page, lambda: page.locator("#cell").count() == 0)


def test_the_matrix_works_without_a_mouse(browser: Chromium, run: str) -> None:
    """One cell is reached by Tab, the others by arrows; Enter opens, Escape closes."""
    page = browser.open(f"{run}/layers/1")
    page.focus("#cell-0-0")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "cell-1-0"
    assert page.locator(".l-matrix tbody td a[tabindex='0']").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell")
    linked(page)  # a page of its own: its keys are heard once it is all there
    page.keyboard.press("Escape")
    until(page, lambda: page.locator("#cell").count() == 0)
    until(page, lambda: page.evaluate("document.activeElement.id") == "cell-1-0")


def test_an_agents_tab_has_its_difference_and_its_critiques(browser: Chromium, run: str) -> None:
    """Every change has the sign of the critique that it is traced to; each critique says what became of it."""
    page = browser.open(f"{run}/layers/1?agent=ada")
    assert page.locator(".l-tabs [aria-current]").inner_text().split() == ["A", "ada"]
    assert "B" in page.locator(".l-difference ins + sup").all_inner_texts()
    fates = page.locator(".l-critique .l-fate").all_inner_texts()
    assert any(text.startswith("● followed: ") for text in fates)
    assert "○ read, not followed: no change is traced to it" in fates
    shoot(page, "layer-agent")
    page.emulate_media(color_scheme="dark")
    shoot(page, "layer-agent-dark")
    page.locator(".l-difference ins[data-critic='1']").first.click(position={"x": 4, "y": 8})
    assert page.locator(".is-sought b").inner_text() == "bob"


def test_what_is_lost_and_what_stands_in_is_said(browser: Chromium, run: str) -> None:
    """An agent whose refinement is lost has its answer in its place; the text of a critique does nothing."""
    page = browser.open(f"{run}/layers/1?agent=cleo")
    assert "Its own answer stands in for the refinement" in page.locator(".l-stand-in").inner_text()
    assert any("lost: " in text for text in page.locator(".l-critique").all_inner_texts())
    assert page.evaluate("window.ran") is None
    shoot(page, "layer-stand-in")


def test_the_summary_says_where_its_sentences_come_from(browser: Chromium, run: str) -> None:
    """Each sentence is marked with the refinement that most of it comes from; one that is nobody's is not."""
    page = browser.open(f"{run}/layers/1?view=summary")
    marks = page.locator(".l-difference mark").all()
    assert [mark.get_attribute("data-critic") for mark in marks] == ["0", "0", "0", "1"]
    assert "That is all" not in " ".join(mark.inner_text() for mark in marks)
    shoot(page, "layer-summary")


def test_the_residual_has_what_it_read_and_its_verdict(browser: Chromium, run: str) -> None:
    """The first layer says why it has none."""
    page = browser.open(f"{run}/layers/2?view=residual")
    assert page.locator("#layer-body .l-word").inner_text() == "▣ last layer"
    assert page.locator(".l-prose em").inner_text() == "The end"
    assert len(page.locator("#layer-body details").all()) == 2
    shoot(page, "layer-residual")
    page.click("#to-layer-1")
    until(page, lambda: page.locator(".l-title h2").inner_text() == "Layer 1")
    assert page.locator(".l-empty").inner_text().startswith("The first layer has no residual")


def test_a_layer_fits_a_phone(browser: Chromium, run: str) -> None:
    """Nothing is wider than the screen but what scrolls by itself."""
    person = browser.person(viewport={"width": 390, "height": 844})
    for view in ("view=matrix", "critic=bob&author=ada", "agent=ada", "view=summary", "view=residual"):
        page = browser.open(f"{run}/layers/1?{view}", person=person)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shoot(page, f"layer-narrow-{view.partition('=')[2].partition('&')[0]}")


def test_a_layer_under_way_shows_what_is_there(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Refinements that are not there yet are said to be so, and come without a reload."""
    held = [folder / "hold.1.refine", folder / "hold.1.critique"]
    for file in held:
        file.touch()
    page = browser.open(server.url)
    page.select_option("#model", "trio")
    ask(page, "Still going on?")
    inside = browser.open(f"{page.url}/layers/1?agent=ada")
    until(inside, lambda: "Its refinement is not there yet." in inside.locator("#layer-body").inner_text())
    inside.evaluate("window.stays = true")
    assert inside.locator(".l-critique .l-fate").all_inner_texts() == ["◌ not there yet"] * 3
    held[1].unlink()
    until(
        inside, lambda: inside.locator(".l-critique .l-fate").first.inner_text() == "◔ the refinement is not there yet"
    )
    shoot(inside, "layer-under-way")
    held[0].unlink()
    until(inside, lambda: inside.locator(".l-difference ins").count() > 0)
    assert inside.evaluate("window.stays") is True
    until(inside, lambda: "go on" in inside.locator("#layer-head").inner_text())


def test_a_dozen_agents_fit_into_the_matrix(browser: Chromium, server: ServeChild) -> None:
    """Signs stand over the columns, and a list says whose they are."""
    page = browser.open(f"{a_run(browser, server, 'dozen')}/layers/1")
    assert page.locator(".l-matrix tbody td a").count() == 144
    assert page.locator(".t-legend li").count() == 12
    shoot(page, "layer-dozen")


def test_a_baseline_says_that_it_has_no_critiques(browser: Chromium, server: ServeChild) -> None:
    """Its answers and its summary are there as anybody's."""
    url = a_run(browser, server, "plain")
    page = browser.open(f"{url}/layers/1")
    assert "whose agents answer and do not criticise" in page.locator("#layer-body").inner_text()
    assert page.locator(".l-text[open]").count() == 1
    page.click("#tab-matrix")
    until(page, lambda: "nobody moved anybody" in page.locator("#layer-body").inner_text())
    shoot(page, "layer-baseline")


def test_what_is_not_there_is_said(browser: Chromium, server: ServeChild, run: str) -> None:
    """A layer, an agent or a run that is not there is no page, and breaks none."""
    person = browser.person()
    before = len(browser.faults)
    for wrong in (f"{run}/layers/9", f"{run}/layers/1?agent=dora", f"{server.url}/runs/none/layers/1"):
        page = browser.open(wrong, person=person)
        assert page.get_by_role("alert").inner_text()
    assert len(browser.faults) - before == 3  # a status of 404 is told as one
    del browser.faults[before:]
