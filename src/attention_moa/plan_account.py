"""A run's plan beside what it really took. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from attention_moa.accounting import call_usage
from attention_moa.call_costs import Source
from attention_moa.critical_path import critical_path
from attention_moa.messages import Stage
from attention_moa.plan import Plan, PlanSum
from attention_moa.records import RunRecord, UsageTotal

Unit: TypeAlias = Literal["calls", "tokens", "usd", "seconds"]


class AccountRow(NamedTuple):
    """One quantity, planned and actual.

    Args:
        what: Of what, for a person.
        unit: Of both numbers.
        planned: None where the plan did not know it.
        actual: None where the endpoints did not say it of any call.
        is_least: Whether the endpoints did not say it of all calls, so that ``actual`` is a lower bound.
    """

    what: str
    unit: Unit
    planned: float | None
    actual: float | None
    is_least: bool = False

    @property
    def off(self) -> float | None:
        """How much more the run took than was planned, as a share of the plan; None where that is not known."""
        if self.planned is None or self.actual is None or self.is_least:
            return None
        if not self.planned:
            return 0.0 if not self.actual else None
        return self.actual / self.planned - 1


class PlanAccount(NamedTuple):
    """What was planned for the layers that ran, and what they took.

    Args:
        layers: How many ran.
        planned_layers: How many could have.
        rows: Calls, tokens, money, seconds.
        written_is: Where the plan's tokens came from.
    """

    layers: int
    planned_layers: int
    rows: tuple[AccountRow, ...]
    written_is: Source


def stored_plan(decided: object | None) -> Plan | None:
    """Return a plan as it was kept with its run; None where none was, or one of a form that is not known here."""
    try:
        return msgspec.convert(decided, Plan) if decided is not None else None
    except msgspec.ValidationError:
        return None


def plan_account(planned: Plan, record: RunRecord) -> PlanAccount:
    """Return a plan beside the account of its run: the layers that ran, without those that early stopping spared.

    Calls that another run's journal answered took nothing here, and count as calls all the same.

    Args:
        planned: The run's plan.
        record: The run.
    """
    ran = min(max((call.layer for call in record.calls), default=1), len(planned.layers))
    was_spared = ran == planned.least_layers and not any(
        call.layer == ran and call.stage is Stage.RESIDUAL for call in record.calls
    )
    one = planned.least if was_spared else planned.layers[ran - 1]
    rows = tuple(_rows(one, record, has_seen=any(basis.has_cache is not None for basis in planned.models)))
    return PlanAccount(ran, len(planned.layers), rows, planned.written_is)


def _rows(planned: PlanSum, record: RunRecord, *, has_seen: bool) -> Iterator[AccountRow]:
    used = call_usage(record.calls)
    yield AccountRow("calls", "calls", planned.calls, len(record.calls))
    # Of models that were never seen it is not known whether a cache serves them, or whether they think.
    counts: tuple[tuple[str, int | None, Callable[[UsageTotal], int]], ...] = (
        ("prompt tokens", planned.prompt_tokens, lambda one: one.input_tokens),
        ("of them cached", planned.cached_tokens if has_seen else None, lambda one: one.cached_tokens),
        ("written tokens", planned.written_tokens, lambda one: one.output_tokens),
        ("of them reasoning", planned.reasoning_tokens if has_seen else None, lambda one: one.reasoning_tokens),
    )
    for what, expected, count_of in counts:
        is_told = used.unknown_calls < used.calls
        yield AccountRow(what, "tokens", expected, count_of(used) if is_told else None, bool(used.unknown_calls))
    is_priced = used.unpriced_calls < used.calls
    yield AccountRow("US dollars", "usd", planned.usd, used.cost_usd if is_priced else None, bool(used.unpriced_calls))
    yield AccountRow("seconds", "seconds", planned.seconds, critical_path(record.calls).seconds)
