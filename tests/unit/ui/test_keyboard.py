"""The keys of the keyboard: what is listed is what the scripts listen to."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from attention_moa.ui.keyboard import PAGES, keys_of
from tests.page_shelf import RunShelf, look

STATIC = files("attention_moa.ui").joinpath("static")
NAMES = {"ArrowUp": "↑", "ArrowDown": "↓", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc", " ": "Space"}


def listened_to(script: str) -> set[str]:
    """Return the keys that a script listens to, as they are told."""
    text = STATIC.joinpath(script).read_text(encoding="utf-8")
    found = {*re.findall(r'event\.key === "([^"]+)"', text), *re.findall(r"\b(Arrow\w+):", text)}
    return {NAMES.get(key, key) for key in found}


def told(page: str) -> set[str]:
    """Return the keys that are told of a page."""
    return {name for _, keys in keys_of(page) for key in keys for name in key.names}


@pytest.mark.parametrize(
    ("script", "page"),
    [("graph.js", "talk"), ("graph.js", "replay"), ("layer.js", "layer"), ("keys.js", "runs"), ("keys.js", "")],
)
def test_every_key_that_a_script_of_a_page_listens_to_is_told(script: str, page: str) -> None:
    """A key that somebody adds and nobody tells of is no use."""
    keys = listened_to(script)
    assert keys
    assert keys - told(page) <= {"Space"}  # as good as Enter, on a square


def test_all_scripts_with_keys_are_known_here() -> None:
    """A new one is looked at by the test before."""
    scripts = {file.name for file in STATIC.iterdir() if file.name.endswith(".js")}
    assert {name for name in scripts if listened_to(name)} == {"graph.js", "later.js", "layer.js", "link.js", "keys.js"}
    assert listened_to("link.js") == listened_to("later.js") == {"Enter"}  # the latter until the former is there
    assert all("Ctrl+Enter" in told(page) for page in ("talk", "ensemble"))


def test_a_page_without_keys_of_its_own_has_those_of_all() -> None:
    """So has one that there is not."""
    assert [name for name, _ in keys_of("")] == [name for name, _ in keys_of("nonsense")] == ["Everywhere"]
    assert all([name for name, _ in keys_of(page)][-1] == "Everywhere" for page in PAGES)


def test_the_list_is_a_page_too_for_who_has_no_script() -> None:
    """The sign in every page's head leads to that of its own keys."""
    assert 'href="/keys-help?page=runs"' in look(RunShelf(), "/runs").text
    assert "folds ⋯ up" in look(RunShelf(), "/keys-help?page=runs").text.partition("<main")[2]
    assert "folds ⋯ up" not in look(RunShelf(), "/keys-help").text
