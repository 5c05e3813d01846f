"""Thirty agents in a real browser: every page of such a run is there, and none is wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page_world import Chromium, a_folder, answered, ask, fits, shoot
from tests.serve_child import ServeChild, serve_child

MANY = 'name = "many"\nlayers = 1\n' + "".join(
    f'[[agents]]\nname = "agent-with-quite-a-name-{number}"\nmodel = "python:page_agents:say"\n' for number in range(30)
)
OTHER = "The end of the day: light goes a longer way through the air, and most of the blue is gone."
WIDTHS = {"wide": 1280, "narrow": 390}
PLACES = {
    "runs": ("/runs", ".runs tbody tr"),
    "answer": ("/runs/RUN", ".cell.is-done"),
    "layer": ("/runs/RUN/layers/1", ".l-matrix tbody td a"),
    "layer-agent": ("/runs/RUN/layers/1?agent=agent-with-quite-a-name-7", ".l-critique"),
    "layer-summary": ("/runs/RUN/layers/1?view=summary", "#layer-body .l-text"),
    "money": ("/runs/RUN/money", ".timeline .lane"),
    "replay": ("/runs/RUN/replay?step=400", ".cell"),
    "compare": ("/compare?run=RUN&run=OTHER", ".moved tbody tr"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the server runs."""
    made = a_folder(tmp_path_factory.mktemp("many"))
    (made / "many.toml").write_text(MANY, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServeChild]:
    """Lend a server for all tests here."""
    with serve_child(folder, "-e", "many.toml") as child:
        yield child


@pytest.fixture(scope="module")
def runs(browser: Chromium, server: ServeChild, folder: Path) -> list[str]:
    """Return two runs of thirty agents that said unequal things."""
    found = []
    for question in ("Why is the sky blue?", "Why is it red in the evening?"):
        page = browser.open(server.url)
        ask(page, question)
        answered(page)
        found.append(page.url.rpartition("/")[2])
        page.context.close()
        (folder / "say.txt").write_text(OTHER, encoding="utf-8")
    return found


@pytest.mark.parametrize("place", list(PLACES))
def test_pages_of_thirty_agents_fit(browser: Chromium, server: ServeChild, runs: list[str], place: str) -> None:
    """At a desk and on a phone what is wide scrolls by itself, and the page around it does not."""
    path, shown = PLACES[place]
    person = browser.person()
    page = browser.open(server.url + path.replace("RUN", runs[0]).replace("OTHER", runs[1]), person=person)
    page.locator(shown).first.wait_for(state="attached")
    for name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": 860})
        shoot(page, f"many-{place}-{name}")
        assert fits(page), name
    person.close()
