"""What a judge of MT-Bench says: a rating in brackets, or nothing that can be used."""

from __future__ import annotations

import re

LOWEST, HIGHEST = 1, 10
"""The ends of the scale."""

_NUMBER = r"([0-9]+(?:\.[0-9]*)?)"
_DOUBLE = re.compile(rf"\[\[{_NUMBER}\]\]")
_SINGLE = re.compile(rf"\[{_NUMBER}\]")


def parse_rating(reply: str) -> float | None:
    """Return the rating in a judge's reply: the first ``[[number]]``, else the first ``[number]``.

    Args:
        reply: All that the judge wrote.

    Returns:
        1 to 10; None where there is no such number, or one outside the scale (an index in a piece of code, say).

    Source: MT-Bench's single-answer grading (FastChat, ``llm_judge``); that the scale is held is ours.
    """
    found = _DOUBLE.search(reply) or _SINGLE.search(reply)
    rating = float(found[1]) if found else 0.0
    return rating if is_rating(rating) else None


def is_rating(number: float) -> bool:
    """Return whether a number is on the scale."""
    return LOWEST <= number <= HIGHEST
