"""Ensembles and benchmarks in a real browser: looked at, checked, tried, changed, and only by who may."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.page_world import TRIO, Chromium, a_folder, answered, linked, shoot, until
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import Page

REPORT = """<!doctype html><title>IFEval: a trio</title><h1>Report</h1><p id="a">no script</p><script>
const say = (text) => { document.getElementById("a").append(` ${text}`); };
say("drawn");
try { document.cookie = "a=1"; say(document.cookie ? "cookie" : "no cookie"); } catch { say("no cookie"); }
try { localStorage.setItem("a", "1"); say("store"); } catch { say("no store"); }
try { say(parent.document.title); } catch { say("no parent"); }
fetch("/v1/models").then(() => say("net"), () => say("no net"));
</script>"""
SAYS = "no script drawn no cookie no store no parent no net"
AWAY = """<title>Away</title><script>location.href = "http://127.0.0.1:9/away";</script>"""
EXPECTED = ("Framing 'http://127.0.0.1:9/'",)
"""A report's frame is led nowhere."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with agents, a folder of ensembles, and a folder of benchmarks."""
    a_folder(tmp_path)
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "trio.toml").write_text("# Ours.\n" + TRIO, encoding="utf-8")
    (tmp_path / "bench" / "ifeval").mkdir(parents=True)
    (tmp_path / "bench" / "ifeval" / "report.html").write_text(REPORT, encoding="utf-8")
    (tmp_path / "bench" / "away").mkdir()
    (tmp_path / "bench" / "away" / "report.html").write_text(AWAY, encoding="utf-8")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server of both."""
    with serve_child(folder, "-e", "shelf", "-e", "trio-2.toml", "-e", "embedded", "--bench-folder", "bench") as child:
        yield child


@pytest.fixture(autouse=True)
def _second(folder: Path) -> None:
    """Have a file that was named itself, without its folder."""
    (folder / "trio-2.toml").write_text(TRIO.replace('"trio"', '"second"'), encoding="utf-8")


def opened(browser: Chromium, server: ServeChild, name: str, **wishes: Any) -> Page:
    """Return the page of an ensemble."""
    page = browser.open(f"{server.url}/ensembles/{name}", **wishes)
    linked(page)
    return page


def layers_served(server: ServeChild, name: str) -> int:
    """Return how many layers an ensemble has that the API serves."""
    with urllib.request.urlopen(f"{server.url}/v1/models/{name}") as reply:  # noqa: S310 - of loopback
        return int(json.load(reply)["attention_moa"]["layers"])


def test_an_ensemble_is_changed_in_the_form_and_served_at_once(
    browser: Chromium, server: ServeChild, folder: Path
) -> None:
    """The form changes the TOML and keeps its comments; saving writes the file and keeps the old one; the API knows."""
    file = folder / "shelf" / "trio.toml"
    before = file.read_text()
    page = browser.open(f"{server.url}/ensembles")
    shoot(page, "ensembles")
    assert page.locator(".cards li").count() == 3
    assert page.locator(".cards li").nth(1).locator(".edit").inner_text() == "▪ read only"
    page.click("text=trio >> nth=0")
    linked(page)
    shoot(page, "ensemble")
    page.fill("#f-top-layers", "many")
    page.get_by_text("layers: 'many' is not right here: write a whole number").wait_for()
    page.fill("#f-top-layers", "1")
    page.get_by_text("changed, not saved").wait_for()
    page.fill("#f-agents-1-role", "Doubts.")
    until(page, lambda: 'role = "Doubts."' in page.input_value("#toml"))
    assert "# Ours." in page.input_value("#toml")
    assert file.read_text() == before
    page.click("text=Save and serve")
    page.get_by_text("Saved, and served from now on.").wait_for()
    shoot(page, "ensemble-saved")
    assert layers_served(server, "trio") == 1
    assert file.read_text() == before.replace("layers = 2", "layers = 1").replace(
        'name = "bob"\nmodel = "python:page_agents:say"\n',
        'name = "bob"\nmodel = "python:page_agents:say"\nrole = "Doubts."\n',
    )
    assert file.with_name("trio.toml.before").read_text() == before
    page.goto(server.url)
    linked(page)
    page.fill("#question", "How many layers?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*")
    answered(page)
    assert "1 layer" in page.locator(".how").inner_text()


def test_a_fault_is_told_with_its_agent_and_marked_at_its_field(browser: Chromium, server: ServeChild) -> None:
    """Where something was wanted the keyboard goes there; mended, nothing is marked any more."""
    page = opened(browser, server, "trio")
    page.fill("#f-agents-1-temperature", "-1")
    page.get_by_text("agent bob, temperature:").wait_for()
    page.click("text=Save and serve")
    until(page, lambda: page.evaluate("document.activeElement.id") == "f-agents-1-temperature")
    at = page.locator("#f-agents-1-temperature")
    assert (at.get_attribute("aria-invalid"), page.locator("[aria-invalid]").count()) == ("true", 1)
    assert page.locator(f"#{at.get_attribute('aria-describedby')}").is_visible()
    shoot(page, "ensemble-fault")
    at.fill("")
    until(page, lambda: page.locator("[aria-invalid]").count() == 0)


def test_the_form_of_an_ensemble_works_without_a_mouse(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """Tab reaches each field and button once, in the order in which they are read, and shows where it is."""
    page = opened(browser, server, "trio")
    count = page.evaluate(
        """() => {
            const all = [...document.querySelectorAll("main :is(a[href], button, input, select, textarea, summary)")];
            const found = all.filter((one) => one.checkVisibility() && one.tabIndex >= 0 && !one.disabled);
            found.forEach((one, place) => { one.dataset.place = place; });
            return found.length;
        }"""
    )
    page.focus(".skip")
    page.keyboard.press("Enter")
    there = "[document.activeElement.dataset.place, getComputedStyle(document.activeElement).outlineStyle]"
    for place in range(count):
        page.keyboard.press("Tab")
        assert page.evaluate(there) == [str(place), "solid"]
        if place == count // 3:
            shoot(page, "keyboard")
    page.focus("#f-top-layers")
    page.keyboard.press("Control+A")
    page.keyboard.type("1")
    page.get_by_text("changed, not saved").wait_for()
    page.focus("[data-do=save] button.main")
    page.keyboard.press("Enter")
    page.get_by_text("Saved, and served from now on.").wait_for()
    assert "layers = 1" in (folder / "shelf" / "trio.toml").read_text()


def test_the_toml_changes_the_form_and_wrong_ones_are_not_written(
    browser: Chromium, server: ServeChild, folder: Path
) -> None:
    """What does not check is told and never written; an agent is added and removed."""
    file = folder / "shelf" / "trio.toml"
    before = file.read_text()
    page = opened(browser, server, "trio")
    page.fill("#toml", before.replace("layers = 2", "layers = 99"))
    page.get_by_text("layers: 99 is not from 1 to 64").wait_for()
    assert page.input_value("#f-top-layers") == "99"
    page.click("text=Save and serve")
    page.wait_for_timeout(300)
    assert file.read_text() == before
    page.fill("#toml", before.replace('model = "python:page_agents:say"', 'model = "command:touch ran"', 1))
    page.get_by_text("would run or read something of this machine").wait_for()
    shoot(page, "ensemble-refused")
    page.click("text=Save and serve")
    page.wait_for_timeout(300)
    assert file.read_text() == before
    page.click("text=As in the file")
    until(page, lambda: page.input_value("#toml") == before)
    page.click("text=Add an agent")
    page.get_by_text("4 agents, 2 layers").wait_for()
    page.click("[aria-label='Remove agent-4']")
    page.get_by_text("3 agents, 2 layers").wait_for()


def test_a_file_that_somebody_else_changed_is_not_overwritten(
    browser: Chromium, server: ServeChild, folder: Path
) -> None:
    """Their change stays, and the page says so."""
    file = folder / "shelf" / "trio.toml"
    page = opened(browser, server, "trio")
    page.fill("#f-top-layers", "3")
    page.get_by_text("changed, not saved").wait_for()
    file.write_text(file.read_text() + "# theirs\n")
    page.click("text=Save and serve")
    page.get_by_text("trio.toml was changed by somebody else meanwhile").wait_for()
    assert file.read_text().endswith("# theirs\n")
    assert layers_served(server, "trio") == 2


def test_a_question_is_planned_tried_and_checked(browser: Chromium, server: ServeChild, folder: Path) -> None:
    """A plan by layer and stage; a trial that asks no agent of ours; a check that asks each once."""
    page = opened(browser, server, "trio")
    page.fill("#trial-question", "What would it take?")
    page.click("text=Plan >> nth=0")
    page.locator("#result .sums").get_by_text("33 calls").wait_for()
    shoot(page, "ensemble-plan")
    page.click("text=Try, simulated")
    page.get_by_text("What the simulated models wrote").wait_for()
    assert "0 lost" in page.inner_text("#result")
    shoot(page, "ensemble-trial")
    assert not (folder / "asked").exists()
    page.click("text=Check models")
    page.get_by_text("all models work").wait_for()
    shoot(page, "ensemble-check")
    assert (folder / "asked").read_text().splitlines() == ["1.answer.ada"]


def test_what_is_not_in_a_named_folder_is_read_only(browser: Chromium, server: ServeChild) -> None:
    """It can be looked at, planned and tried, and has no field to change."""
    page = opened(browser, server, "second")
    page.get_by_text("Only files in a folder that was given with -e can be edited here.").wait_for()
    assert page.locator("main input, main select, #toml, [data-do=save], [data-do=check]").count() == 0
    page.click("text=Try, simulated")
    page.get_by_text("What the simulated models wrote").wait_for()
    shoot(page, "ensemble-read-only")


def test_it_is_there_in_the_dark_and_on_a_telephone(browser: Chromium, server: ServeChild) -> None:
    """Nothing stands out of a narrow page."""
    page = opened(browser, server, "trio", viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shoot(page, "ensemble-narrow", is_whole=True)
    page.goto(f"{server.url}/ensembles")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    shoot(page, "ensembles-narrow")
    page.goto(f"{server.url}/benchmarks")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_key_that_is_no_admins_looks_and_does_not_touch(browser: Chromium, folder: Path) -> None:
    """Neither comments nor addresses are shown to it, and what it sends in the page's place is refused."""
    command = (sys.executable, "-m", "attention_moa", "keys", "add", "eve", "--json", "--journal", "journal.db")
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout
    file = folder / "shelf" / "trio.toml"
    before = file.read_text()
    with serve_child(folder, "-e", "shelf") as server:
        page = browser.open(f"{server.url}/ensembles/trio")
        page.fill("#key", str(json.loads(said)["key"]))
        page.click("text=Come in")
        linked(page)
        page.get_by_text("To edit it takes an admin's key.").wait_for()
        assert "Ours" not in page.content()
        page.evaluate(
            """() => {
                const form = document.createElement("form");
                form.dataset.do = "draft";
                form.innerHTML = "<textarea name=toml>name = 'trio'</textarea>";
                document.body.append(form);
                form.requestSubmit();
                form.dataset.do = "save";
                form.requestSubmit();
                form.dataset.do = "check";
                form.requestSubmit();
            }"""
        )
        page.wait_for_timeout(500)
        assert file.read_text() == before
        assert not (folder / "asked").exists()


