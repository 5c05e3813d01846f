"""IFEval's instructions on which words and letters an answer has, how many of them, and in which case and language."""

from __future__ import annotations

import re
from collections.abc import Callable

from attention_moa.bench.ifeval.arguments import Arguments
from attention_moa.bench.ifeval.capitals import capital_words
from attention_moa.bench.ifeval.tools import Check, Tools

_WORD = re.compile(r"\w+")


def existence(given: Arguments, _tools: Tools) -> Check:
    """Return whether all keywords are there, be it inside of other words."""
    keywords = [_anywhere(keyword) for keyword in given.texts("keywords")]
    return lambda answer: all(keyword.search(answer) for keyword in keywords)


def frequency(given: Arguments, _tools: Tools) -> Check:
    """Return whether a keyword is there often, or rarely, enough, be it inside of other words."""
    keyword = _anywhere(given.text("keyword"))
    is_wanted = given.comparison("relation", "frequency")
    return lambda answer: is_wanted(sum(1 for _ in keyword.finditer(answer)))


def forbidden_words(given: Arguments, _tools: Tools) -> Check:
    """Return whether none of some words is there as a word of its own."""
    words = "|".join(map(re.escape, given.texts("forbidden_words")))
    forbidden = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    return lambda answer: forbidden.search(answer) is None


def letter_frequency(given: Arguments, _tools: Tools) -> Check:
    """Return whether a letter, of either case, is there often, or rarely, enough; any other sign counts as it is."""
    letter = given.text("letter").lower()
    if len(letter) != 1:
        raise given.error("letter", f"not one letter: {letter!r}")
    is_wanted = given.comparison("let_relation", "let_frequency")
    return lambda answer: is_wanted(answer.lower().count(letter))


def number_words(given: Arguments, _tools: Tools) -> Check:
    """Return whether there are enough, or few enough, words: runs of letters, digits and underscores."""
    is_wanted = given.comparison("relation", "num_words")
    return lambda answer: is_wanted(sum(1 for _ in _WORD.finditer(answer)))


def number_sentences(given: Arguments, tools: Tools) -> Check:
    """Return whether there are enough, or few enough, sentences."""
    is_wanted = given.comparison("relation", "num_sentences")
    return lambda answer: is_wanted(len(tools.sentences(answer)))


def capital_word_frequency(given: Arguments, tools: Tools) -> Check:
    """Return whether enough, or few enough, words are in capital letters only."""
    is_wanted = given.comparison("capital_relation", "capital_frequency")
    return lambda answer: is_wanted(capital_words(tools.sentences(answer)))


def english_capital(_given: Arguments, tools: Tools) -> Check:
    """Return whether the answer is English without any small letter."""
    return _english(tools, str.isupper)


def english_lowercase(_given: Arguments, tools: Tools) -> Check:
    """Return whether the answer is English without any capital letter."""
    return _english(tools, str.islower)


def response_language(given: Arguments, tools: Tools) -> Check:
    """Return whether the answer is in a language; one whose language nothing tells passes, as in the benchmark."""
    wanted = given.text("language")
    return lambda answer: tools.language(answer) in {wanted, None}


def _english(tools: Tools, is_of_case: Callable[[str], bool]) -> Check:
    return lambda answer: is_of_case(answer) and tools.language(answer) in {"en", None}


def _anywhere(keyword: str) -> re.Pattern[str]:
    return re.compile(re.escape(keyword), re.IGNORECASE)
