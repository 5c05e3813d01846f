"""Whether a failed call is tried again, and after how many seconds: one decision, in one place."""

from __future__ import annotations

from attention_moa.config import CallPolicy
from attention_moa.errors import CallError, RateLimitError, ServerError


def next_wait_s(error: CallError, attempt: int, policy: CallPolicy, jitter: float) -> float | None:
    """Return the seconds to wait before the next attempt, or None to give up.

    Without a Retry-After: a random share of a wait that doubles with every attempt. With one: at least that long,
    plus a random share, so that many calls that were refused together do not come back together; one that is longer
    than the policy's longest wait ends the call.

    Args:
        error: Why the attempt failed.
        attempt: Which attempt failed, from 1.
        policy: Attempts and waits.
        jitter: A random number from 0 to 1.

    Source: ours ("full jitter"); RFC 9110, section 10.2.3 for Retry-After.
    """
    if not error.retryable or attempt >= policy.attempts:
        return None
    asked_s = error.retry_after_s if isinstance(error, (RateLimitError, ServerError)) else None
    if asked_s is None:
        return jitter * min(policy.retry_wait_max_s, policy.retry_wait_s * 2.0 ** min(attempt - 1, 60))
    if asked_s > policy.retry_wait_max_s:
        return None
    return max(asked_s, 0.0) + jitter * policy.retry_wait_s
