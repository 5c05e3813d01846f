"""Who moved whom, whatever the texts are: shares, spans, and what they do not depend on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.attribution import attribute
from attention_moa.changes import changes, compare_texts
from attention_moa.sources import sources
from attention_moa.words import Span, sentences, tokens, words

WORD = st.sampled_from(["the", "sky", "blue", "Rayleigh", "42", "не", "небо", "蓝", "色", "光", "of", "x", "sea"])
MARK = st.sampled_from([" ", " ", " ", ". ", ", ", "\n", "! ", "-", "。", "\n1. ", "**"])
TEXT = st.lists(st.one_of(WORD, MARK), max_size=60).map("".join)
ANY_TEXT = st.one_of(TEXT, st.text(max_size=60))
CRITIQUES = st.dictionaries(st.sampled_from("abcd"), TEXT, max_size=4)


def told(text: str, start: int, end: int | None = None) -> list[str]:
    """Return the words and marks of a piece of a text."""
    return [part.key for part in tokens(text) if start <= part.start and (end is None or part.end <= end)]


def counted(text: str, span: Span) -> int:
    """Return how many words a piece of a text has."""
    return sum(span.start <= word.start and word.end <= span.end for word in words(text))


@given(ANY_TEXT)
def test_words_marks_and_sentences_are_the_whole_text(text: str) -> None:
    """Nothing is left out, nothing is there twice."""
    assert "".join(text[part.start : part.end] for part in tokens(text)) == "".join(text.split())
    assert "".join(text[span.start : span.end] for span in sentences(text)) == text


@given(ANY_TEXT, ANY_TEXT)
def test_changes_put_the_texts_together_again(before: str, after: str) -> None:
    """Between two changes both texts have the same words and marks; the changes come in the order of both."""
    at_before = at_after = 0
    for change in changes(before, after):
        assert at_before <= change.before.start <= change.before.end
        assert at_after <= change.after.start <= change.after.end
        assert told(before, at_before, change.before.start) == told(after, at_after, change.after.start)
        assert counted(before, change.before) == change.deleted
        assert counted(after, change.after) == change.inserted
        at_before, at_after = change.before.end, change.after.end
    assert told(before, at_before) == told(after, at_after)


@given(TEXT, TEXT)
def test_every_word_is_kept_moved_or_changed(before: str, after: str) -> None:
    """Once, on each side."""
    found = compare_texts(before, after)
    kept = sum(block.length for block in found.kept)
    assert kept + sum(edit.change.deleted for edit in found.edits) == len(found.before)
    assert kept + sum(edit.change.inserted for edit in found.edits) == len(found.after)
    for block in (*found.kept, *found.moved):
        for offset in range(block.length):
            assert found.before[block.before + offset].key == found.after[block.after + offset].key


@given(ANY_TEXT)
def test_a_text_that_stays_has_no_change(text: str) -> None:
    """Nor does anybody have a part in one."""
    assert changes(text, text) == ()
    assert attribute(text, text, {"a": text}).shares == {"a": 0.0}


@given(TEXT, TEXT, CRITIQUES)
def test_an_author_s_shares_are_at_most_one_together(before: str, after: str, critiques: dict[str, str]) -> None:
    """None below 0; no change has more words than it has."""
    found = attribute(before, after, critiques)
    assert all(share >= 0 for share in found.shares.values())
    assert sum(found.shares.values()) + found.unattributed == pytest.approx(1.0 if found.size else 0.0)
    assert sum(found.shares.values()) <= 1 + 1e-12
    for caused in found.changes:
        assert sum(credit.words for credit in caused.credits) <= caused.change.size + 1e-9


@given(TEXT, TEXT, CRITIQUES)
def test_neither_order_nor_names_matter(before: str, after: str, critiques: dict[str, str]) -> None:
    """To the last digit."""
    found = attribute(before, after, critiques)
    turned = attribute(before, after, dict(reversed(critiques.items())))
    assert turned.shares == found.shares
    assert turned.changes == found.changes
    renamed = attribute(before, after, {f"agent {name}": text for name, text in critiques.items()})
    assert renamed.shares == {f"agent {name}": share for name, share in found.shares.items()}


@given(TEXT, TEXT, CRITIQUES)
def test_a_critique_that_shares_no_word_with_the_change_moved_nothing(
    before: str, after: str, critiques: dict[str, str]
) -> None:
    """Whatever else it says, and whatever others say."""
    found = compare_texts(before, after)
    changed = {found.before[place].key for edit in found.edits for place in edit.deleted}
    changed |= {found.after[place].key for edit in found.edits for place in edit.inserted}
    apart = " ".join(word for word in ("quince", "turtle", "the", "sky", "небо", "42") if word not in changed)
    shares = attribute(before, after, critiques | {"apart": apart}).shares
    assert shares["apart"] == 0.0
    assert {critic: share for critic, share in shares.items() if critic != "apart"} == attribute(
        before, after, critiques
    ).shares


@given(TEXT, TEXT, TEXT)
def test_quotes_are_pieces_of_the_critique(before: str, after: str, critique: str) -> None:
    """In order, and each with a word that was changed."""
    for caused in attribute(before, after, {"a": critique}).changes:
        change = caused.change
        here = {
            *told(before, change.before.start, change.before.end),
            *told(after, change.after.start, change.after.end),
        }
        for credit in caused.credits:
            assert list(credit.quotes) == sorted(credit.quotes)
            for span in credit.quotes:
                assert here.intersection(told(critique, span.start, span.end))


@given(TEXT, st.dictionaries(st.sampled_from("abcd"), TEXT, max_size=4))
def test_sentences_come_from_texts_or_from_nobody(text: str, texts: dict[str, str]) -> None:
    """Shares and what is nobody's add up to 1; neither order nor names matter."""
    found = sources(text, texts)
    assert "".join(text[one.span.start : one.span.end] for one in found) == text
    for one in found:
        has_words = counted(text, one.span) > 0
        assert sum(one.shares.values()) + one.unattributed == pytest.approx(1.0 if has_words else 0.0)
    assert sources(text, dict(reversed(texts.items()))) == found
