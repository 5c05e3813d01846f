"""How many words are in capital letters only, words being those of the Penn Treebank: ``DON'T`` is two, ``DO N'T``.

Only pieces with letters count, so marks are taken for gaps; what is left to do are the words inside of words.

Source: the Treebank's tokenization as NLTK has it, which IFEval counts words with; the way to the count is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_LAST_PERIOD = re.compile(r"(?<!\.)\.(?=[\])}>\"'»\u201d\u2019 ]*\s*$)")
_GAPS = re.compile(r"[;@#$%&?!*()\[\]{}<>\"`«»\u201c\u201d\u2018\u2019\u201e]|--|\.{2,}|''|[:,](?!\d)")
_CLOSING_QUOTE = re.compile(r"(?<!')'(?=\s)")
# What ends a word and is one itself: 's, 'll, n't; and the two words of CANNOT, GONNA and their like.
_TAIL = re.compile(r"(?<=[^' ])('[sS]|'[mM]|'[dD]|'ll|'LL|'re|'RE|'ve|'VE|n't|N'T)(?=\s)")
_DOUBLE = re.compile(
    r"\b(?:(can)(not)|(gim)(me)|(gon)(na)|(got)(ta)|(lem)(me)|(d)('ye))\b|\b(wan)(na)(?=\s)|\b(more)('n)\b",
    re.IGNORECASE,
)
_IT = re.compile(r"(?<=\s)('t)(is|was)\b", re.IGNORECASE)
_LONE = re.compile(r"'(?!re|ve|ll|m|t|s|d|n)(?=\w\b)", re.IGNORECASE)


def capital_words(sentences: Iterable[str]) -> int:
    """Return how many words are in capital letters only.

    Args:
        sentences: Of a text: the period at the end of one belongs to no word.
    """
    return sum(1 for sentence in sentences for word in _words(sentence) if word.isupper())


def _words(sentence: str) -> list[str]:
    text = sentence
    for gap in (_LONE, _LAST_PERIOD, _GAPS, _CLOSING_QUOTE):
        text = gap.sub(" ", text)
    text = _TAIL.sub(r" \1", f" {text} ")
    text = _DOUBLE.sub(lambda found: " " + " ".join(filter(None, found.groups())) + " ", text)
    return _IT.sub(r" \1 \2 ", text).split()
