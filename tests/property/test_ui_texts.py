"""Whatever a text is, what the page shows of it does nothing, loses nothing, and takes no more than its share."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.attribution import attribute
from attention_moa.ui.differences import difference_html
from attention_moa.ui.live import Live
from attention_moa.ui.markdown import to_html
from attention_moa.ui.names import name_html, plain_name
from attention_moa.ui.visible import visible
from tests.counting import require_even_growth
from tests.hostile_html import ATTACKS, require_harmless, said, text_of
from tests.long_texts import PAGE

SYNTAX = (
    "`", "``", "```", "```py\n", "~~~", "*", "**", "_", "__", "~~", "[", "]", "(", ")", "![", "](", "](http://a.b)",
    "[a]: ", "<", ">", "> ", "- ", "1. ", "# ", "\n", "\n\n", "    ", "\t", "|", "|-|-|\n", "\n|-|\n", "\\|", "&",
    "&#x202e;", "\\", "!", "\n---\n", "\n===\n", "\"", "'", " ", " ", "<b onclick=x>", "http://a.b", "\r\n", "\r",
    "\x00", "\u202e", "\u200b", "é", "م",
)  # fmt: skip
FORMULAS = ("$", "$$", "$$\n", "\\[", "\\]", "\\(", "\\)", "\\frac", "{", "}", "^", "%", "&&")
words = st.integers(0, 99).map("word{:02}x".format)
markdown = st.lists(st.sampled_from(SYNTAX) | words, max_size=40).map("".join)
anything = st.lists(st.sampled_from((*SYNTAX, *FORMULAS, *ATTACKS)) | words | st.text(max_size=20), max_size=30).map(
    "".join
)


def cut(text: str, sizes: list[int]) -> list[str]:
    """Return a text in pieces."""
    pieces, at = list[str](), 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    return [*pieces, text[at:]]


def finished(pieces: list[str]) -> str:
    """Return what is shown of a text that came in pieces, when it is whole."""
    live = Live()
    parts = [*(live.hear(piece) for piece in pieces), live.finish()]
    return "".join(block for part in parts for block in part.finished)


def words_in(text: str) -> set[str]:
    """Return the words that were put into a text."""
    return set(re.findall(r"word\d\dx", text))


@given(anything)
def test_html_of_any_text_does_nothing(text: str) -> None:
    """Markdown, attacks and rubbish alike."""
    require_harmless(to_html(text))


@given(st.lists(st.sampled_from((*SYNTAX, *FORMULAS)) | words, max_size=40).map("".join))
def test_no_word_of_a_text_is_lost(text: str) -> None:
    """It stands there, or in what is told about it: where a link goes, how a formula was written."""
    assert words_in(text) <= words_in(said(to_html(text)))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=60))
def test_plain_words_are_shown_as_they_are(text: str) -> None:
    """Where nothing in them means anything."""
    plain = re.sub(r"[^\w,.;:? ]", "", text).strip()
    plain = re.sub(r"^\d+[.)]|[\uffa0\u3164\u115f\u1160\u17b4\u17b5_]", "", plain).strip()
    shown = text_of(to_html(plain)).strip()
    assert re.sub(r"⟦.*?⟧", "", shown) == plain


@given(markdown, st.lists(st.integers(1, 9), max_size=30))
def test_a_text_that_comes_in_pieces_ends_as_one_that_comes_at_once(text: str, sizes: list[int]) -> None:
    """But for links that are named before they are defined: there are none here."""
    known = text.replace("[a]: ", "")
    assert finished(cut(known, sizes)).replace("\n", "") == to_html(known).replace("\n", "")


@given(anything, st.lists(st.integers(1, 9), max_size=30))
def test_a_text_that_comes_in_pieces_does_nothing_and_loses_nothing(text: str, sizes: list[int]) -> None:
    """At any time."""
    live = Live()
    pieces = cut(text, sizes)
    for piece in pieces:
        require_harmless(live.hear(piece).open_html or "")
    whole = finished(pieces)
    require_harmless(whole)
    assert words_in(text) <= words_in(said(whole))


@given(anything, anything, st.lists(anything, min_size=1, max_size=3, unique=True))
def test_a_difference_shows_both_texts_and_does_nothing(answer: str, refinement: str, critics: list[str]) -> None:
    """Whoever the critics are, and whatever they wrote."""
    found = attribute(answer, refinement, {critic: critic for critic in critics})
    made = difference_html(answer, refinement, found.changes, critics)
    require_harmless(made)
    assert words_in(refinement) <= words_in(text_of(made))
    if found.changes:
        assert words_in(answer) <= words_in(text_of(made))


@given(anything, st.integers(1, 100))
def test_a_name_is_one_short_line(name: str, most: int) -> None:
    """Of what can be seen."""
    line = plain_name(name, most)
    assert len(line) <= max(most, len("(no name)"))
    assert "\n" not in line
    require_harmless(name_html(name, most))


@given(anything)
def test_what_was_made_visible_stays_as_it_is(text: str) -> None:
    """Once is enough."""
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("shape", PAGE)
def test_the_work_grows_with_the_text_and_no_faster(shape: str) -> None:
    """Four times the text is some four times the work."""
    require_even_growth(PAGE[shape], 500)
