"""How likely the tokens of a simulated reply are, in the form in which OpenAI's API tells it. Made up, and seeded."""

from __future__ import annotations

import math
from random import Random
from typing import Any, TypeAlias

from attention_moa.fleet.tokens import BYTES_A_TOKEN

Chances: TypeAlias = dict[str, Any]
"""One place of a reply: its token, the log-probability, the likeliest tokens there."""

_RIVALS = {"m": "M", "M": "m"}
"""What comes second where a judge names one of two answers."""
_OTHERS = tuple(f"{first}{second}" for first in " tasio" for second in "ehn")
_LEAST = 0.5


def token_chances(chance: Random, text: str, top: int) -> list[Chances]:
    """Return a place for each token of a text, the token in it the likeliest: every second one takes half of the rest.

    Args:
        chance: Draws how sure the model is of each.
        text: What was written; ASCII.
        top: How many of the likeliest tokens each place tells, 0 to 20.
    """
    tokens = (text[start : start + BYTES_A_TOKEN] for start in range(0, len(text), BYTES_A_TOKEN))
    return [_place(token, chance.uniform(_LEAST, 1), top) for token in tokens]


def taken(chances: list[Chances], piece: str) -> tuple[list[Chances], list[Chances]]:
    """Return the places of a text's first piece, and those that are left."""
    count = -(-len(piece) // BYTES_A_TOKEN)
    return chances[:count], chances[count:]


def _place(token: str, share: float, top: int) -> Chances:
    rivals = [other for other in (_RIVALS.get(token, " m"), *_OTHERS) if other != token]
    likeliest, left = [_told(token, share)], 1 - share
    for other in rivals[: max(top - 1, 0)]:
        left /= 2
        likeliest.append(_told(other, left))
    return _told(token, share) | {"top_logprobs": likeliest[:top]}


def _told(token: str, share: float) -> Chances:
    return {"token": token, "logprob": math.log(share) if share > 0 else -9999.0, "bytes": list(token.encode())}
