"""All that is left to chance, drawn from the fleet's seed, the request's bytes and how often that request came.

So a run can be repeated, and a request that is sent again is drawn anew.
"""

from __future__ import annotations

import hashlib
from math import exp
from random import Random
from typing import NamedTuple

from attention_moa.fleet.spec import FAULTS, Fault, FaultSpec, FleetSpec, ModelSpec


class Draw(NamedTuple):
    """What chance decides about one reply.

    Args:
        fault: What goes wrong; None for nothing.
        depth: Where in the reply it goes wrong, a share from 0 to 1.
        first_token_s: Simulated seconds to the first token, prefill apart.
        pace: How many times longer than usual prefill and decoding take.
        output_tokens: Tokens that the reply would have without ``max_tokens``, 1 or more.
        reasoning_tokens: Tokens of thinking before it, 0 or more.
        is_stop: Whether an offered stop line is taken.
        chance: Draws the words; the same for a request that comes again where the fleet says ``equal``.
    """

    fault: Fault | None
    depth: float
    first_token_s: float
    pace: float
    output_tokens: int
    reasoning_tokens: int
    is_stop: bool
    chance: Random


def draw(fleet: FleetSpec, model: ModelSpec, request: bytes, times: int) -> Draw:
    """Return what chance decides about a reply.

    Args:
        fleet: Seed, shares, and whether a request that comes again is told the same.
        model: Who replies.
        request: The digest of the request's bytes.
        times: How often this very request came before.
    """
    again = _chance(fleet.seed, request, times)
    words = _chance(fleet.seed, request, times if fleet.replies == "fresh" else 0, b"text")
    return Draw(
        fault=_fault(fleet.faults_of(model), again.random()),
        depth=again.random(),
        first_token_s=model.first_token_s * _factor(again, model.jitter),
        pace=_factor(again, model.jitter),
        output_tokens=max(1, round(model.output_tokens * _factor(words, model.output_spread))),
        reasoning_tokens=round(model.reasoning_tokens * _factor(words, model.output_spread)),
        is_stop=words.random() < fleet.stop_rate,
        chance=words,
    )


def _chance(seed: int, request: bytes, times: int, purpose: bytes = b"") -> Random:
    drawn = hashlib.sha256(b"%d %d %s " % (seed, times, purpose) + request).digest()
    return Random(drawn)  # noqa: S311 - it has to be repeatable, and it guards nothing


def _factor(chance: Random, sigma: float) -> float:
    """Return a lognormal factor with mean 1."""
    return exp(sigma * chance.gauss() - sigma * sigma / 2) if sigma else 1.0


def _fault(faults: FaultSpec, at: float) -> Fault | None:
    for fault in FAULTS:
        at -= faults.rate(fault)
        if at < 0:
            return fault
    return None
