"""Log-probabilities as OpenAI's API tells them, and as llama.cpp does after it: read strictly, or not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from attention_moa.messages import LEAST_LOGPROB, TokenChances, whole_characters


class TopLogprob(Struct):
    """One of the likeliest tokens in a place; without a number it is next to impossible."""

    token: str
    logprob: float | None = None


class TokenLogprob(TopLogprob):
    """The token that was drawn in a place, and the likeliest ones there."""

    top_logprobs: tuple[TopLogprob, ...] | None = None


def token_chances(told: Iterable[TokenLogprob]) -> tuple[TokenChances, ...]:
    """Return what an endpoint told, place by place: every number one that JSON can hold, every token whole characters.

    Args:
        told: In the order of the reply.
    """
    return tuple(
        TokenChances(
            whole_characters(one.token),
            _number(one.logprob),
            tuple((whole_characters(top.token), _number(top.logprob)) for top in one.top_logprobs or ()),
        )
        for one in told
    )


def read_logprobs(told: object) -> tuple[TokenChances, ...]:
    """Return the same of what a library hands on; empty where there is nothing, or nothing of that form.

    Args:
        told: Lists and tables, as out of JSON; None for nothing.
    """
    try:
        return token_chances(msgspec.convert(told, tuple[TokenLogprob, ...]))
    except msgspec.ValidationError:
        return ()


def _number(logprob: float | None) -> float:
    """Return a number from the least one to 0: rounding may add a little, and no probability is above 1."""
    if logprob is None or math.isnan(logprob):
        return LEAST_LOGPROB
    return min(max(logprob, LEAST_LOGPROB), 0.0)
