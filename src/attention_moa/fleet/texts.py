"""What simulated models write: plain sentences of a small vocabulary, and what a prompt of attention-moa asks for."""

from __future__ import annotations

import re
from random import Random

from attention_moa.fleet.tokens import BYTES_A_TOKEN
from attention_moa.stopping import verdict_line

FAULTYTEXT = "FAULTYTEXT"
"""Stands in every text that no prompt and no answer may hold: error messages, pages of HTML, halves of replies."""

_OPENINGS = (
    "In short,",
    "As a rule,",
    "In most cases,",
    "At first sight,",
    "Put simply,",
    "By contrast,",
    "In practice,",
)
_OWNERS = ("the", "each", "one", "another", "every", "the other", "the same")
_QUALITIES = ("quiet", "narrow", "recent", "common", "careful", "distant", "early", "broad", "precise", "gentle")
_THINGS = (
    "measure", "river", "window", "letter", "market", "garden", "signal", "answer", "harbour", "engine", "lesson",
    "shadow", "margin", "season", "pattern", "bridge",
)  # fmt: skip
_ACTIONS = ("follows", "explains", "limits", "supports", "outlasts", "replaces", "reflects", "precedes", "completes")
_ENDINGS = (
    "as a whole",
    "in the long run",
    "more than before",
    "with few exceptions",
    "for a good reason",
    "over time",
)
_WORD = "0word0"
_STOP_LINE = re.compile(
    "^" + re.escape(verdict_line(_WORD, is_stop=True)).replace(_WORD, r"([0-9a-z]+)") + "$", re.MULTILINE
)
_CHOICE_LINE = re.compile(r"^CHOICE ([0-9a-f]{12})((?: #)+)(| STOP| CONTINUE)$", re.MULTILINE)
_NUMBERED = re.compile(r"^(?:Reply|Answer) ([0-9]{1,3})\b", re.MULTILINE)
_SECTION = re.compile(r"^<([\w-]+)>\n\([^\n]*\)\n</\1>$", re.MULTILINE)


def write_reply(words: Random, prompt: str, tokens: int, *, is_stop: bool) -> str:
    """Return a whole reply to a prompt.

    Args:
        words: Draws the words.
        prompt: The last turn, where attention-moa offers verdict lines and asks for sections.
        tokens: About how many tokens to write, all sections together.
        is_stop: Whether to take an offered stop line; else the line to go on is taken, where there is one.
    """
    if "VERDICT" in prompt and (offered := _STOP_LINE.findall(prompt)):
        if is_stop:
            return verdict_line(offered[-1], is_stop=True)
        line = verdict_line(offered[-1], is_stop=False)
        if line in prompt:
            return f"{line}\n{write_text(words, tokens)}"
    if "CHOICE" in prompt and (choice := _choice(words, prompt, is_stop=is_stop)) is not None:
        return choice
    if "</" in prompt and (sections := _SECTION.findall(prompt)):
        share = max(tokens // len(sections), 4)
        return "\n".join(f"<{tag}>\n{write_text(words, share)}\n</{tag}>" for tag in sections)
    return write_text(words, tokens)


def _choice(words: Random, prompt: str, *, is_stop: bool) -> str | None:
    """Return a line that chooses by lot among the numbered replies of a prompt; None where it asks for none."""
    offered, numbered = _CHOICE_LINE.findall(prompt), _NUMBERED.findall(prompt)
    if not offered or not numbered:
        return None
    nonce, marks, _ = offered[-1]  # what is quoted comes before
    endings = [ending for each, _, ending in offered if each == nonce]
    ending = next((ending for ending in endings if (ending == " STOP") == is_stop), endings[0])
    most = max(map(int, numbered))
    numbers = words.sample(range(1, most + 1), min(len(marks) // 2, most))
    return f"CHOICE {nonce} {' '.join(map(str, numbers))}{ending}"


def write_word(words: Random) -> str:
    """Return one word."""
    return words.choice(_THINGS)


def write_text(words: Random, tokens: int) -> str:
    """Return sentences of so many tokens, or one token less; the last one is cut short between two words."""
    most = tokens * BYTES_A_TOKEN
    text = _sentence(words)
    while len(text) < most:
        text += " " + _sentence(words)
    if len(text) == most:
        return text
    cut = text[: most - 1]
    if text[most - 1] not in " .," and (blank := cut.rfind(" ")) > 0:
        cut = cut[:blank]
    return cut.rstrip(" .,") + "."


def _sentence(words: Random) -> str:
    pick = words.choice
    text = (
        f"{pick(_OPENINGS)} {pick(_OWNERS)} {pick(_QUALITIES)} {pick(_THINGS)} {pick(_ACTIONS)}"
        f" {pick(_OWNERS)} {pick(_QUALITIES)} {pick(_THINGS)}"
    )
    return f"{text} {pick(_ENDINGS)}." if words.random() < 0.5 else f"{text}."
