"""What is left of a key's budgets, and what a run counts with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from attention_moa.records import UsageTotal
from attention_moa.server.errors import ApiError
from attention_moa.server.keys import Key, KeyRules
from attention_moa.server.money_left import Sums, counted_usd, require_left
from tests.journals import a_head, a_record

EVENING = datetime(2026, 3, 1, 23, 0, 30, tzinfo=UTC)


def refusal(rules: KeyRules, sums: Sums, usd: float) -> ApiError:
    """Return what a run is refused with."""
    key = Key(name="alice", hint="", created_at="", rules=rules)
    with pytest.raises(ApiError) as refused:
        require_left(key, sums, usd, EVENING)
    error = refused.value
    assert (error.status, error.type, error.code) == (429, "insufficient_quota", "budget_exceeded")
    return error


@pytest.mark.parametrize(
    ("rules", "sums"),
    [
        (KeyRules(), Sums(1e9, 1e9, 1e9, 1e9)),
        (KeyRules(usd=10), Sums(today=0, in_all=8, held=1)),
        (KeyRules(usd_per_day=10), Sums(today=8, in_all=1e6, held_today=1, held=1e6)),
    ],
)
def test_a_run_that_fits_may_begin(rules: KeyRules, sums: Sums) -> None:
    """To the last cent; what other days spent and hold is no matter of this day."""
    require_left(Key(name="alice", hint="", created_at="", rules=rules), sums, 1.0, EVENING)


def test_a_day_that_is_used_up_ends_at_midnight() -> None:
    """In UTC, and the client is told in seconds."""
    error = refusal(KeyRules(usd_per_day=5), Sums(today=4.5), 1)
    assert error.headers["retry-after"] == str(59 * 60 + 30)
    assert error.headers["x-should-retry"] == "false", "a client would come back within a minute"
    assert "$0.5000 left of $5 a day (UTC)" in error.message
    assert "wait for midnight" in error.message


def test_a_budget_in_all_that_is_used_up_never_comes_back() -> None:
    """No wait is told, since none would help."""
    error = refusal(KeyRules(usd=5, usd_per_day=5), Sums(in_all=4.5), 1)
    assert "retry-after" not in error.headers
    assert "$5 in all" in error.message


def test_a_run_that_is_larger_than_a_whole_day_is_not_told_to_wait() -> None:
    """It is told to be smaller."""
    error = refusal(KeyRules(usd_per_day=5), Sums(), 6)
    assert error.retry_after_s is None
    assert "attention_moa.layers" in error.message
    assert "midnight" not in error.message


@pytest.mark.parametrize(
    ("may_set", "means"),
    [
        (None, "attention_moa.layers or attention_moa.usd"),
        (("layers", "fresh"), "attention_moa.layers"),
        (("usd",), "attention_moa.usd"),
        ((), "a shorter question, fewer tokens for the answer, or another model"),
    ],
)
def test_only_what_the_key_may_set_is_told_as_a_mend(may_set: tuple[str, ...] | None, means: str) -> None:
    """Any other would be refused next."""
    error = refusal(KeyRules(usd=5, may_set=may_set), Sums(), 6)
    assert error.message.endswith(f": ask for less with {means}")


def test_what_runs_under_way_hold_may_come_back_soon() -> None:
    """They held the most that they may cost; so a client may come back by itself."""
    error = refusal(KeyRules(usd_per_day=5), Sums(today=1, held_today=3.5, held=3.5), 1)
    assert error.retry_after_s is not None
    assert error.retry_after_s < 60
    assert "x-should-retry" not in error.headers
    assert "runs under way have ended" in error.message


def test_a_run_counts_with_what_it_cost() -> None:
    """However much was held for it."""
    record = a_record(a_head(), usage=UsageTotal(calls=3, cost_usd=0.25))
    assert counted_usd(record, held_usd=1, call_usd=0.1) == 0.25


def test_calls_of_unknown_cost_count_with_what_the_plan_expected_of_a_call() -> None:
    """Nothing is taken for free because nobody told its price."""
    record = a_record(a_head(), state="cancelled", usage=UsageTotal(calls=3, cost_usd=0.25, unpriced_calls=2))
    assert counted_usd(record, held_usd=1, call_usd=0.1) == pytest.approx(0.45)


@pytest.mark.parametrize(("cost_usd", "counted"), [(0.25, 1.0), (1.5, 1.5)])
def test_a_run_whose_process_died_counts_with_all_that_was_held(cost_usd: float, counted: float) -> None:
    """What was under way then is not known; what is known counts at the least."""
    record = a_record(a_head(), state="running", usage=UsageTotal(cost_usd=cost_usd))
    assert counted_usd(record, held_usd=1, call_usd=0.1) == counted