def test_a_report_is_drawn_and_has_no_rights(browser: Chromium, server: ServeChild) -> None:
    """Its script draws; it reaches no cookie, no store, no page and no net, and leads its frame nowhere."""
    page = browser.open(f"{server.url}/benchmarks")
    shoot(page, "benchmarks")
    page.click("text=IFEval: a trio")
    page.frame_locator("iframe.report").get_by_text(SAYS).wait_for()
    shoot(page, "benchmark")
    assert page.locator("iframe.report").get_attribute("sandbox") == "allow-scripts"
    report = f"{page.url}/report"
    alone = browser.person().new_page()
    alone.goto(report)
    assert alone.url == page.url
    page.goto(f"{server.url}/benchmarks")
    page.click("text=Away")
    page.wait_for_timeout(500)
    assert len(page.frames) == 2
    assert not [address for address in browser.addresses if ":9/" in address]
    browser.faults.clear()  # the policy refuses what the report tries, and says so


def test_there_is_no_such_ensemble_no_such_report_and_no_such_page(browser: Chromium, server: ServeChild) -> None:
    """All are said to be not there, and lead home."""
    page = browser.person().new_page()
    for place, words in (("ensembles/none", "there is no ensemble 'none'"), ("benchmarks/0123456789abcdef", "no such")):
        response = page.goto(f"{server.url}/{place}")
        assert response is not None
        assert response.status == 404
        assert words in page.inner_text("main")
    response = page.goto(f"{server.url}/nope")
    assert response is not None
    assert (response.status, response.headers["content-type"]) == (404, "text/html; charset=utf-8")
    page.click("main >> text=Ask something")
    page.wait_for_selector("#question")
