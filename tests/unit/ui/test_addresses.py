"""The page's addresses as patterns: enough to count by, and never more of them."""

from __future__ import annotations

import pytest

from attention_moa.ui.addresses import pattern_of
from attention_moa.ui.front import PageFront
from attention_moa.ui.pages.shelves import Shelves
from attention_moa.ui.reports import Reports
from tests.page_shelf import RunShelf

FRONT = PageFront(None, RunShelf(), [Shelves(None, Reports(()))])  # type: ignore[arg-type]  # nothing is served here


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/", "/"),
        ("/login", "/login"),
        ("/favicon.ico", "/favicon.ico"),
        ("/_page/1/link.js", "/_page/{file}"),
        ("/_nicegui/3/static/x/y.js", "/_nicegui/{file}"),
        ("/_nicegui_ws/socket.io/", "/_nicegui_ws/{file}"),
        ("/runs", "/runs"),
        ("/compare", "/compare"),
        ("/runs/20260101T000000-aa", "/runs/{run_id}"),
        ("/runs/layers", "/runs/{run_id}"),
        ("/runs/made up/layers/3", "/runs/{run_id}/layers/{layer}"),
        *((f"/runs/x/{word}", f"/runs/{{run_id}}/{word}") for word in ("money", "export", "delete", "replay")),
        ("/ensembles", "/ensembles"),
        ("/ensembles/trio", "/ensembles/{name}"),
        ("/benchmarks", "/benchmarks"),
        ("/benchmarks/0123456789abcdef/report", "/benchmarks/{report}/report"),
    ],
)  # fmt: skip
def test_every_address_of_the_page_has_a_pattern(path: str, pattern: str) -> None:
    """Whatever stands in it of runs, names and files."""
    assert FRONT.route(path, "GET") == pattern


@pytest.mark.parametrize(
    "path", ["/runs/x/made-up", "/made-up", "/runs/x/layers/1/2", "/benchmarks/made-up", "/v1/runs"]
)
def test_what_is_made_up_has_none(path: str) -> None:
    """Nor has a method that no page has."""
    assert FRONT.route(path, "GET") == ""
    assert FRONT.route("/runs", "BREW") == ""


def test_an_address_whose_words_are_not_known_is_counted_with_all_others() -> None:
    """Rather than under what stands in it."""
    assert pattern_of("/runs/x/new-view", "GET") == ""
