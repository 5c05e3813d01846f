"""A real browser before a real ``attention-moa serve``: agents that wait for the test, pages that tell what went wrong.

with serve_child(folder, "-e", "duo.toml") as server, a_browser() as browser:
    page = browser.open(server.url)
    ask(page, "Why?")
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.machine import missing, require_module
from tests.serve_child import before_end

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE_S = 60.0
SLOWNESS = float(os.environ.get("PAGE_SLOWNESS", "1"))  # noqa: TID251 - tests are no part of the settings
"""How many times slower than this machine's a browser's scripts run, and its answers come; to look for what races."""
SCREENSHOTS = Path(__file__).parents[1] / "build" / "screenshots"

AGENTS = '''
"""Agents of the browser's tests: they say what say.txt has, else which call this is; hold.STAGE holds them up."""

import asyncio
from pathlib import Path


async def say(messages, request):
    asked = Path("asked")
    with asked.open("a") as file:
        file.write(f"{request.layer}.{request.stage}.{request.agent}\\n")
    own = Path("say.txt")
    text = own.read_text() if own.exists() else f"{request.agent} says {request.stage} to {len(messages)} messages"
    if request.stage == "residual" and not own.exists():
        text = f"The end, says {request.agent}."
    half = len(text) // 2
    yield text[:half]
    while Path(f"hold.{request.stage}").exists():
        await asyncio.sleep(0.01)
    yield text[half:]
'''
TRIO = """
name = "trio"
layers = 2
[[agents]]
name = "ada"
model = "python:page_agents:say"
[[agents]]
name = "bob"
model = "python:page_agents:say"
[[agents]]
name = "cleo"
model = "python:page_agents:say"
"""


def a_folder(folder: Path, ensemble: str = TRIO) -> Path:
    """Return a folder with agents and an ensemble of them."""
    (folder / "page_agents.py").write_text(AGENTS, encoding="utf-8")
    (folder / "trio.toml").write_text(ensemble, encoding="utf-8")
    return folder


def hold(folder: Path, stage: str) -> Path:
    """Return a file for as long as which the calls of a stage stop in mid-reply."""
    file = folder / f"hold.{stage}"
    file.touch()
    return file


class Chromium:
    """A browser.

    Args:
        browser: Playwright's.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._left: list[BrowserContext] = []
        self.faults: list[str] = []
        self.addresses: list[str] = []

    def person(self, **wishes: Any) -> BrowserContext:
        """Return a browser of one more person: with cookies and a store of its own."""
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **wishes})
        context.set_default_timeout(PATIENCE_S * 1000)
        context.on("request", lambda request: self.addresses.append(request.url))
        return context

    def open(self, url: str, *, person: BrowserContext | None = None, **wishes: Any) -> Page:
        """Return a page that is open and linked to its server; what goes wrong on it is kept as faults."""
        context = person or self.person(**wishes)
        page = context.new_page()
        _slow_down(page)
        page.on("pageerror", lambda error: self._hear(context, str(error)))
        page.on("console", lambda said: self._hear(context, said.text) if said.type == "error" else None)
        page.goto(url)
        linked(page)
        return page

    def leave(self, url: str = "") -> None:
        """Close all pages of an address, and whatever else their people have open; without one all pages."""
        for context in self._browser.contexts:
            if any(page.url.startswith(url) for page in context.pages):
                self._left.append(context)  # what it says from here on is that it is being closed
                context.close()

    def _hear(self, context: BrowserContext, fault: str) -> None:
        if context not in self._left:
            self.faults.append(fault)


@contextmanager
def a_browser(*expected: str) -> Iterator[Chromium]:
    """Lend a browser; at its end nothing has gone wrong on any of its pages that the test has not looked at.

    Args:
        expected: Words of what pages may complain of.
    """
    require_module("playwright")
    if not CHROMIUM.exists():
        missing(f"there is no {CHROMIUM}: on Debian apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        is_root = os.geteuid() == 0  # then Chromium's own sandbox refuses to start
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"] if is_root else [])
        chromium = Chromium(browser)
        before_end.append(chromium.leave)
        try:
            yield chromium
            chromium.leave()
        finally:
            before_end.remove(chromium.leave)
            browser.close()
        faults = [fault for fault in chromium.faults if not any(words in fault for words in expected)]
        assert not faults, faults


def _slow_down(page: Page) -> None:
    """Slow a page down, as the environment wishes."""
    if SLOWNESS > 1:
        slow = page.context.new_cdp_session(page)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWNESS})
        way = {"offline": False, "latency": 50 * SLOWNESS, "downloadThroughput": -1, "uploadThroughput": -1}
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", way)


def linked(page: Page) -> None:
    """Wait until a page is all there, and linked to its server where it is one that goes on."""
    page.wait_for_load_state("load")
    if page.locator("link[href$='/link.js']").count():
        page.wait_for_selector("html[data-live]")


def ask(page: Page, question: str) -> None:
    """Ask something, by keyboard."""
    page.fill("#question", question)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*")


def answered(page: Page) -> str:
    """Return the newest answer once its run is over."""
    page.wait_for_selector("main:not([data-busy])")
    return page.locator(".turn").last.locator(".answer").inner_text()


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Wait until something is so; Playwright's own way compiles scripts in the page, which its policy forbids.

    A page that is just giving way to another one can be asked nothing, and is asked again.
    """
    from playwright.sync_api import Error

    end_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            if is_so():
                return
        except Error as error:
            if "navigat" not in error.message:
                raise
        assert time.monotonic() < end_s, page.inner_text("body")
        page.wait_for_timeout(20)


def under_way(page: Page, stage: str, count: int) -> None:
    """Wait until so many calls of a stage are under way, all of them with words."""
    words = page.locator(f".of-{stage} .box.is-running .words")
    until(page, lambda: sum(map(bool, words.all_inner_texts())) == count)


def shoot(page: Page, name: str, *, is_whole: bool = False) -> None:
    """Keep a picture of a page, to be looked at.

    Args:
        page: The page.
        name: Of the file; no two tests use the same.
        is_whole: Whether all of the page is on it, not what is in the window alone.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=is_whole)


def fits(page: Page) -> bool:
    """Return whether nothing of a page stands out of the window's sides."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
