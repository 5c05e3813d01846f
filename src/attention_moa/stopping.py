"""Why a run ends: the verdict of the residual agent, or outputs that hardly differ any more.

A verdict counts only at the head of the residual agent's reply and only with the nonce that its prompt alone
holds. So no answer, critique, user text or document can stop a run, or keep one going: whatever they write, they do not
know the nonce.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_NO_LINE = re.compile(r"\s*(?:`{3,}\w*)?\s*")
_WORDS = {"STOP": True, "CONTINUE": False}


class ParsedVerdict(NamedTuple):
    """What a residual reply says: ``is_stop`` is None without a verdict; ``text`` is the reply without its lines."""

    is_stop: bool | None
    text: str


def verdict_line(nonce: str, *, is_stop: bool) -> str:
    """Return the line that a residual agent has to open its reply with."""
    return f"VERDICT {nonce} {'STOP' if is_stop else 'CONTINUE'}"


def parse_verdict(text: str, nonce: str) -> ParsedVerdict:
    """Return the verdict at the head of a residual reply, and the reply without its verdict lines.

    The verdict is the first line that is neither blank nor the mark of a code block. It may be dressed (bold, a
    heading, a quote, a full stop, letter case) and go on behind its three words, since models do that; the words may
    not differ. Anything else is no verdict: the run goes on.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.

    Returns:
        The verdict, None where there is none, and the text that remains.

    Source: ours; the paper matches a phrase anywhere in the text.
    """
    pattern = _line_pattern(nonce)
    lines = text.strip().split("\n")
    head = next((place for place, line in enumerate(lines) if not _NO_LINE.fullmatch(line)), 0)
    found = pattern.match(lines[head].strip())
    if found is None:
        return ParsedVerdict(None, text.strip())
    rest = [line for line in lines[head + 1 :] if not pattern.match(line.strip())]
    if head and rest and _NO_LINE.fullmatch(rest[0]):
        del rest[0]
    behind = lines[head].strip()[found.end() :]
    return ParsedVerdict(_WORDS[found[1].upper()], "\n".join((behind, *rest)).strip())


def is_garbled(text: str, nonce: str) -> bool:
    """Return whether a reply holds the nonce but no verdict at its head.

    Its writer meant to decide; what it meant is not known, and a text with protocol in it is no answer.

    Args:
        text: The reply, thinking taken out.
        nonce: The secret word of this prompt.
    """
    return nonce.lower() in text.lower() and parse_verdict(text, nonce).is_stop is None


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
    return by_agreement(texts)[0]


def by_agreement(texts: Sequence[str]) -> list[int]:
    """Return the places of texts, that which is most like all the others first; equals in their order.

    Args:
        texts: Any number.

    Source: ours.
    """
    scores = [sum(similarity(text, other) for other in texts) for text in texts]
    return sorted(range(len(texts)), key=lambda place: -scores[place])


def most_diverse(texts: Sequence[str], count: int) -> list[int]:
    """Return the places of texts that are as little alike as greedy choice finds them, in the order of the choice.

    The first is the text with the most agreement; each further one is that which is least like the most similar of
    those chosen so far.

    Args:
        texts: At least one.
        count: How many; all of them where there are not so many.

    Source: after RMoA (arXiv 2505.24442), which compares embeddings; words in order, and the first text, are ours.
    """
    chosen = by_agreement(texts)[:1]
    nearest = [similarity(text, texts[chosen[0]]) for text in texts]
    while len(chosen) < min(count, len(texts)):
        least = min((place for place in range(len(texts)) if place not in chosen), key=nearest.__getitem__)
        chosen.append(least)
        nearest = [max(near, similarity(text, texts[least])) for near, text in zip(nearest, texts, strict=True)]
    return chosen


def _line_pattern(nonce: str) -> re.Pattern[str]:
    return re.compile(
        rf"[\W_]*VERDICT[\W_]+{re.escape(nonce)}[\W_]+(STOP|CONTINUE)(?![A-Za-z0-9])[\W_]*", re.IGNORECASE
    )
