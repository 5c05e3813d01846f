"""How many tokens a text is, as far as that can be said without its model's tokenizer, and where to cut it. Pure."""

from __future__ import annotations

import math
from string import ascii_letters

_BYTES_A_TOKEN = 3
_ASCII = bytes(range(0x80))
_LETTERS_AND_FOREIGN = f"{ascii_letters} ".encode() + bytes(range(0x80, 0x100))
_LONG_WORD = 24
"""Characters that are given up so that a text ends with a whole word; a longer word, or one without spaces, is cut."""
MARGIN_TOKENS = 4 * _LONG_WORD
"""The most tokens that so many characters are, by the estimate."""


def count_tokens(text: str, *, has_small_vocabulary: bool = False) -> int:
    """Return an upper estimate of a text's tokens; ``prompts.estimate_tokens`` says what it was held against.

    Args:
        text: Any text.
        has_small_vocabulary: Whether letters beyond ASCII are a token a byte to the model, else a third of that.
    """
    single, shared = _bytes_of(text, has_small_vocabulary)
    return single + math.ceil(shared / _BYTES_A_TOKEN)


class TokenCount:
    """The same estimate, for a model with a small vocabulary, of a text that comes piece by piece."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._single = self._shared = 0

    def add(self, text: str) -> int:
        """Return the tokens of all so far, now that a text goes on so."""
        single, shared = _bytes_of(text, True)
        self._single += single
        self._shared += shared
        return self._single + math.ceil(self._shared / _BYTES_A_TOKEN)


def first_tokens(text: str, most: int) -> str:
    """Return the beginning of a text, whole words where it has any, that is ``most`` tokens or fewer to any model.

    With a higher limit it is the same text, or goes on from there. A text of ``MARGIN_TOKENS`` fewer, by the same
    estimate, stands in it whole, whatever comes behind it.

    Args:
        text: Any text.
        most: From 1; by the estimate, which is an upper one.
    """
    low, high = 0, min(len(text), most * _BYTES_A_TOKEN)
    while low < high:
        middle = (low + high + 1) // 2
        is_within = count_tokens(text[:middle], has_small_vocabulary=True) <= most
        low, high = (middle, high) if is_within else (low, middle - 1)
    if low == len(text):
        return text
    return (text[: _word_end(text, low)] or text[:1]).rstrip()


def within_tokens(text: str, most: int, *, whole: str, used: int) -> str:
    """Return the beginning of a text that is a number of tokens, by its endpoint's count; all of it where it is fewer.

    Args:
        text: What is cut.
        most: From 1.
        whole: What the endpoint counted: the text, and what else it wrote. The estimate says which share is the text's.
        used: How many tokens that was.
    """
    if used <= most:
        return text
    estimated = max(count_tokens(whole, has_small_vocabulary=True), used)  # an upper estimate cannot be lower
    return first_tokens(text, most * estimated // used)


def _bytes_of(text: str, has_small_vocabulary: bool) -> tuple[int, int]:
    """Return how many bytes of a text are a token each, and how many share one."""
    encoded = text.encode()  # bytes.translate counts 50 times faster than an expression: texts may have megabytes
    single = len(encoded.translate(None, _LETTERS_AND_FOREIGN))
    if has_small_vocabulary:
        single += len(encoded.translate(None, _ASCII))
    return single, len(encoded) - single


def _word_end(text: str, most: int) -> int:
    """Return the place of the last end of a word up to a place; that itself where no word ends near."""
    if text[most].isspace():
        return most
    nearest = range(most - 1, max(most - _LONG_WORD, 0) - 1, -1)
    return next((place for place in nearest if text[place].isspace()), most)
