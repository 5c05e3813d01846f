"""How often and how much at once a key may ask."""

from __future__ import annotations

import pytest

from attention_moa.server.errors import ApiError
from attention_moa.server.keys import Key, KeyRules
from attention_moa.server.rates import Rates


def a_key(name: str = "alice", *, rpm: int | None = None, concurrency: int | None = None) -> Key:
    """Return a key with limits."""
    return Key(name=name, hint="moa-abcd", created_at="", rules=KeyRules(rpm=rpm, concurrency=concurrency))


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def refusal(rates: Rates, key: Key) -> ApiError:
    """Return what a request is refused with."""
    with pytest.raises(ApiError) as refused:
        rates.ask(key)
    return refused.value


def test_a_key_may_ask_so_often_in_any_minute() -> None:
    """Then it is told when the first request is a minute old, and not before is there room for one more."""
    clock = Clock()
    rates, key = Rates(clock), a_key(rpm=2)
    rates.ask(key)
    clock.now_s += 10
    rates.ask(key)
    error = refusal(rates, key)
    assert (error.status, error.type, error.code) == (429, "rate_limit_error", "rate_limit_exceeded")
    assert error.headers["retry-after"] == "50"
    clock.now_s += 49.9
    assert refusal(rates, key).headers["retry-after"] == "1"
    clock.now_s += 0.1
    rates.ask(key)
    assert refusal(rates, key).headers["retry-after"] == "10"


def test_a_request_that_began_no_run_is_taken_back() -> None:
    """Once, and none but it; that of a key without a rate was not counted."""
    clock = Clock()
    rates, key = Rates(clock), a_key(rpm=2)
    rates.ask(key)
    clock.now_s += 10
    later = rates.ask(key)
    for _again in range(2):
        rates.take_back(key, later)
    rates.ask(key)
    assert refusal(rates, key).headers["retry-after"] == "50"
    rates.take_back(a_key("bob"), rates.ask(a_key("bob")))


def test_a_key_whose_rate_was_lowered_waits_until_it_is_below() -> None:
    """What it asked before counts."""
    clock = Clock()
    rates = Rates(clock)
    for _ in range(3):
        rates.ask(a_key(rpm=10))
        clock.now_s += 1
    assert refusal(rates, a_key(rpm=1)).retry_after_s == 59


def test_keys_do_not_count_for_each_other_and_one_without_a_rate_is_not_counted() -> None:
    """Each has its own minute."""
    rates = Rates(Clock())
    rates.ask(a_key("alice", rpm=1))
    rates.ask(a_key("bob", rpm=1))
    for _ in range(1000):
        rates.ask(a_key("carol"))


def test_a_key_may_have_so_many_runs_at_once() -> None:
    """One that has ended makes room for another."""
    rates, key = Rates(Clock()), a_key(concurrency=2)
    rates.begin(key)
    rates.begin(key)
    rates.begin(a_key("bob", concurrency=1))
    with pytest.raises(ApiError) as refused:
        rates.begin(key)
    assert (refused.value.status, refused.value.code) == (429, "concurrency_exceeded")
    assert int(refused.value.headers["retry-after"]) > 0
    rates.end(key)
    rates.begin(key)


def test_runs_of_a_key_without_a_limit_count_once_it_gets_one() -> None:
    """Rules may change while runs are under way."""
    rates = Rates(Clock())
    rates.begin(a_key())
    with pytest.raises(ApiError):
        rates.begin(a_key(concurrency=1))
    rates.end(a_key())
    rates.begin(a_key(concurrency=1))
