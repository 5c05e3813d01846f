"""Money that is known whole, in part or not at all."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from attention_moa.bench.sums import Money, is_cut_off, money_of, run_money, sum_of
from attention_moa.journaling import CUT_OFF
from attention_moa.records import UsageTotal
from tests.worlds import World, a_spec


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        ([], Money(0.0)),
        ([Money(1.0), Money(2.0)], Money(3.0)),
        ([Money(1.0), Money(None)], Money(1.0, is_lower_bound=True)),
        ([Money(1.0), Money(2.0, is_lower_bound=True)], Money(3.0, is_lower_bound=True)),
        ([Money(0.0), Money(None)], Money(None, is_lower_bound=True)),
    ],
)
def test_a_sum_is_of_what_is_known(parts: list[Money], total: Money) -> None:
    """Whatever more belongs to it makes it a lower bound; only where nothing is known there is no number."""
    assert sum_of(parts) == total


def test_nothing_known_is_no_number() -> None:
    """Nothing paid is one."""
    assert money_of(0.0, is_lower_bound=True) == Money(None, is_lower_bound=True)
    assert money_of(0.0, is_lower_bound=False) == Money(0.0)


def test_a_run_that_was_cut_off_cost_at_least_what_is_known() -> None:
    """Where all of that cost nothing, what was lost did not either."""
    whole = replace(World(a_spec(2)).run(), usage=UsageTotal(calls=2, cost_usd=0.5))
    cut_off = replace(whole, notes=(*whole.notes, CUT_OFF))
    assert (is_cut_off(whole), is_cut_off(cut_off)) == (False, True)
    assert (run_money(whole), run_money(cut_off)) == (Money(0.5), Money(0.5, is_lower_bound=True))
    assert run_money(replace(cut_off, usage=UsageTotal(calls=2))) == Money(0.0)
    assert run_money(replace(whole, usage=UsageTotal(calls=2, unpriced_calls=2))) == Money(None, is_lower_bound=True)
