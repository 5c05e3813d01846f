"""What simulated models write where a prompt asks for a judgement: the form that is asked for, and a verdict by lot."""

from __future__ import annotations

import re
from random import Random

from attention_moa.fleet.texts import write_text

_RATING = b"[[rating]]"
_LETTERS = b": m or M."
_RUBRIC = re.compile(r"^([A-Z][A-Za-z ]+): .*\nScore 1: ", re.MULTILINE)
_DICTIONARY = b"Python dictionary"
_OFFER = re.compile(r"^PREFER [0-9a-f]{12} [A-Z]+$", re.MULTILINE)
_EXPLAINED_TOKENS = 40


def write_judgement(words: Random, prompt: bytes, tokens: int) -> str | None:
    """Return a judgement in the form that a prompt asks for; None where it asks for none.

    Args:
        words: Draws the verdict and the words before it.
        prompt: The whole prompt.
        tokens: About how many tokens to write before the verdict; a judge is brief.
    """
    before = min(tokens, _EXPLAINED_TOKENS)
    if _RATING in prompt:
        return f"{write_text(words, before)} Rating: [[{words.randint(1, 10)}]]"
    if _LETTERS in prompt:
        return words.choice("mM")
    if _DICTIONARY in prompt and (skills := _RUBRIC.findall(prompt.decode())):
        scores = ", ".join(f"'{skill}': {words.randint(1, 5)}" for skill in skills)
        return f"{write_text(words, before)}\n{{{scores}}}"
    if b"PREFER" in prompt and (lines := _OFFER.findall(prompt.decode())):
        return f"{write_text(words, before)}\n{words.choice(lines)}"
    return None
