"""What things on the page are called, whatever their names are."""

from __future__ import annotations

import pytest

from attention_moa.messages import Stage
from attention_moa.ui.words import call_name, one_line, percent, seconds, shown_name


@pytest.mark.parametrize(
    ("stage", "peer", "name"),
    [
        (Stage.ANSWER, None, "layer 2, answer by ada"),
        (Stage.CRITIQUE, "bob", "layer 2, critique of bob by ada"),
        (Stage.CRITIQUE, "ada", "layer 2, critique of itself by ada"),
        (Stage.CRITIQUE, None, "layer 2, critiques by ada"),
        (Stage.REFINE, None, "layer 2, refinement by ada"),
        (Stage.SUMMARY, None, "layer 2, summary by ada"),
    ],
)
def test_a_call_has_a_name_that_can_be_read_aloud(stage: Stage, peer: str | None, name: str) -> None:
    """Where it is, what it is, and whose."""
    assert call_name(2, stage, "ada", peer) == name


def test_a_long_name_loses_its_middle() -> None:
    """Its beginning and its end tell it from others."""
    assert shown_name("a" * 100 + "-7") == "a" * 26 + "…" + "a" * 11 + "-7"
    assert len(shown_name("a" * 100_000)) == 40


def test_two_long_names_stay_two() -> None:
    """Who criticises another one is not said to criticise itself."""
    one, other = "a" * 60 + "1" + "b" * 60, "a" * 60 + "2" + "b" * 60
    assert call_name(1, Stage.CRITIQUE, one, other).startswith(f"layer 1, critique of {shown_name(other)} (another) by")
    assert "itself" in call_name(1, Stage.CRITIQUE, one, one)


def test_a_name_cannot_turn_the_text_beside_it() -> None:
    """Marks of direction go, and letters from right to left keep their direction to themselves."""
    assert shown_name("a\u202eb\u2066c\n\x00d") == "a b c d"
    assert shown_name("\u05d0\u05d1") == "\u2068\u05d0\u05d1\u2069"
    assert shown_name("\ud800x") == "x"


def test_a_line_is_one_line() -> None:
    """Also of a text of any size."""
    assert one_line(" down\n\n again\t ") == "down again"
    assert len(one_line("x" * 1_000_000)) == 300
    assert one_line("x" * 400 + "end").endswith("end")


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (-1.0, "0 s"),
        (0.0, "0 s"),
        (0.04, "<0.1 s"),
        (0.05, "0.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (125.0, "2 min 5 s"),
    ],
)
def test_a_time_is_told_in_words(count: float, told: str) -> None:
    """Tenths where they matter, minutes where they help."""
    assert seconds(count) == told


@pytest.mark.parametrize(("share", "told"), [(0.0, "0%"), (0.004, "less than 1%"), (0.425, "42%"), (1.2, "120%")])
def test_a_share_is_told_in_words(share: float, told: str) -> None:
    """What is little is not nothing."""
    assert percent(share) == told
