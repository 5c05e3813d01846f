"""Text of models may show on a terminal, and may not command it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.cli.clean import clean, one_line


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;c3RvbGVu", ""),
        ("\x1bP1;2q\x1b\\x", "x"),
        ("\x9b2Jx\x9d0;t\x9cy", "xy"),
        ("a\x1bcb\x1b(0c", "abc"),
        ("a\x08\x07\x00\x7fb", "ab"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("tab\tline\n", "tab\tline\n"),
        ("abc\u202ecba\u2066x", "abccbax"),
        ("half \ud83d", "half "),
        ("空 🌇 ü", "空 🌇 ü"),
    ],
)
def test_what_commands_is_taken_out_and_what_shows_stays(text: str, plain: str) -> None:
    """Escape sequences go as a whole, with what they carry."""
    assert clean(text) == plain


def test_an_open_sequence_takes_no_more_than_its_line() -> None:
    """A model cannot hide the rest of its answer behind a sequence that never ends."""
    assert clean("a\x1b]0;never ends\nthe rest") == "a\nthe rest"


@given(st.text(alphabet=st.sampled_from("\x1b[]0;m\x07\x9b\\Px\n\r\u202e\x00")))
def test_nothing_that_a_terminal_obeys_is_ever_left(text: str) -> None:
    """However sequences are nested and cut, no escape or control character survives."""
    assert not set(clean(text)) - set("[]0;m\\Px\n")


def test_one_line_is_one_line_and_cut_where_asked() -> None:
    """Line ends become spaces; what is too long ends in an ellipsis."""
    assert one_line(" a\n\n b\tc ") == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert one_line("abcd", 4) == "abcd"
