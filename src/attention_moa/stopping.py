"""Why a run ends: the verdict of the residual agent, or outputs that hardly differ any more.

A verdict counts only on the first line of the residual agent's reply and only with the nonce that its prompt alone
holds. So no answer, critique, user text or document can stop a run, or keep one going: whatever they write, they do not
know the nonce.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORDS = {"STOP": True, "CONTINUE": False}


class ParsedVerdict(NamedTuple):
    """What a residual reply says: ``is_stop`` is None without a verdict line; ``text`` is the reply without it."""

    is_stop: bool | None
    text: str


def verdict_line(nonce: str, *, is_stop: bool) -> str:
    """Return the line that a residual agent has to open its reply with."""
    return f"VERDICT {nonce} {'STOP' if is_stop else 'CONTINUE'}"


def parse_verdict(text: str, nonce: str) -> ParsedVerdict:
    """Return the verdict on the first line of a residual reply, and the reply without its verdict lines.

    The line may be dressed (bold, a heading, a quote, a full stop, letter case), since models do that; its three words
    may not. Anything else is no verdict: the run goes on. Lines that repeat a valid verdict further down are taken out
    of the text but decide nothing.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.

    Returns:
        The verdict, None where there is none, and the text that remains.

    Source: ours; the paper matches a phrase anywhere in the text.
    """
    line = _line_pattern(nonce)
    lines = text.strip().splitlines()
    first = line.fullmatch(lines[0].strip()) if lines else None
    kept = [other for other in lines if not line.fullmatch(other.strip())]
    return ParsedVerdict(_WORDS[first[1].upper()] if first else None, "\n".join(kept).strip())


def is_past_stop(text: str, nonce: str, *, allowance: int = 200) -> bool:
    """Return whether a reply under way said stop and still writes on, so that its stream can be closed.

    Args:
        text: The reply so far.
        nonce: The secret word of this prompt.
        allowance: Characters after the verdict line that are let pass; a reply that ends by itself within them is left
            to end, since then its token counts arrive.
    """
    first, newline, rest = text.lstrip().partition("\n")
    if not newline or len(rest) <= allowance:
        return False
    return parse_verdict(first, nonce).is_stop is True


def similarity(one: str, other: str) -> float:
    """Return how much two texts share, word by word in order: 0 for nothing, 1 for equal.

    Twice the longest common subsequence of words over the sum of both lengths.

    Args:
        one: A text.
        other: Another text.

    Source: ours (the paper names no measure); the computation is rapidfuzz's normalised Indel similarity.
    """
    from rapidfuzz.distance import Indel  # compiled: not loaded before a run needs it

    return float(Indel.normalized_similarity(one.split(), other.split()))


def most_central(texts: list[str]) -> int:
    """Return the index of the text that is most like all the others; the first of equals.

    Where no agent is left to write a summary, this refinement stands in: the one with the most agreement.

    Args:
        texts: At least one.

    Source: ours.
    """
    scores = [sum(similarity(text, other) for other in texts) for text in texts]
    return scores.index(max(scores))


def _line_pattern(nonce: str) -> re.Pattern[str]:
    return re.compile(rf"[\W_]*VERDICT[\W_]+{re.escape(nonce)}[\W_]+(STOP|CONTINUE)[\W_]*", re.IGNORECASE)
