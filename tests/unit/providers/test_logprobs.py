"""Log-probabilities as endpoints tell them: numbers that JSON can hold, or nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest

from attention_moa.messages import LEAST_LOGPROB, TokenChances
from attention_moa.providers.logprobs import read_logprobs


@pytest.mark.parametrize(
    "told",
    [
        None,
        "m",
        5,
        {},
        [{"logprob": -1.0}],
        [{"token": 5, "logprob": -1.0}],
        [{"token": "m", "logprob": "low"}],
        [None],
    ],
)
def test_what_has_another_form_is_nothing(told: Any) -> None:
    """An endpoint that makes it up cannot break a reply."""
    assert read_logprobs(told) == ()


@pytest.mark.parametrize(
    ("told", "kept"),
    [(-1.5, -1.5), (0, 0.0), (1e-7, 0.0), (-math.inf, LEAST_LOGPROB), (math.nan, LEAST_LOGPROB), (None, LEAST_LOGPROB)],
)
def test_every_number_can_be_stored(told: float | None, kept: float) -> None:
    """JSON knows no infinity, and a probability above 1 is rounding."""
    places = [{"token": "m", "logprob": told, "bytes": None, "top_logprobs": [{"token": "M", "logprob": told}]}]
    assert read_logprobs(places) == (TokenChances("m", kept, (("M", kept),)),)


def test_no_alternatives_are_none() -> None:
    """Where none were asked for, an endpoint leaves them out or sends null."""
    places = [{"token": "m", "logprob": -1.0}, {"token": "m", "logprob": -1.0, "top_logprobs": None}]
    assert read_logprobs(places) == (TokenChances("m", -1.0),) * 2
