"""What frameworks keep of a run."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.frameworks.told import told
from attention_moa.journaling import CUT_OFF
from tests.worlds import World, a_spec


def test_money_that_nobody_knows_is_none() -> None:
    """None of these models has a price."""
    found = told(World(a_spec(2, layers=1)).run())
    assert (found["cost_usd"], found["cost_is_lower_bound"]) == (None, True)


def test_what_a_run_cost_that_was_cut_off_is_a_lower_bound() -> None:
    """Calls under way then may have been billed."""
    record = World(a_spec(2, layers=1)).run()
    record = replace(record, notes=(CUT_OFF,), usage=replace(record.usage, cost_usd=0.5, unpriced_calls=0))
    found = told(record)
    assert (found["cost_usd"], found["cost_is_lower_bound"]) == (0.5, True)
