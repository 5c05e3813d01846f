"""Texts as words, marks and sentences, each with its place, in any script. Pure.

A word is a run of letters, digits and accents (``don't``, ``3.14``, ``snake_case``); in scripts that put no space
between words a character is one. Whatever else is no white space is a mark. Words are equal where they differ in
nothing but letter case and width.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from unicodedata import normalize

from attention_moa.plain_words import PLAIN_WORDS

_HALVES = (
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Chinese and Japanese characters: two of them make about a word."""
_QUARTERS = r"\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ecd\u1000-\u103f\u1050-\u109f\u1780-\u17d3"
"""Thai, Lao, Burmese and Khmer characters, vowels and tones among them: four of them make about a word."""
_ACCENTS = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07a6-\u07b0\u0900-\u0903\u093a-\u094f"
    r"\u0951-\u0957\u0962\u0963\u0980-\u0dff\u0f71-\u0f84\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20ff"
    r"\ufe20-\ufe2f"
)
"""What belongs to the letter before it; the expressions of the standard library take it for no part of a word."""
_LETTER = rf"[^\W_{_HALVES}{_QUARTERS}]"
_INNER = rf"(?:{_LETTER}|[{_ACCENTS}])"
_JOINT = rf"(?:(?<=\d)[.,](?=\d)|['\u2019_](?={_LETTER}))"
_TOKENS = re.compile(
    rf"^[^\S\n]*+(?P<number>\d{{1,3}}[.)])(?=\s)|(?P<half>[{_HALVES}])|(?P<quarter>[{_QUARTERS}])"
    rf"|(?P<word>{_LETTER}{_INNER}*+(?:{_JOINT}{_INNER}++)*+)|(?P<mark>(?P<same>\S)(?P=same)*+)",
    re.MULTILINE,
)
_WEIGHTS = {"number": 0.0, "half": 0.5, "quarter": 0.25, "word": 1.0, "mark": 0.0}
_STOPS = r"[.!?\u2026\u061f\u06d4\u0964]"
"""Full stops, also the Arabic, Urdu and Hindi ones, behind which there is a space."""
_WIDE_STOPS = r"[\u3002\uff01\uff1f]"
"""The Chinese and Japanese ones, behind which there is none."""
_CLOSERS = r"[\"')\]*_\u00bb\u201d\u2019\u300d\u300f\uff09]"
_ENDS = re.compile(rf"(?<!{_STOPS}){_STOPS}++{_CLOSERS}*+\s++|(?<!{_WIDE_STOPS}){_WIDE_STOPS}++{_CLOSERS}*+\s*+|\n\s*+")
_NUMBER = re.compile(r"\s*+\d{1,3}[.)]\s++")
_SHORT = 40
"""Characters of the words that are remembered, at most: none takes much memory."""
_HIRAGANA = re.compile(r"[\u3041-\u309f]")


class Span(NamedTuple):
    """A piece of a text: characters from ``start`` up to before ``end``."""

    start: int
    end: int


class Word(NamedTuple):
    """A word of a text, or a mark.

    Args:
        key: What makes it equal to others.
        start: Its first character.
        end: Behind its last character.
        weight: How many words it stands for: 1; 0.5 or 0.25 for a character of a script without spaces; 0 for a mark
            and for the number of an item in a list.
        is_plain: Whether it says nothing by itself: a word such as ``the``, a lone letter or digit, a mark.
    """

    key: str
    start: int
    end: int
    weight: float
    is_plain: bool


def tokens(text: str) -> tuple[Word, ...]:
    """Return the words and marks of a text, in order; what lies between them is white space.

    Args:
        text: Any.
    """
    return tuple(_token(found) for found in _TOKENS.finditer(text))


def words(text: str) -> tuple[Word, ...]:
    """Return the words of a text, in order, without the marks.

    Args:
        text: Any.
    """
    return tuple(word for word in tokens(text) if word.weight)


def sentences(text: str) -> tuple[Span, ...]:
    """Return the sentences of a text, or its lines where they are shorter; put together they are the text.

    Args:
        text: Any.
    """
    ends = [0]
    for found in _ENDS.finditer(text):
        if not _NUMBER.fullmatch(text, ends[-1], found.end()):  # an item of a list is one with its number
            ends.append(found.end())
    return tuple(Span(start, end) for start, end in pairwise((*ends, len(text))) if start < end)


def sentence_of(pieces: Sequence[Span], parts: Sequence[Word]) -> list[int]:
    """Return in which sentence each word or mark begins.

    Args:
        pieces: The sentences of a text.
        parts: Its words and marks, or some of them, in order.
    """
    found: list[int] = []
    place = 0
    for part in parts:
        while pieces[place].end <= part.start:
            place += 1
        found.append(place)
    return found


def _token(found: re.Match[str]) -> Word:
    kind = found.lastgroup or "mark"
    text, (start, end) = found[kind], found.span(kind)
    key, weight, is_plain = (_meaning if end - start > _SHORT else _short_meaning)(kind, text)
    return Word(key, start, end, weight, is_plain)


def _meaning(kind: str, text: str) -> tuple[str, float, bool]:
    """Return what makes a word equal to others, how many it stands for, and whether it says nothing by itself."""
    weight = _WEIGHTS[kind]
    key = (text if text.isascii() or not weight else normalize("NFKC", text)).casefold()
    is_plain = not weight or key in PLAIN_WORDS or (len(key) == 1 and (key.isascii() or bool(_HIRAGANA.match(key))))
    return key, weight, is_plain


_short_meaning = lru_cache(maxsize=20_000)(_meaning)
"""The same: texts of one run have most of their words in common."""
