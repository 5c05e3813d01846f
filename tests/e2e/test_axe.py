"""Every page before axe-core, which looks for what keeps people out: light and dark, wide and narrow."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import pytest

from scripts.client_venvs import FOLDER, Client, InstallError, install
from tests.machine import missing
from tests.page_world import TRIO, Chromium, a_folder, answered, ask, hold, linked, until
from tests.serve_child import ServeChild, serve_child

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

AXE = Client("axe", (), ("axe-core@4.14.1",), has_project=False, scripts=())
WORDS = """# Sky

It is **blue**, `x`, [there](https://example.com), $x^2$.

| a | b |
|---|---|
| 1 | 2 |

```python
print("hi")  # said
```
"""
LOOKS: dict[str, tuple[Literal["light", "dark"], ViewportSize]] = {
    "light": ("light", {"width": 1280, "height": 860}),
    "dark": ("dark", {"width": 1280, "height": 860}),
    "narrow": ("light", {"width": 390, "height": 844}),
    "narrow and dark": ("dark", {"width": 390, "height": 844}),
}
MORE_RULES = ("label-content-name-mismatch", "target-size", "p-as-heading", "table-fake-caption", "td-has-header")
"""Rules that axe-core has and does not use unless told."""
EXPECTED = ("",)
"""Anything: axe-core asks for styles of its own, and some pages are to be refused."""


@pytest.fixture(scope="module")
def axe() -> str:
    """Return axe-core's script; the test is skipped where it cannot be had, or fails on CI."""
    if not shutil.which("npm"):
        missing("there is no npm: apt-get install npm")
    try:
        install(AXE)
    except InstallError as error:
        missing(f"axe-core cannot be installed: {error}")
    return (FOLDER / AXE.name / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with agents, ensembles and a benchmark."""
    folder = a_folder(tmp_path_factory.mktemp("axe"))
    (folder / "say.txt").write_text(WORDS, encoding="utf-8")
    (folder / "shelf").mkdir()
    (folder / "shelf" / "trio.toml").write_text(TRIO, encoding="utf-8")
    (folder / "bench" / "one").mkdir(parents=True)
    (folder / "bench" / "one" / "report.html").write_text("<!doctype html><title>One</title>", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "shelf", "-e", "embedded", "--bench-folder", "bench") as child:
        yield child


class World(NamedTuple):
    """A browser before a server, with axe-core."""

    browser: Chromium
    server: ServeChild
    axe: str
    folder: Path


@pytest.fixture(scope="module")
def world(browser: Chromium, server: ServeChild, axe: str, folder: Path) -> World:
    """Return all that a test needs."""
    return World(browser, server, axe, folder)


@pytest.fixture(scope="module")
def runs(browser: Chromium, server: ServeChild) -> list[str]:
    """Return two runs that are over."""
    found = []
    for question in ("Why is the sky blue?", "Why is it red?"):
        page = browser.open(server.url)
        ask(page, question)
        answered(page)
        found.append(page.url.rpartition("/")[2])
        page.close()
    return found


def faults_of(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds in all looks of a page, a line each."""
    page.evaluate(axe)
    found = []
    for look, (scheme, size) in LOOKS.items():
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        found += [f"{look}: {line}" for line in _faults_now(page)]
    return found


def _faults_now(page: Page) -> list[str]:
    # Without preload it asks for no style sheet again; NiceGUI would show a bar of loading for as long.
    wanted = {
        "iframes": False,
        "preload": False,
        "resultTypes": ["violations"],
        "rules": {rule: {"enabled": True} for rule in MORE_RULES},
    }
    found = cast("dict[str, Any]", page.evaluate("(wanted) => axe.run(document, wanted)", wanted))
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


def require_none(faults: list[str]) -> None:
    """Fail with all faults."""
    __tracebackhide__ = True
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)


PLACES = (
    "/",
    "/runs",
    "/runs?words=blue",
    "/runs/RUN",
    "/runs/RUN?call=1.critique.ada.bob",
    "/runs/RUN/layers/1",
    "/runs/RUN/layers/1?agent=ada",
    "/runs/RUN/layers/1?critic=ada&author=bob",
    "/runs/RUN/layers/2?view=summary",
    "/runs/RUN/layers/2?view=residual",
    "/runs/RUN/money",
    "/runs/RUN/replay",
    "/runs/RUN/replay?step=9",
    "/runs/RUN/delete",
    "/compare?run=RUN&run=OTHER",
    "/compare?run=RUN",
    "/ensembles",
    "/ensembles/trio",
    "/ensembles/embedded",
    "/benchmarks",
    "/benchmarks/REPORT",
    "/ensembles/none",
    "/keys-help?page=talk",
    "/nowhere",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_page_keeps_nobody_out(world: World, runs: list[str], place: str) -> None:
    """Nothing on it is a fault, also where what is folded is open."""
    browser, server, axe, _ = world
    person = browser.person(bypass_csp=True)
    page = person.new_page()
    path = place.replace("RUN", runs[0]).replace("OTHER", runs[1])
    if "REPORT" in path:
        page.goto(f"{server.url}/benchmarks")
        page.click("table a")
    else:
        page.goto(server.url + path)
    if page.locator("main#talk:not(.still), main#ensemble").count():
        linked(page)
    for folded in page.locator("main details:not([open]) > summary").all():
        if folded.is_visible():
            folded.click()
    require_none(faults_of(page, axe))
    person.close()


def test_a_run_under_way_keeps_nobody_out(world: World) -> None:
    """Nor does a page that is filling in, nor one that was cancelled."""
    browser, server, axe, folder = world
    person = browser.person(bypass_csp=True)
    page = person.new_page()
    page.goto(server.url)
    linked(page)
    held = hold(folder, "refine")
    try:
        ask(page, "Under way?")
        until(page, lambda: page.locator(".board .is-running").count() > 0)
        require_none(faults_of(page, axe))
        page.click("button.stop")
        page.get_by_text("Cancelled. What was paid for stays.").wait_for()
        require_none(faults_of(page, axe))
    finally:
        held.unlink()
        person.close()


def test_the_door_keeps_nobody_out(browser: Chromium, tmp_path: Path, axe: str) -> None:
    """The form that asks for a key, also after a wrong one."""
    a_folder(tmp_path)
    command = (sys.executable, "-m", "attention_moa", "keys", "add", "alice", "--journal", "journal.db")
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    with serve_child(tmp_path, "-e", "trio.toml") as server:
        person = browser.person(bypass_csp=True)
        page = person.new_page()
        page.goto(server.url)
        require_none(faults_of(page, axe))
        page.fill("#key", "moa-wrong")
        page.click("text=Come in")
        page.get_by_text("This key is not known here").wait_for()
        require_none(faults_of(page, axe))
        person.close()
