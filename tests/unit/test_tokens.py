"""Texts counted and cut in tokens: never too long, and always the same text that only goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.tokens import MARGIN_TOKENS, TokenCount, count_tokens, first_tokens, within_tokens

TEXTS = st.text(alphabet=st.sampled_from("ab \n.7é日🙂"), min_size=1, max_size=400).map(str.strip).filter(bool)


def small(text: str) -> int:
    """Return the tokens of a text to the model that needs the most."""
    return count_tokens(text, has_small_vocabulary=True)


@given(st.lists(TEXTS))
def test_a_text_counts_the_same_piece_by_piece(pieces: list[str]) -> None:
    """However it was cut on its way."""
    count = TokenCount()
    assert [count.add(piece) for piece in pieces] == [small("".join(pieces[: n + 1])) for n in range(len(pieces))]


@given(TEXTS, st.integers(1, 200), st.integers(0, 200))
def test_a_higher_limit_lets_the_same_text_go_on(text: str, most: int, more: int) -> None:
    """So what was told of it by the lower one stands."""
    short, longer = first_tokens(text, most), first_tokens(text, most + more)
    assert text.startswith(longer)
    assert longer.startswith(short)
    assert short
    assert small(short) <= most or len(short) == 1


@given(TEXTS, TEXTS)
def test_what_is_far_from_the_limit_stands_whatever_comes(text: str, more: str) -> None:
    """A stream can tell it at once."""
    assert first_tokens(text + more, small(text) + MARGIN_TOKENS).startswith(text)


@pytest.mark.parametrize(
    ("used", "begins"), [(9, "one two three four five six"), (18, "one two three"), (10_000, "one two")]
)
def test_an_endpoints_count_says_how_much_the_estimate_is_too_high(used: int, begins: str) -> None:
    """A count that no estimate can be lower than is taken for the estimate's own."""
    text = "one two three four five six"
    assert within_tokens(text, 9, whole=text, used=used).startswith(begins)
