"""A plan beside what its run took."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from attention_moa.config import StopRule
from attention_moa.messages import Usage
from attention_moa.plan import Plan, plan
from attention_moa.plan_account import AccountRow, PlanAccount, plan_account, stored_plan
from attention_moa.records import CallRecord, RunRecord, RunState
from tests.journals import a_call, a_head, a_record
from tests.worlds import QUESTION, World, a_spec, stop


def planned(world: World) -> Plan:
    """Return the plan of a world's run."""
    return plan(world.spec, QUESTION, world.desk.templates, experience={}, price_of=lambda _: None)


def row(account: PlanAccount, what: str) -> AccountRow:
    """Return the row of a quantity."""
    (found,) = (row for row in account.rows if row.what == what)
    return found


def of_calls(*calls: CallRecord) -> PlanAccount:
    """Return the account of a run of one agent and one layer that made these calls."""
    world = World(a_spec(1, layers=1))
    return plan_account(planned(world), a_record(a_head(), *calls))


def test_a_whole_run_is_held_against_the_whole_plan() -> None:
    """Calls are as planned, tokens far below the bound."""
    world = World(a_spec(2))
    account = plan_account(planned(world), world.run())
    assert (account.layers, account.planned_layers, account.written_is) == (2, 2, "assumed")
    assert row(account, "calls") == AccountRow("calls", "calls", 19, 19)
    assert row(account, "calls").off == 0
    written = row(account, "written tokens")
    assert written.actual == 19 * 5
    assert written.off == pytest.approx(95 / (19 * 4096) - 1)


def test_a_run_that_stopped_is_held_against_the_layers_that_ran() -> None:
    """What it spared was no error of the plan."""
    world = World(a_spec(2, layers=3), {"residual": stop})
    account = plan_account(planned(world), world.run())
    assert (account.layers, account.planned_layers) == (2, 3)
    assert row(account, "calls").off == 0


def test_a_stop_by_likeness_spares_the_residual_call() -> None:
    """So does its plan."""
    world = World(
        a_spec(2, layers=3, early_stop=StopRule(rule="similarity", threshold=0.0)), {"summary": "always the same"}
    )
    account = plan_account(planned(world), world.run())
    assert account.layers == 2
    assert row(account, "calls") == AccountRow("calls", "calls", 18, 18)
    assert account.missing_calls == 0


def test_a_run_without_calls_took_nothing() -> None:
    """It failed before the first one."""
    account = of_calls()
    assert (account.layers, row(account, "calls").off) == (1, -1.0)
    assert row(account, "written tokens").actual is None


def test_calls_that_were_never_sent_are_missing_and_no_saving() -> None:
    """Those that another run's journal answered are not."""
    world = World(a_spec(2, layers=1))
    record = world.run()
    assert plan_account(planned(world), record).missing_calls == 0
    unsent = [msgspec.structs.replace(call, attempts=(), state="lost") for call in record.calls[:2]]
    taken = msgspec.structs.replace(record.calls[2], attempts=(), replayed_from="another")
    part = msgspec.structs.replace(record, calls=(*unsent, taken, *record.calls[4:]))
    account = plan_account(planned(world), part)
    assert row(account, "calls") == AccountRow("calls", "calls", 9, 6)
    assert account.missing_calls == 3


@pytest.mark.parametrize(("rule", "missing"), [("verdict", 10), ("similarity", 9)])
def test_a_residual_that_a_plan_has_is_missing_where_it_was_not_asked(
    rule: Literal["verdict", "similarity"], missing: int
) -> None:
    """As where a deadline ended the run before it; a stop by likeness would have spared it."""
    world = World(a_spec(2, layers=3, early_stop=StopRule(rule=rule)))
    record = world.run()
    first = [call for call in record.calls if call.layer == 1 or call.call_id == "2.answer.a"]
    account = plan_account(planned(world), msgspec.structs.replace(record, calls=(*first,)))
    assert account.missing_calls == missing - 1
    assert row(account, "calls").planned == 9 + missing


def test_what_the_endpoints_did_not_say_is_unknown() -> None:
    """Of no call: unknown; of some: a lower bound, which says nothing of the plan."""
    told, untold = a_call(), a_call("1.refine.a")
    untold = msgspec.structs.replace(
        untold, attempts=(msgspec.structs.replace(untold.attempts[0], usage=Usage(), cost_usd=0.5),)
    )
    assert row(of_calls(untold), "written tokens").actual is None
    some = row(of_calls(told, untold), "written tokens")
    assert (some.actual, some.is_least, some.off) == (5, True, None)
    money = row(of_calls(told, untold), "US dollars")
    assert (money.planned, money.actual, money.is_least) == (None, 0.5, True)


def test_nothing_planned_and_nothing_taken_is_no_difference() -> None:
    """But something where nothing was planned cannot be said in per cent."""
    assert AccountRow("of them cached", "tokens", 0, 0).off == 0
    assert AccountRow("of them cached", "tokens", 0, 5).off is None
    assert AccountRow("seconds", "seconds", None, 5).off is None


def test_only_a_plan_is_read_as_one() -> None:
    """A run of an older version has none, one of a newer may have another form."""
    kept = planned(World(a_spec(1)))
    assert stored_plan(msgspec.json.decode(msgspec.json.encode(kept))) == kept
    assert stored_plan(None) is None
    assert stored_plan({"calls": 3}) is None


@pytest.mark.parametrize("state", ["running", "cancelled", "failed"])
def test_a_run_that_did_not_finish_is_held_against_all_layers_without_a_difference(state: RunState) -> None:
    """What it took is a part of what it will; of one that is not heard of, it is a lower bound."""
    world = World(a_spec(2, layers=3))
    whole: RunRecord = world.run()
    part = msgspec.structs.replace(whole, calls=whole.calls[:3], state=state, layers=())
    account = plan_account(planned(world), part)
    assert (account.layers, account.planned_layers, account.has_finished) == (3, 3, False)
    assert row(account, "calls") == AccountRow("calls", "calls", 29, 3, is_least=state == "running")
    assert row(account, "critical path s").is_least == (state == "running")
    assert account.missing_calls == 26
