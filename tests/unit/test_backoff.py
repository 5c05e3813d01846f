"""Whether a call is tried again, and when."""

from __future__ import annotations

import pytest

from attention_moa.backoff import next_wait_s
from attention_moa.config import CallPolicy
from attention_moa.errors import AuthError, CallError, RateLimitError, ServerError, TransportError

POLICY = CallPolicy(attempts=10, retry_wait_s=1.0, retry_wait_max_s=60.0)


@pytest.mark.parametrize(("attempt", "wait_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (9, 60.0)])
def test_waits_double_up_to_the_longest(attempt: int, wait_s: float) -> None:
    """With full jitter: a random share of that."""
    assert next_wait_s(TransportError("x"), attempt, POLICY, 1.0) == wait_s
    assert next_wait_s(TransportError("x"), attempt, POLICY, 0.25) == wait_s / 4
    assert next_wait_s(TransportError("x"), attempt, POLICY, 0.0) == 0.0


def test_the_last_attempt_is_the_last() -> None:
    """The policy's attempts count the first one."""
    assert next_wait_s(TransportError("x"), 9, POLICY, 1.0) is not None
    assert next_wait_s(TransportError("x"), 10, POLICY, 1.0) is None


@pytest.mark.parametrize("error", [AuthError("no"), CallError("broken"), TransportError("x", retryable=False)])
def test_what_will_not_change_is_not_tried_again(error: CallError) -> None:
    """A wrong key stays wrong."""
    assert next_wait_s(error, 1, POLICY, 1.0) is None


@pytest.mark.parametrize("kind", [RateLimitError, ServerError])
def test_an_endpoint_is_left_alone_for_as_long_as_it_asks(kind: type[RateLimitError | ServerError]) -> None:
    """At least so long, and a random share more, so that many do not come back together."""
    assert next_wait_s(kind("busy", retry_after_s=7.0), 1, POLICY, 0.0) == 7.0
    assert next_wait_s(kind("busy", retry_after_s=7.0), 3, POLICY, 0.5) == 7.5


def test_a_wait_that_is_too_long_ends_the_call() -> None:
    """Better a loss now than a run that hangs."""
    assert next_wait_s(RateLimitError("busy", retry_after_s=60.0), 1, POLICY, 0.0) == 60.0
    assert next_wait_s(RateLimitError("busy", retry_after_s=60.1), 1, POLICY, 0.0) is None


def test_a_wait_in_the_past_is_none_at_all() -> None:
    """A clock that is off asks for less than nothing."""
    assert next_wait_s(RateLimitError("busy", retry_after_s=-5.0), 1, POLICY, 0.0) == 0.0


def test_very_many_attempts_wait_as_long_as_the_longest() -> None:
    """The doubling does not overflow."""
    assert next_wait_s(TransportError("x"), 5000, CallPolicy(attempts=9999), 1.0) == 60.0
