"""Cells of tokens and money: what is known, what more is to come, what nobody told."""

from __future__ import annotations

import pytest

from attention_moa.records import UsageTotal
from attention_moa.sums import has_lower_bound, told_tokens, told_usd


@pytest.mark.parametrize(
    ("usage", "shown"),
    [
        (UsageTotal(), "0"),
        (UsageTotal(calls=2, input_tokens=1200), "1,200"),
        (UsageTotal(calls=2, unknown_calls=1, input_tokens=1200), "1,200+"),
        (UsageTotal(calls=2, unknown_calls=1), "?"),
        (UsageTotal(calls=1, unknown_calls=1, input_tokens=7), "7+"),
        (UsageTotal(calls=2, unknown_calls=2), "?"),
    ],
)
def test_tokens_are_told_as_far_as_they_are_known(usage: UsageTotal, shown: str) -> None:
    """A plus for a part, a question mark where there is not even one."""
    assert told_tokens(usage, usage.input_tokens) == shown


def test_no_cached_tokens_among_known_ones_are_none_or_more() -> None:
    """What endpoints told of their caches is not lost for one attempt that did not tell."""
    usage = UsageTotal(calls=2, unknown_calls=1, input_tokens=7)
    assert told_tokens(usage, usage.cached_tokens) == "0+"


def test_several_counts_are_one_number() -> None:
    """As a list of runs shows them."""
    assert told_tokens(UsageTotal(calls=1, input_tokens=7, output_tokens=5), 7, 5) == "12"


@pytest.mark.parametrize(
    ("usage", "shown"),
    [
        (UsageTotal(calls=2, cost_usd=0.25), "0.2500"),
        (UsageTotal(calls=2, cost_usd=0.0), "0"),
        (UsageTotal(calls=2, cost_usd=1e-6), "0.000001"),
        (UsageTotal(calls=2, unpriced_calls=1, cost_usd=0.25), "0.2500+"),
        (UsageTotal(calls=2, unpriced_calls=1), "?"),
        (UsageTotal(calls=2, unpriced_calls=2), "?"),
    ],
)
def test_money_is_told_as_far_as_it_is_known(usage: UsageTotal, shown: str) -> None:
    """By the same rule."""
    assert told_usd(usage) == shown


def test_a_prompt_whose_reply_was_not_counted_is_a_lower_bound() -> None:
    """Half of what an endpoint could tell is more than nothing."""
    assert has_lower_bound(UsageTotal(calls=1, unknown_calls=1, input_tokens=7))
    assert not has_lower_bound(UsageTotal(calls=2, unknown_calls=1))
    assert not has_lower_bound(UsageTotal(calls=1, unknown_calls=1))
