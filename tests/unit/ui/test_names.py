"""Names stay in their place, in one line, however long they are and whatever is in them."""

from __future__ import annotations

from attention_moa.ui.names import error_html, isolated, name_html, names_html, plain_name
from tests.hostile_html import UNSEEN, require_harmless


def test_a_name_is_one_line_of_what_can_be_seen() -> None:
    """Line ends are spaces, directions are signs."""
    assert plain_name(" a\n b\u202e ") == "a b⟦RLO⟧"
    assert plain_name("") == plain_name(" \n") == "(no name)"


def test_a_long_name_is_cut() -> None:
    """Also one that is far too long to be looked at whole."""
    assert plain_name("a" * 61) == "a" * 59 + "…"
    assert plain_name(" " * 10_000 + "a", most=5) == "…"
    assert plain_name("ada", most=3) == "ada"


def test_a_name_in_a_sentence_keeps_its_direction_in() -> None:
    """What stands behind it stays behind it."""
    assert isolated("אבג") == "\u2068אבג\u2069"


def test_a_name_in_html_stands_apart() -> None:
    """It is no HTML; a cut one tells the whole in its title."""
    assert name_html("<b>") == '<bdi class="t-name">&lt;b&gt;</bdi>'
    assert name_html('a"' * 40, most=4) == f'<bdi class="t-name" title="{"a&quot;" * 40}">a"a…</bdi>'
    assert names_html(["a", "b"]) == '<bdi class="t-name">a</bdi>, <bdi class="t-name">b</bdi>'


def test_an_error_is_one_line() -> None:
    """Longer than a name."""
    assert error_html("no\n" + "x" * 200).count("x") == 200
    assert len(error_html("x" * 5000)) < 1500


def test_nothing_unseen_is_left_in_a_name() -> None:
    """Nor anything that does something."""
    for text in UNSEEN:
        require_harmless(name_html(text * 3))
