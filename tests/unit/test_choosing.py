"""What counts as a choice."""

from __future__ import annotations

import pytest

from attention_moa.choosing import Choice, choice_line, parse_choice

NONCE = "abcdef012345"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f"CHOICE {NONCE} 2", (2,)),
        (f"**choice {NONCE} #2.**", (2,)),
        (f"\n```\n> CHOICE: `{NONCE}` [3]\nbecause it is right", (3,)),
        (f"CHOICE {NONCE} 1 CONTINUE", (1,)),
    ],
)
def test_a_choice_may_be_dressed(text: str, numbers: tuple[int, ...]) -> None:
    """Models write bold, quotes, code blocks and full stops."""
    assert parse_choice(text, NONCE, count=1, of=3) == Choice(numbers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "CHOICE 2",
        "CHOICE 000000000000 2",
        f"I say CHOICE {NONCE} 2",
        f"Reply 1 is best.\nCHOICE {NONCE} 2",
        f"CHOICE {NONCE}",
        f"CHOICE {NONCE} 0",
        f"CHOICE {NONCE} 4",
        f"CHOICE {NONCE} 12",
        f"CHOICE {NONCE} 1 2",
        f"CHOICE {NONCE} two",
        f"CHOICE {NONCE} 2 because of 3",
        f"CHOICE {NONCE} 2{' ' * 2000}",
        f"CHOICE {NONCE} STOP",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    """No word of the nonce, not at the head, no such number, not so many: nothing is guessed."""
    assert parse_choice(text, NONCE, count=1, of=3) is None


def test_several_are_all_different_and_in_the_order_of_the_choice() -> None:
    """And may stop the work."""
    assert parse_choice(f"CHOICE {NONCE} 3, 1 STOP", NONCE, count=2, of=3) == Choice((3, 1), is_stop=True)
    assert parse_choice(f"CHOICE {NONCE} 3 3", NONCE, count=2, of=3) is None


def test_the_line_that_is_asked_for_is_understood() -> None:
    """With its marks filled in."""
    assert choice_line(NONCE, 1) == f"CHOICE {NONCE} #"
    for is_stop in (True, False):
        line = choice_line(NONCE, 2, is_stop=is_stop).replace("#", "2", 1).replace("#", "1", 1)
        assert parse_choice(line, NONCE, count=2, of=2) == Choice((2, 1), is_stop=is_stop)
