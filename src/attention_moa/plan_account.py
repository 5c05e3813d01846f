"""A run's plan beside what it really took. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from attention_moa.accounting import call_usage
from attention_moa.call_costs import Source
from attention_moa.call_plan import planned_calls
from attention_moa.critical_path import critical_path
from attention_moa.messages import Stage
from attention_moa.plan import Plan, PlanSum
from attention_moa.records import CallRecord, RunRecord, UsageTotal

Unit: TypeAlias = Literal["calls", "tokens", "usd", "seconds"]


class AccountRow(NamedTuple):
    """One quantity, planned and actual.

    Args:
        what: Of what, for a person.
        unit: Of both numbers.
        planned: None where the plan did not know it.
        actual: None where the endpoints did not say it of any call.
        is_least: Whether ``actual`` is a lower bound: the endpoints did not say it of all calls, or the run's process
            is not heard of, so that nobody knows what was under way.
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
        layers: How many the plan is of: those that ran; all where the run did not finish.
        planned_layers: How many could have run.
        rows: Calls, tokens, money, seconds of the critical path.
        written_is: Where the plan's tokens came from.
        missing_calls: How many planned calls of these layers were not sent, nor found in the journal.
        has_finished: Whether the run came to its end: else it has taken only a part, and a difference says nothing.
    """

    layers: int
    planned_layers: int
    rows: tuple[AccountRow, ...]
    written_is: Source
    missing_calls: int = 0
    has_finished: bool = True


def stored_plan(decided: object | None) -> Plan | None:
    """Return a plan as it was kept with its run; None where none was, or one of a form that is not known here."""
    try:
        return msgspec.convert(decided, Plan) if decided is not None else None
    except msgspec.ValidationError:
        return None


def plan_account(planned: Plan, record: RunRecord) -> PlanAccount:
    """Return a plan beside the account of its run: the layers that ran, without those that early stopping spared.

    A run that did not finish is held against all layers. Calls that another run's journal answered took nothing here,
    and count as calls all the same; those that were given up before they were sent do not.

    Args:
        planned: The run's plan.
        record: The run.
    """
    has_seen = any(basis.has_cache is not None for basis in planned.models)
    sent = [call for call in record.calls if call.attempts or call.replayed_from is not None]
    if record.state != "finished":
        rows = tuple(_rows(planned.total, record, sent, has_seen=has_seen))
        layers = len(planned.layers)
        return PlanAccount(
            layers, layers, rows, planned.written_is, planned.total.calls - len(sent), has_finished=False
        )
    ran = min(max((call.layer for call in record.calls), default=1), len(planned.layers))
    was_spared = ran == planned.least_layers and not any(
        call.layer == ran and call.stage is Stage.RESIDUAL for call in record.calls
    )
    one = planned.least if was_spared else planned.layers[ran - 1]
    made = {call.call_id for call in sent}
    missing = [
        call
        for call in planned_calls(record.ensemble, record.wanted.choices)
        if call.layer <= ran and call.call_id not in made
    ]
    if was_spared and planned.least.calls < planned.layers[ran - 1].calls:  # a residual call that no plan of it has
        missing = [call for call in missing if (call.layer, call.stage) != (ran, Stage.RESIDUAL)]
    rows = tuple(_rows(one, record, sent, has_seen=has_seen))
    return PlanAccount(ran, len(planned.layers), rows, planned.written_is, len(missing))


def _rows(planned: PlanSum, record: RunRecord, sent: Sequence[CallRecord], *, has_seen: bool) -> Iterator[AccountRow]:
    used, is_open = call_usage(sent), record.state == "running"
    yield AccountRow("calls", "calls", planned.calls, len(sent), is_open)
    # Of models that were never seen it is not known whether a cache serves them, or whether they think.
    counts: tuple[tuple[str, int | None, Callable[[UsageTotal], int]], ...] = (
        ("prompt tokens", planned.prompt_tokens, lambda one: one.input_tokens),
        ("of them cached", planned.cached_tokens if has_seen else None, lambda one: one.cached_tokens),
        ("written tokens", planned.written_tokens, lambda one: one.output_tokens),
        ("of them reasoning", planned.reasoning_tokens if has_seen else None, lambda one: one.reasoning_tokens),
    )
    for what, expected, count_of in counts:
        is_told = used.unknown_calls < used.calls
        yield AccountRow(
            what, "tokens", expected, count_of(used) if is_told else None, is_open or bool(used.unknown_calls)
        )
    is_priced = used.unpriced_calls < used.calls
    usd = used.cost_usd if is_priced else None
    yield AccountRow("US dollars", "usd", planned.usd, usd, is_open or bool(used.unpriced_calls))
    yield AccountRow("critical path s", "seconds", planned.seconds, critical_path(sent).seconds, is_open)
