"""Two texts laid over each other, as HTML."""

from __future__ import annotations

from attention_moa.comparing import Piece, overlay
from attention_moa.ui.components.overlaid import are_unlike, overlaid_html


def test_what_only_one_text_has_is_marked_and_said() -> None:
    """Struck of A, underlined of B, and in words for who sees neither."""
    html = overlaid_html(overlay("The sky is blue.", "The sky is <b>red</b>."))
    assert 'title="only in A"' in html
    assert "[only in B: </span>" in html
    assert "<b>" not in html


def test_texts_of_any_length_end_somewhere() -> None:
    """With a note that there is more."""
    pieces = (Piece(f"{number} ", "A" if number % 2 else "B") for number in range(5_000))
    html = overlaid_html(pieces)
    assert html.count("<del") + html.count("<ins") == 4_000
    assert "The rest is not shown." in html
    assert "The rest is not shown." in overlaid_html([Piece("x" * 500_000, "both"), Piece("y", "A")])


def test_texts_that_share_less_than_a_third_of_their_words_are_unlike() -> None:
    """As they are laid over each other; two that are empty share all that they have."""

    def unlike(a: str, b: str) -> bool:
        return are_unlike(overlay(a, b))

    assert unlike("one two three four five six.", "one seven eight nine ten eleven.")
    assert not unlike("one two three four five six.", "one two three nine ten eleven.")
    assert unlike("Air scatters light.", "")
    assert not unlike("", "")
    assert not unlike("The same.", "The same.")
