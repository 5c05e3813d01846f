"""What every browser test has: the browser, pages that are closed after it, agents that are not held up for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_world import Chromium, a_browser


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Chromium]:
    """Lend a browser for all tests of a module; it may complain of what the module's ``EXPECTED`` names."""
    with a_browser(*getattr(request.module, "EXPECTED", ())) as chromium:
        yield chromium


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, also one that failed: let all calls go on, and close what it opened."""
    folder: Path | None = request.getfixturevalue("folder") if "folder" in request.fixturenames else None
    chromium: Chromium | None = request.getfixturevalue("browser") if "browser" in request.fixturenames else None
    yield
    for file in folder.glob("hold.*") if folder is not None else ():
        file.unlink()
    if chromium is not None:
        chromium.leave()
