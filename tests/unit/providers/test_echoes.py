"""A reply that repeats the key that was sent, in one piece and in many."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from attention_moa.messages import Chunk
from attention_moa.providers.echoes import Echoes

KEY = "sk-sk-0123456789abcdef"
TEXT = f"{KEY} is your key, {KEY[:7]}{KEY}; sk-0 is not. sk-"


def spoken(pieces: list[str], secret: str | None) -> tuple[str, str]:
    """Return the text and the thinking of a reply that came in pieces."""
    echoes = Echoes(secret)
    chunks = [echoes.clean(Chunk(text=piece, thinking=piece)) for piece in pieces]
    chunks.append(echoes.clean(Chunk(finish_reason="stop"), is_last=True))
    return "".join(chunk.text for chunk in chunks), "".join(chunk.thinking for chunk in chunks)


@given(st.sets(st.integers(1, len(TEXT) - 1)))
def test_a_key_in_any_pieces_is_masked_and_all_else_stays(cuts: set[int]) -> None:
    """Also what only begins like it, in the middle and at the end."""
    ends = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[start:end] for start, end in pairwise(ends)]
    expected = TEXT.replace(KEY, "***")
    assert spoken(pieces, KEY) == (expected, expected)


def test_what_cannot_be_the_key_is_not_held_back() -> None:
    """The first token is here when it is here."""
    assert Echoes(KEY).clean(Chunk(text="The sky.")).text == "The sky."


def test_a_short_key_is_a_word_like_any_other() -> None:
    """As is a reply where none was sent."""
    assert spoken(["EMP", "TY"], "EMPTY") == spoken(["EMPTY"], None) == ("EMPTY", "EMPTY")


def test_names_and_notes_lose_it_too() -> None:
    """An endpoint fills them as it likes."""
    chunk = Chunk(text="Hi.", model=f"m {KEY}", notes=(f"n {KEY}",), finish_reason="stop")
    clean = Echoes(KEY).clean(chunk, is_last=True)
    assert (clean.text, clean.model, clean.notes) == ("Hi.", "m ***", ("n ***",))
    assert Echoes(KEY).clean(Chunk(finish_reason="stop"), is_last=True).model is None
