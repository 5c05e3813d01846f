"""Characters that could not be seen are shown; those that a script or an emoji needs are left."""

from __future__ import annotations

import pytest

from attention_moa.ui.visible import attribute, shown, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("user\u202etxt.exe", "user⟦RLO⟧txt.exe"),
        ("a\u2066b\u2069", "a⟦LRI⟧b⟦PDI⟧"),
        ("zero\u200bwidth", "zero⟦ZWSP⟧width"),
        ("\ufeffmark", "⟦BOM⟧mark"),
        ("a\u200c\u200d\u2060b", "a⟦ZWNJ ZWJ WJ⟧b"),
        ("a\u200b\u200b\u200b\u200bb", "a⟦4 invisible characters⟧b"),
        ("x\U000e0068\U000e0069y", "x⟦invisible: hi⟧y"),
        ("x" + "\U000e0041" * 300, f"x⟦invisible: {'A' * 200}…⟧"),
        ("\x1b[2J\x00\x7f", "␛[2J␀␡"),
        ("\x9b31m \ud800", "⟦U+009B⟧31m ⟦U+D800⟧"),
        ("\u3164hidden", "⟦U+3164⟧hidden"),
        ("e" + "\u0301" * 20, "e" + "\u0301" * 8 + "⟦12 more marks⟧"),
        ("a\ufe0f", "a⟦U+FE0F⟧"),
    ],
)
def test_what_cannot_be_seen_is_a_sign(text: str, seen: str) -> None:
    """It says what it stands for."""
    assert visible(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines\tand a tab",
        "می‌خواهم",  # a joiner that Persian needs
        "क्‍ष",
        "👩‍👩‍👧 ❤️‍🔥 1️⃣ ☺︎",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # a flag
        "葛\U000e0100城",
        "Việt Nam, ñ, ç, 한국어, שָׁלוֹם",
        "½ ™ © — … “quotes” <tags> & ampersands",
    ],
)
def test_what_can_be_seen_is_left(text: str) -> None:
    """Nobody's script is garbled."""
    assert visible(text) == text


def test_a_sign_stands_apart_in_html() -> None:
    """Its letters do not turn what stands beside it, and the text is escaped."""
    assert shown("<a>\u202eb & \u0007") == '&lt;a&gt;<bdi class="t-sign">⟦RLO⟧</bdi>b &amp; ␇'


def test_letters_that_were_smuggled_in_are_no_html() -> None:
    """A sign that quotes them escapes them."""
    assert (
        shown("".join(chr(0xE0000 + ord(char)) for char in "<b>")) == '<bdi class="t-sign">⟦invisible: &lt;b&gt;⟧</bdi>'
    )


def test_an_attribute_holds_any_text() -> None:
    """It ends where it should."""
    assert attribute("\"'><b>\u202e") == "&quot;&#x27;&gt;&lt;b&gt;⟦RLO⟧"
