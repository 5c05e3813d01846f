"""Ratings out of what a judge of MT-Bench wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.bench.mt_bench_judge import parse_rating


@pytest.mark.parametrize(
    ("reply", "rating"),
    [
        ("Clear and short. Rating: [[8]]", 8),
        ("Rating: [[7.5]]", 7.5),
        ("Rating: [[7.]]", 7),
        ("[[3]] at first, then [[9]]", 3),
        ("As in [2], rating: [[6]]", 6),
        ("Rating: [4]", 4),
        ("[5] then [6]", 5),
        ("[[10]]", 10),
        ("[[1]]", 1),
    ],
)
def test_the_first_number_in_brackets_is_the_rating(reply: str, rating: float) -> None:
    """Double brackets go before single ones."""
    assert parse_rating(reply) == rating


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Rating: 8",
        "Rating: [[eight]]",
        "[[ 8 ]]",
        "[[8/10]]",
        "[[-3]]",
        "[[0]]",
        "[[10.5]]",
        "[[11]] or rather [[9]]",
        "the list x[0] is empty",
        "[[٣]]",
        f"[[{'9' * 500}]]",
    ],
)
def test_anything_else_is_no_rating(reply: str) -> None:
    """No number is made out of it, and none outside the scale counts."""
    assert parse_rating(reply) is None


@given(st.text(alphabet="[]0123456789. ab"))
def test_a_rating_is_on_the_scale(reply: str) -> None:
    """Whatever the judge writes."""
    rating = parse_rating(reply)
    assert rating is None or 1 <= rating <= 10
