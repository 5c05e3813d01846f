"""Texts that are made to take long, and what is done with them: it is to take as much longer as they are longer.

The tests count the steps of each (``counting.py``); ``benchmarks/growth.py`` has a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from attention_moa.bench.ifeval.sentences import split_sentences
from attention_moa.changes import changes
from attention_moa.stopping import PastStop, verdict_line
from attention_moa.sure_text import SureText
from attention_moa.ui.markdown import to_html
from attention_moa.words import sentences, tokens
from tests.ifeval_world import MODEL

Work: TypeAlias = Callable[[int], Callable[[], object]]
"""Makes a text of about so many characters; what it returns does the work."""

TAGS = ("text-9a8b7c6d", "text-01234567")
NONCE = "abcdef012345"
GO_ON = verdict_line(NONCE, is_stop=False)


def _repeated(do: Callable[[str], object], unit: str, head: str = "", tail: str = "") -> Work:
    def make(characters: int) -> Callable[[], object]:
        text = head + unit * (characters // len(unit)) + tail
        return lambda: do(text)

    return make


def _heard(text: str) -> None:
    """Take a reply as it comes, in pieces of a few characters."""
    sure = SureText(tags=TAGS, nonce=NONCE, stops=("END",), is_unopened=True)
    watch = PastStop(NONCE)
    for at in range(0, len(text), 4):
        watch(text[at : at + 4])
        sure.feed(text[at : at + 4])


def _changed(one: str, other: str) -> Work:
    def make(characters: int) -> Callable[[], object]:
        before, after = one * (characters // len(one)), other * (characters // len(other))
        return lambda: changes(before, after)

    return make


PAGE: Mapping[str, Work] = {
    repr(unit): _repeated(to_html, unit)
    for unit in (
        *("`", "*a_ ", "[", "![", "[a](", "a**b", "> ", "- a\n", "\n\n1", "<", "&", "$x", "\\(", "|a", "```\n"),
        *("[a]: b\n", "$$\n", "\u200ba", "a\n", "|a|\n|-|\n|x|y|\n", "|a|\n|-|\n# x\n", "|a|\n|-|\n|x|\n\n"),
    )
}
"""Markdown, as the page shows it."""

WORDS: Mapping[str, Work] = {
    repr(unit): _repeated(lambda text: (tokens(text), sentences(text)), unit)
    for unit in (".", " ", "a", "'", "a'", "1.", "\n", "#@", '."', "。", "  1", "\u0301", "\n1. ")
}
"""The words and the sentences of a text."""

SENTENCES: Mapping[str, Work] = {
    repr(unit): _repeated(lambda text: split_sentences(text, MODEL), unit) for unit in ("?", "a? ", "a.", "a. ", " ")
}
"""The sentences of a text as a benchmark's checks count them."""


def _hardly_changed(characters: int) -> Callable[[], object]:
    sentence = "Sentence {number} of many is as long as this one here. "
    before = "".join(sentence.format(number=number) for number in range(characters // len(sentence)))
    return lambda: changes(before, before.replace("Sentence 20 of", "Sentence 20 among"))


CHANGES: Mapping[str, Work] = {
    "one word of many sentences": _hardly_changed,
    **{
        f"{one!r} to {other!r}": _changed(one, other)
        for one, other in (("a. ", "b. "), ("a\n", "a\nb\n"), ("a b ", "b a "), ("#@", "@#"), ("x y. ", "y x. "))
    },
}
"""What changed from one text to another."""

REPLIES: Mapping[str, Work] = {
    "words": _repeated(_heard, "word "),
    "blanks": _repeated(_heard, " ", "a", "b"),
    "a line of dashes": _repeated(_heard, "-", f"{GO_ON}\n"),
    "thinking": _repeated(_heard, "hm ", "<think>", "</think>done"),
    "unopened thinking": _repeated(_heard, "hm ", "", "\n</think>\ndone"),
    "half marks": _repeated(_heard, "<text-9a8b"),
    "half stops": _repeated(_heard, "EN"),
    "half thoughts": _repeated(_heard, "</thin", "<think>"),
    "a name": _repeated(_heard, "9", "<text-", ">"),
    "verdicts": _repeated(_heard, f"{GO_ON}\n"),
}
"""What is told of an answer while it is written."""
