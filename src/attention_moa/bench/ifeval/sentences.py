"""Sentences of an English text, by Punkt: a period ends one unless its word is an abbreviation, an initial or a number.

A candidate is a period, question or exclamation mark before white space or other punctuation. The word that ends in it
and what follows are labelled: first by themselves (is it an abbreviation?), then in the light of the next word (does
that one look as if it opened a sentence?).

Source: T. Kiss and J. Strunk, Unsupervised Multilingual Sentence Boundary Detection, Computational Linguistics 32
(2006); the details are those of NLTK 3.9, which IFEval counts sentences with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from attention_moa.bench.ifeval.punkt import Model, Seen

_CLOSING = r"[)\";}\]*:@'({\[!?]"
_LONG_MARK = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
_CANDIDATE = re.compile(rf"[.?!](?=(?P<after>{_CLOSING}|\s+(?P<next>\S+)))")
# A mark of several signs, a word up to white space or punctuation, or a single sign.
_TOKEN = re.compile(
    rf"{_LONG_MARK}"
    rf"|(?=[^(\"`{{\[:;&#*@)}}\]\-,])\S+?(?=\s|$|{_CLOSING}|{_LONG_MARK}|,(?=$|\s|{_CLOSING}|{_LONG_MARK}))"
    r"|\S"
)
_NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?")
_ELLIPSIS = re.compile(r"\.{2,}")
_INITIAL = re.compile(r"[^\W\d]\.")
# Closing quotes and brackets after the end of a sentence are still its own.
_STRAY = re.compile(r"[\"')\]}]+?(?:\s+|(?=--)|$)", re.MULTILINE)
_PUNCTUATION = frozenset(";:,.!?")


class _Token(NamedTuple):
    """A word with its label: ``ends`` a sentence, ``is_short`` for an abbreviation or an ellipsis."""

    text: str
    ends: bool = False
    is_short: bool = False

    @property
    def kind(self) -> str:
        """The word as the model has it: in small letters, any number as one."""
        lower = self.text.lower()
        return "##number##" if _NUMBER.fullmatch(lower) else lower

    @property
    def stem(self) -> str:
        """The word without its last period."""
        return self.kind[:-1] if len(self.kind) > 1 and self.kind.endswith(".") else self.kind

    @property
    def bare(self) -> str:
        """The word without a period that ends a sentence."""
        return self.stem if self.ends else self.kind


def split_sentences(text: str, model: Model) -> list[str]:
    """Return the sentences of a text, in order, without the white space between them.

    Args:
        text: English.
        model: What is known of the language.
    """
    sentences: list[str] = []
    pieces = list(_pieces(text, model))
    taken = 0
    for number, (begin, end) in enumerate(pieces):
        start, stop = begin + taken, end
        taken = 0
        if number + 1 < len(pieces):
            following, limit = pieces[number + 1]
            stray = _STRAY.match(text[following:limit])
            if stray:
                stop = following + len(stray[0].rstrip())
                taken = stray.end()
        if text[start:stop]:
            sentences.append(text[start:stop])
    return sentences


def _pieces(text: str, model: Model) -> Iterator[tuple[int, int]]:
    begin = 0
    for found, context in _candidates(text):
        if _ends_a_sentence(context, model):
            yield begin, found.end()
            begin = found.end() if found["next"] is None else found.start("next")
    yield begin, len(text.rstrip())


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each possible end, with its word and what follows; of several at one word, the last alone."""
    previous: tuple[re.Match[str], int] | None = None
    for found in _CANDIDATE.finditer(text):
        since = 0 if previous is None else previous[0].start()
        start = _last_space(text, since, found.start())
        if start < 0:
            start = 0 if previous is None else previous[1]
        if previous is not None and previous[0].start() <= start:
            yield previous[0], _context(text, *previous)
        previous = found, start
    if previous is not None:
        yield previous[0], _context(text, *previous)


def _last_space(text: str, low: int, high: int) -> int:
    """Return the place after the last white space of a stretch; -1 where it has none behind its first sign."""
    for place in range(high - 1, low, -1):
        if text[place].isspace():
            return place + 1
    return -1


def _context(text: str, found: re.Match[str], start: int) -> str:
    return text[start : found.end()] + found["after"]


def _ends_a_sentence(context: str, model: Model) -> bool:
    tokens = [_labelled(word, model) for line in context.split("\n") if line.strip() for word in _TOKEN.findall(line)]
    return any(_relabelled(one, other, model).ends for one, other in pairwise(tokens))


def _labelled(word: str, model: Model) -> _Token:
    if word in {".", "?", "!"}:
        return _Token(word, ends=True)
    if _ELLIPSIS.fullmatch(word):
        return _Token(word, is_short=True)
    if not word.endswith(".") or word.endswith(".."):
        return _Token(word)
    stem = word[:-1].lower()
    is_short = stem in model.abbreviations or stem.rpartition("-")[2] in model.abbreviations
    return _Token(word, ends=not is_short, is_short=is_short)


def _relabelled(token: _Token, following: _Token, model: Model) -> _Token:
    if not token.text.endswith("."):
        return token
    if (token.stem, following.bare) in model.collocations:
        return token._replace(ends=False)
    is_initial = _INITIAL.fullmatch(token.text) is not None
    opens = _opens_a_sentence(following, model)
    if token.is_short and not is_initial:
        is_starter = following.text[0].isupper() and following.bare in model.starters
        return token._replace(ends=token.ends or opens is True or is_starter)
    if is_initial or token.stem == "##number##":
        is_name = opens is None and is_initial and following.text[0].isupper() and _never_lower(following, model)
        return token._replace(ends=token.ends and opens is not False and not is_name)
    return token


def _opens_a_sentence(token: _Token, model: Model) -> bool | None:
    """Return whether a word opens a sentence by its case alone; None where that does not tell."""
    if token.text in _PUNCTUATION:
        return False
    seen = model.seen.get(token.bare, Seen.NOT)
    if token.text[0].isupper() and seen & Seen.LOWER and not seen & Seen.MIDDLE_UPPER:
        return True
    if token.text[0].islower() and (seen & Seen.UPPER or not seen & Seen.BEGIN_LOWER):
        return False
    return None


def _never_lower(token: _Token, model: Model) -> bool:
    return not model.seen.get(token.bare, Seen.NOT) & Seen.LOWER
