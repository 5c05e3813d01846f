"""Take the pictures of the page in ``docs/images``: one run of the embedded model, watched and looked into in Chromium.

.venv/bin/python scripts/page_pictures.py
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

QUESTION = "Why is the sky blue at noon and red at sunset?"
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
_CHROMIUM = "/usr/bin/chromium"
_SIZE: ViewportSize = {"width": 1280, "height": 820}
_DONE = 20
"""Calls that are over when the run under way is taken: the second layer has begun."""
_RUN_MS = 600_000


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Lend the address of a server with the embedded ensemble and a journal of its own."""
    words = ("serve", "-e", "embedded", "--port", "0", "--journal", str(folder / "journal.db"))
    with subprocess.Popen(
        (sys.executable, "-m", "attention_moa", *words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        try:
            yield cast("IO[str]", child.stdout).readline().strip()
        finally:
            child.terminate()


def _strongest(page: Page) -> str:
    """Return the address of the cell of a matrix that moved most."""
    cells = page.locator(".l-matrix tbody td a").all()
    found = max(cells, key=lambda cell: int(re.sub(r"\D", "", cell.inner_text()) or 0))
    return str(found.get_attribute("href"))


def _taken(page: Page, url: str) -> None:
    """Ask, and take the pictures one after the other."""

    def shoot(name: str) -> None:
        page.mouse.move(0, 0)
        with Image.open(io.BytesIO(page.screenshot())) as picture:
            picture.quantize(256).save(FOLDER / f"page-{name}.png", optimize=True)

    page.goto(url)
    page.wait_for_selector("html[data-live]")
    page.fill("#question", QUESTION)
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*")
    page.locator(f".box.is-done >> nth={_DONE - 1}").wait_for(timeout=_RUN_MS)
    page.wait_for_timeout(1_500)  # the calls that began just now have their first words
    shoot("watch")
    page.wait_for_selector("main:not([data-busy])", timeout=_RUN_MS)
    run = page.url
    page.goto(f"{run}/layers/1")
    page.wait_for_selector(".l-matrix tbody td a")
    cell = _strongest(page)
    page.goto(url + cell)
    page.wait_for_selector("#cell")
    shoot("matrix")
    author = page.locator("#cell .l-more a")
    page.goto(url + str(author.get_attribute("href")))
    page.wait_for_selector(".l-difference")
    shoot("agent")
    page.goto(f"{run}/money")
    page.wait_for_selector(".timeline")
    shoot("money")


def main() -> None:
    """Take all of them."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _server(Path(folder)) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        _taken(browser.new_page(viewport=_SIZE), url)
        browser.close()


if __name__ == "__main__":
    main()
