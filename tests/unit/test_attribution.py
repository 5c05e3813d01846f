"""Which critiques the changes of a refinement come from: the example of the documentation, and one rule at a time."""

from __future__ import annotations

import pytest

from attention_moa.attribution import Attribution, attribute

ANSWER = "The sky is blue because it reflects the sea."
REFINEMENT = "The sky is blue because air scatters short waves best. Sunsets are red."
CRITIQUES = {
    "a": "Wrong: it does not reflect the sea; say that air scatters short waves.",
    "b": "Good. Sunsets deserve a word.",
}


def quoted(found: Attribution, critiques: dict[str, str]) -> list[dict[str, list[str]]]:
    """Return what of each critique each change is traced to."""
    return [
        {
            credit.critic: [critiques[credit.critic][span.start : span.end] for span in credit.quotes]
            for credit in caused.credits
        }
        for caused in found.changes
    ]


def test_the_example_of_the_documentation_is_right() -> None:
    """Number by number."""
    found = attribute(ANSWER, REFINEMENT, CRITIQUES)
    assert [caused.change.size for caused in found.changes] == [9, 3]
    assert [[(credit.critic, round(credit.words, 2)) for credit in caused.credits] for caused in found.changes] == [
        [("a", 7.2)],
        [("b", 1.36)],
    ]
    assert found.size == 12
    assert {critic: round(share, 2) for critic, share in found.shares.items()} == {"a": 0.6, "b": 0.11}
    assert round(found.unattributed, 2) == 0.29


def test_a_critique_is_quoted_where_it_says_what_was_changed() -> None:
    """For the page to show."""
    assert quoted(attribute(ANSWER, REFINEMENT, CRITIQUES), CRITIQUES) == [
        {"a": ["the sea", "air scatters short waves"]},
        {"b": ["Sunsets"]},
    ]


def test_without_a_change_nobody_moved_anybody() -> None:
    """Not the author either: there is nothing to attribute."""
    found = attribute(ANSWER, ANSWER, CRITIQUES)
    assert (found.changes, found.size, found.shares, found.unattributed) == ((), 0, {"a": 0.0, "b": 0.0}, 0.0)


def test_without_critiques_all_is_the_author_s_own() -> None:
    """And nothing is anybody else's."""
    found = attribute(ANSWER, REFINEMENT, {})
    assert (found.shares, found.unattributed) == ({}, 1.0)


def test_a_word_that_took_the_place_of_another_is_traced_with_it() -> None:
    """Whoever names the right one need not quote the wrong one, and the other way round."""
    before, after = "Everest is 8,848 m high.", "Everest is 8,849 m high."
    assert attribute(before, after, {"a": "Its height: 8,849."}).shares == {"a": 1.0}
    assert attribute(before, after, {"a": "8,848 is outdated."}).shares == {"a": 1.0}


def test_who_asked_for_new_words_counts_more_than_who_quoted_old_ones() -> None:
    """Twice as much: a quote may be praise."""
    before, after = "Everest is 8,848 m high.", "Everest is 8,849 m high."
    found = attribute(before, after, {"a": "Its height: 8,849.", "b": "8,848 is outdated."})
    assert found.shares == pytest.approx({"a": 2 / 3, "b": 1 / 3})


def test_what_goes_beyond_a_replacement_is_traced_by_itself() -> None:
    """A quoted word explains no long insertion, nor a short demand a long deletion."""
    found = attribute("It is nice.", "It is green yellow orange purple.", {"a": "So nice!"})
    assert found.shares == pytest.approx({"a": 2 / 5})
    found = attribute("It is green yellow orange purple.", "It is nice.", {"a": "Say nice!"})
    assert found.shares == pytest.approx({"a": 2 / 5})


def test_a_deleted_sentence_is_traced_to_who_quotes_it() -> None:
    """As far as the quote goes; praise of what stays counts nothing."""
    before = "Water boils at fifty degrees. It is wet."
    found = attribute(before, "It is wet.", {"a": "Boils at fifty is wrong.", "b": "It is wet: well said."})
    assert found.shares == pytest.approx({"a": 2.2 / 4.2, "b": 0.0})


def test_what_was_moved_is_traced_to_who_quotes_it() -> None:
    """Although none of its words is new."""
    before, after = "A first one here. B second one there. C third.", "B second one there. A first one here. C third."
    found = attribute(before, after, {"a": "Begin with: B second one there.", "b": "It is fine."})
    assert found.size == 4
    assert found.shares == {"a": 1.0, "b": 0.0}


def test_two_critiques_that_say_the_same_share_it() -> None:
    """Equally."""
    found = attribute("Blue.", "Blue. Rayleigh scattering.", {"a": "Rayleigh scattering!", "b": "Rayleigh scattering?"})
    assert found.shares == {"a": 0.5, "b": 0.5}


def test_a_run_of_words_counts_more_than_the_words_one_by_one() -> None:
    """Three in a row nine times, one after the other three times."""
    critiques = {"a": "amber copper indigo", "b": "amber, then copper, then indigo"}
    found = attribute("Yes.", "Yes. Amber copper indigo.", critiques)
    assert found.shares == pytest.approx({"a": 9 / 12, "b": 3 / 12})


def test_runs_of_a_critique_that_overlap_are_quoted_as_one() -> None:
    """A text longer than the longest run is found whole."""
    sentence = "amber copper indigo barley timber honey salt wool paper tin"
    found = attribute("Yes.", f"Yes. {sentence}", {"a": f"Say: {sentence}!"})
    assert quoted(found, {"a": f"Say: {sentence}!"}) == [{"a": [sentence]}]
