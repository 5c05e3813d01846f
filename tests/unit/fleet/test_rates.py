"""Requests and tokens a minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attention_moa.fleet.rates import Bucket, RateExceededError, Rates, duration
from attention_moa.providers.rate_headers import rate_hint


def test_a_bucket_fills_evenly_up_to_a_minute_s_worth() -> None:
    """And not beyond."""
    bucket = Bucket(60)
    bucket.take(60, 0.0)
    assert bucket.left(0.0) == 0
    assert bucket.left(10.0) == pytest.approx(10)
    assert bucket.seconds_until(30, 10.0) == pytest.approx(20)
    assert bucket.left(1000.0) == 60
    assert bucket.seconds_until(30, 1000.0) == 0


def test_requests_beyond_the_limit_are_refused_with_the_time_to_wait() -> None:
    """A refusal takes nothing."""
    rates = Rates(2, None)
    rates.take(5, 0.0)
    rates.take(5, 0.0)
    for _ in range(3):
        with pytest.raises(RateExceededError, match="limit of 2 requests a minute") as caught:
            rates.take(5, 0.0)
        assert caught.value.wait_s == pytest.approx(30)
    rates.take(5, 30.0)


def test_a_request_larger_than_a_minute_s_tokens_passes_and_the_next_ones_wait_for_it() -> None:
    """Else it could never be sent."""
    rates = Rates(None, 100)
    rates.take(150, 0.0)
    with pytest.raises(RateExceededError, match="tokens") as caught:
        rates.take(1, 0.0)
    assert caught.value.wait_s == pytest.approx(30, rel=0.01)
    rates.take(1, 31.0)


def test_the_headers_say_what_is_left_in_the_client_s_own_time() -> None:
    """As OpenAI's API does; this package's own reader understands them."""
    rates = Rates(10, 1000)
    rates.take(400, 0.0)
    said = rates.headers(0.0, 0.5)
    assert said == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "3s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "600",
        "x-ratelimit-reset-tokens": "12s",
    }
    hint = rate_hint(said, datetime.now(UTC))
    assert hint is not None
    assert (hint.remaining_requests, hint.remaining_tokens, hint.reset_s) == (9, 600, 12.0)
    rates.take(900, 0.0)
    assert rates.headers(0.0, 1.0)["x-ratelimit-remaining-tokens"] == "0"


def test_without_limits_nothing_is_said() -> None:
    """Nor refused."""
    rates = Rates(None, None)
    rates.take(10**9, 0.0)
    assert rates.headers(0.0, 1.0) == {}


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0ms"), (0.02, "20ms"), (1.5, "1.5s"), (10.0, "10s"), (360.0, "6m0s"), (61.9, "1m1s")]
)
def test_durations_are_written_as_the_api_writes_them(seconds: float, text: str) -> None:
    """Milliseconds, seconds, minutes."""
    assert duration(seconds) == text
