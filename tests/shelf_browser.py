"""Pages of runs in a real browser without a server: each request is answered by the page's front over a shelf.

So a test shows any run that can be made, with faults, limits and prices, at once.

    page = shown(browser, RunShelf([record]), "/runs/run/money", width=390)
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from tests.page_shelf import URL, RunShelf, look
from tests.page_world import Chromium

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

_HEIGHT = 844
T = TypeVar("T")


def apart(make: Callable[[], T]) -> T:
    """Return what something gives that runs a loop of its own: in the tests' thread Playwright's is running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(make).result()


def shown(browser: Chromium, shelf: RunShelf, path: str, *, width: int = 1280, is_dark: bool = False) -> Page:
    """Return a page that is open, at the width of a window.

    Args:
        browser: The browser.
        shelf: The runs.
        path: The page's.
        width: CSS pixels.
        is_dark: Whether the person likes it dark.
    """
    scheme = "dark" if is_dark else "light"
    person = browser.person(viewport={"width": width, "height": _HEIGHT}, color_scheme=scheme)

    def answer(route: Route) -> None:
        reply = apart(lambda: look(shelf, route.request.url.removeprefix(URL)))
        route.fulfill(status=reply.status_code, headers=dict(reply.headers), body=reply.content)

    person.route("**/*", answer)
    return browser.open(f"{URL}{path}", person=person)
