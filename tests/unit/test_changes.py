"""How one text became another."""

from __future__ import annotations

import pytest

from attention_moa.changes import Change, changes, compare_texts
from attention_moa.words import Span
from tests.counting import require_even_growth
from tests.long_texts import CHANGES


def told(before: str, after: str) -> list[tuple[str, str, int]]:
    """Return the changes as texts, with their sizes."""
    return [
        (before[one.before.start : one.before.end], after[one.after.start : one.after.end], one.size)
        for one in changes(before, after)
    ]


def test_what_differs_in_white_space_and_letter_case_alone_is_no_change() -> None:
    """Nor is a text that is the same."""
    assert changes("The sky is blue.", "the  sky\nIS blue.") == ()
    assert changes("", "") == ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("Mars has 2 moons and 4 rings.", "Mars has 3 moons and 5 rings.", [("2", "3", 2), ("4", "5", 2)]),
        ("It is hot.", "It is very hot.", [("", "very", 1)]),
        ("It is very hot.", "It is hot.", [("very", "", 1)]),
        ("x < y", "x <= y", [("", "=", 0)]),
        ("", "One. Two.", [("", "One.", 1), ("", "Two.", 1)]),
        ("天空是蓝的", "天空很蓝的", [("是", "很", 2)]),
    ],
)
def test_changes_are_as_small_as_they_can_be(before: str, after: str, expected: list[tuple[str, str, int]]) -> None:
    """A change of marks alone is one too, and counts nothing."""
    assert told(before, after) == expected


def test_a_word_between_longer_changes_is_part_of_a_phrase() -> None:
    """It is there in both by chance: confetti tells nobody anything."""
    before, after = "He runs very fast to the old store today.", "He walks slowly to a new shop today."
    assert told(before, after) == [("runs very fast to the old store", "walks slowly to a new shop", 13)]


def test_no_change_reaches_beyond_a_sentence() -> None:
    """So that each can have a cause of its own."""
    assert told("One.", "One. Two three. Four.") == [("", "Two three.", 2), ("", "Four.", 1)]
    assert told("Aa bb. Cc dd.", "Ee ff. Gg hh.") == [("Aa bb.", "Ee ff.", 4), ("Cc dd", "Gg hh", 4)]
    assert told("Keep. Aa bb cc. Dd ee ff.", "Keep. Gg hh ii!") == [
        ("Aa bb cc.", "", 3),
        ("Dd ee ff.", "", 3),
        ("", "Gg hh ii!", 3),
    ]


def test_what_goes_on_with_a_sentence_takes_the_place_of_what_went_on_with_it() -> None:
    """Although more sentences came than there were."""
    found = told("It is so because of the sea.", "It is so because air scatters. Sunsets are red.")
    assert found == [("of the sea", "air scatters.", 5), ("", "Sunsets are red", 3)]


def test_what_was_moved_counts_once() -> None:
    """Where it came to."""
    before, after = "A first one here. B second one there. C third.", "B second one there. A first one here. C third."
    came, gone = changes(before, after)
    assert (came.is_move, came.size, gone.is_move, gone.size) == (True, 4, True, 0)
    assert [(block.before, block.after, block.length) for block in compare_texts(before, after).moved] == [(4, 0, 4)]


def test_words_that_come_again_by_chance_are_not_moved() -> None:
    """Two are no sentence; and what was moved once is not moved twice."""
    assert not any(one.is_move for one in changes("One two. Three four.", "Three four. One two."))
    twice = changes("A b c d. Keep this here now.", "Keep this here now. A b c d. A b c d.")
    assert sorted(one.size for one in twice if one.is_move) == [0, 4]


def test_kept_words_are_found_at_their_places() -> None:
    """Marks are not counted."""
    found = compare_texts("It is (very) hot, so.", "It is hot, so.")
    for block in found.kept:
        old = found.before[block.before : block.before + block.length]
        new = found.after[block.after : block.after + block.length]
        assert [word.key for word in old] == [word.key for word in new]
    assert sum(block.length for block in found.kept) == 4
    assert found.edits[0].change == Change(Span(6, 12), Span(5, 5), 1, 0)


def test_in_long_texts_one_word_is_found() -> None:
    """200 kB, and one word."""
    before = "".join(f"Sentence {number} of many is as long as this one here. " for number in range(4_000))
    assert told(before, before.replace("Sentence 2000 of", "Sentence 2000 among")) == [("of", "among", 2)]


@pytest.mark.parametrize("shape", CHANGES)
def test_texts_made_to_take_long_do_not(shape: str) -> None:
    """What has too many pairs is replaced whole; where hardly anything differs, hardly anything is compared."""
    require_even_growth(CHANGES[shape])
    assert CHANGES[shape](10_000)()
