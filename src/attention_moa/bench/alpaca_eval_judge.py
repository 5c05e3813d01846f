"""AlpacaEval's judge: which answer it reads first, and what its log-probabilities say. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

FIRST, SECOND = "m", "M"
"""What the judge calls the two answers, in the order in which it reads them."""


def is_model_first(instruction: str) -> bool:
    """Return whether the judge reads the model's answer before the baseline's.

    Args:
        instruction: The question's text, from which the order is drawn.

    Source: AlpacaEval 0.6.6, the annotators' random order; the same draw for everybody.
    """
    chance = random.Random(f"is_switched_outputs{instruction}0")  # noqa: S311 - the published draw
    return chance.choices([False, True], k=1)[0]


def preference_of(top_logprobs: Sequence[tuple[str, float]], *, is_model_first: bool) -> float:
    """Return which answer the judge prefers, weighted by its probabilities.

    Args:
        top_logprobs: The likeliest first tokens of its reply with their natural log-probabilities.
        is_model_first: Whether the model's answer came first.

    Returns:
        1 where the baseline's answer wins for sure, 2 where the model's does, anything between; NaN where the judge
        names neither.

    Source: AlpacaEval 0.6.6, ``weighted_alpaca_eval_gpt4_turbo``.
    """
    chances = {token: math.exp(logprob) for token, logprob in top_logprobs if token in (FIRST, SECOND)}
    both = sum(chances.values())
    if not both:
        return math.nan
    of_second = 2 - chances.get(FIRST, 0.0) / both
    return 3 - of_second if is_model_first else of_second
