"""Where the words of a text come from."""

from __future__ import annotations

import pytest

from attention_moa.sources import sources

TEXTS = {
    "a": "Air scatters short waves of sunlight. Dust plays no part.",
    "b": "Sunsets are crimson since sunlight crosses more air.",
    "c": "The sky is blue.",
}


def test_a_sentence_comes_from_the_text_that_has_it() -> None:
    """Word for word; sentences put together are the text."""
    text = "Air scatters short waves of sunlight. Sunsets are crimson.\nPenguins disagree."
    found = sources(text, TEXTS)
    assert "".join(text[one.span.start : one.span.end] for one in found) == text
    assert found[0].shares == pytest.approx({"a": 1.0, "b": 0.0, "c": 0.0})
    assert found[1].shares == pytest.approx({"a": 0.0, "b": 1.0, "c": 0.0})
    assert found[2].shares == {"a": 0.0, "b": 0.0, "c": 0.0}
    assert [round(one.unattributed, 9) for one in found] == [0.0, 0.0, 1.0]


def test_what_several_texts_have_is_shared_by_the_lengths_of_their_runs() -> None:
    """Equal texts share equally, whatever the order."""
    (found,) = sources("Amber is old resin.", {"a": "Amber is old resin.", "b": "Amber is old resin."})
    assert found.shares == pytest.approx({"a": 0.5, "b": 0.5})
    (found,) = sources("amber copper indigo", {"a": "amber copper indigo", "b": "amber barley", "c": "x", "d": "y"})
    assert found.shares == pytest.approx({"a": (3 / 4 + 1 + 1) / 3, "b": 1 / 4 / 3, "c": 0.0, "d": 0.0})


def test_a_word_that_most_texts_have_comes_from_none_of_them() -> None:
    """By itself; nor does a word that was in the question."""
    (found,) = sources("Sunlight, then.", {"a": "sunlight!", "b": "no sunlight", "c": "Sky."})
    assert found.unattributed == 1.0
    (found,) = sources("Sunlight, then.", {"a": "sunlight!", "b": "no"}, known="What of sunlight?")
    assert found.unattributed == 1.0
    (found,) = sources("Sunlight, then.", {"a": "sunlight!", "b": "no"})
    assert found.shares["a"] > 0.8


def test_a_text_without_words_comes_from_nowhere() -> None:
    """And leaves nothing to anybody; nor does one whose writer read nothing."""
    (found,) = sources("…!", {"a": "…!"})
    assert (found.shares, found.unattributed) == ({"a": 0.0}, 0.0)
    assert sources("", TEXTS) == ()
    (found,) = sources("Amber.", {})
    assert (found.shares, found.unattributed) == ({}, 1.0)
