"""Texts as words, marks and sentences, in several scripts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from attention_moa.words import Span, sentence_of, sentences, tokens, words
from tests.counting import require_even_growth
from tests.long_texts import WORDS


def keys(text: str) -> list[str]:
    """Return the words of a text as they are compared."""
    return [word.key for word in words(text)]


def cut(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [text[span.start : span.end] for span in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The sky, it's BLUE!", ["the", "sky", "it's", "blue"]),
        ("3.14 or 1,000.5 m.", ["3.14", "or", "1,000.5", "m"]),
        ("`snake_case` and __bold__", ["snake_case", "and", "bold"]),
        ("1. first\n 12) second", ["first", "second"]),
        ("in 1. of May", ["in", "1", "of", "may"]),
        ("\uff21\uff22 \uff71", ["ab", "ア"]),
        ("天空是蓝色的", list("天空是蓝色的")),
        ("ภาษา", list("ภาษา")),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("مَرْحَبًا بك", ["مَرْحَبًا", "بك"]),
        ("… -- ()", []),
        ("", []),
    ],
)
def test_words_are_found_in_any_script(text: str, expected: list[str]) -> None:
    """Letters with their accents make a word; where no space stands between words each character is one."""
    assert keys(text) == expected


def test_words_and_marks_know_their_places() -> None:
    """What lies between them is white space, whatever the script."""
    text = " 1. «Зимой» is 蓝色。 x<=y\n\tEnd…"
    found = tokens(text)
    for one, other in pairwise(found):
        assert text[one.end : other.start].strip() == ""
    assert "".join(text[part.start : part.end] for part in found) == "".join(text.split())


def test_a_word_weighs_what_it_says() -> None:
    """Two Chinese characters, or four Thai ones, make about a word; marks and the numbers of a list none."""
    weights = {part.key: part.weight for part in tokens("1. sky 蓝 ภ !")}
    assert weights == {"1.": 0.0, "sky": 1.0, "蓝": 0.5, "ภ": 0.25, "!": 0.0}


@pytest.mark.parametrize("plain", ["the", "The", "и", "的", "の", "x", "7", "!"])
def test_plain_words_say_nothing_by_themselves(plain: str) -> None:
    """The commonest words of some languages, lone letters and digits, marks."""
    assert tokens(plain)[0].is_plain


@pytest.mark.parametrize("saying", ["sky", "небо", "蓝", "ア", "42", "ψ"])
def test_other_words_say_something(saying: str) -> None:
    """Numbers, names, and letters of other alphabets too."""
    assert not tokens(saying)[0].is_plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('He said "no." She left! Why?', ['He said "no." ', "She left! ", "Why?"]),
        ("It is 3.14 m. So", ["It is 3.14 m. ", "So"]),
        ("1. First one.\n2. Second", ["1. First one.\n", "2. Second"]),
        ("天空。「蓝色。」好", ["天空。", "「蓝色。」", "好"]),
        ("a\n\n\nb", ["a\n\n\n", "b"]),
        ("آب؟ نعم", ["آب؟ ", "نعم"]),
        ("", []),
    ],
)
def test_sentences_put_together_are_the_text(text: str, expected: list[str]) -> None:
    """A line ends one too; the number of an item in a list does not."""
    assert cut(text) == expected
    assert "".join(cut(text)) == text


def test_each_word_is_in_a_sentence() -> None:
    """Also behind sentences that have no word."""
    text = "\nOne two. … Three"
    assert sentence_of(sentences(text), words(text)) == [1, 1, 3]
    assert sentences(text)[1] == Span(1, 10)


@pytest.mark.parametrize("shape", WORDS)
def test_no_text_takes_long(shape: str) -> None:
    """Each character is looked at a few times, whatever the text repeats."""
    require_even_growth(WORDS[shape])


@pytest.mark.parametrize("piece", [".", " ", "a'", "#@", "\u0301", "\n1. "])
def test_of_a_long_text_nothing_is_lost(piece: str) -> None:
    """Whatever it repeats."""
    text = piece * (200_000 // len(piece))
    assert "".join(cut(text)) == text
