"""Plans as a person reads them: what a run will take and what that is known from; and the plan beside the account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from attention_moa.call_costs import Source
from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import fitted, table
from attention_moa.config import LimitSpec
from attention_moa.money import amount, as_written
from attention_moa.plan import ModelBasis, Plan, PlanSum, add_plans, bound_of, bound_remark
from attention_moa.plan_account import AccountRow, PlanAccount

NO_LIMITS = LimitSpec()

_MARKS: Mapping[Source, str] = {"journal": "", "max_tokens": " ≤", "assumed": " ~"}
_CACHES = {None: "?", True: "seen", False: "not seen"}
_LONG_S = 10_000
"""From so many seconds on, a narrow terminal gets whole ones."""
_WIDE = 100
"""From so many columns on, and in pipes, every number is written out."""


def plan_lines(
    plans: Sequence[Plan], *, journal: str | None, limits: LimitSpec = NO_LIMITS, room: int | None = None
) -> Iterator[str]:
    """Return what runs will take, line by line.

    Args:
        plans: One for each question, all of one ensemble; at least one.
        journal: The name of the journal that was looked at; None for none.
        limits: The ensemble's, for one question.
        room: Most columns; None for any number.
    """
    plan = plans[0]
    columns = _Columns(plan, room)
    total, least = add_plans(one.total for one in plans), add_plans(one.least for one in plans)
    yield _title(plan, total, least, len(plans))
    yield ""
    if len(plans) > 1:
        yield from columns.table("questions", _dataset_rows(plans, total, least))
    else:
        yield from columns.table("layer", _stage_rows(plan))
        yield ""
        yield from columns.table("agent", list(plan.agents.items()), has_end=False)
    yield ""
    models = _merged(plans)
    yield from table(("model", "seen", "writes as", "cache", "price"), list(map(_basis, models)), room=room)
    yield ""
    yield from map(one_line, _remarks(plans, models, journal))
    yield from _passed(plans, limits)


def account_lines(account: PlanAccount, *, room: int | None = None) -> list[str]:
    """Return a run's plan beside what it took, line by line.

    Args:
        account: Of the run.
        room: Most columns; None for any number.
    """
    bound = bound_of(account.written_is)
    what = f"planned ({bound})" if bound else "planned"
    rows = [row for row in map(_account_row, account.rows) if row[1:3] != ("0", "0")]
    if not account.has_finished:
        lines = table(("", what, "so far"), [row[:3] for row in rows], room=room)
        return [*lines, "the run has not finished: the plan of all its layers, beside what it took until now"]
    lines = table(("", what, "actual", "difference"), rows, room=room)
    if account.layers < account.planned_layers:
        lines.append(f"the plan of the {account.layers} of {account.planned_layers} layers that ran")
    if account.missing_calls:
        were = "call of these layers was" if account.missing_calls == 1 else "calls of these layers were"
        lines.append(f"{account.missing_calls:,} planned {were} not made: what these would have used is no saving")
    return lines


def _title(plan: Plan, total: PlanSum, least: PlanSum, questions: int) -> str:
    layers = len(plan.layers)
    for_what = f" for {questions:,} questions" if questions > 1 else ""
    all_layers = "one layer" if layers == 1 else f"{layers} layers"
    whole = f"{plan.ensemble}: {total.calls:,} calls in {all_layers}{for_what}"
    if plan.least == plan.total:
        return one_line(whole)
    what = "each" if questions > 1 else "it"
    return one_line(f"{whole}; {least.calls:,} if early stopping ends {what} after layer {plan.least_layers}")


class _Columns:
    """The columns of a plan's tables.

    Args:
        plan: Whether there is thinking, and whether a cache was seen, is the same in all rows.
        room: Most columns of the terminal; None for any number. A narrow one gets short numbers and no thinking.
    """

    def __init__(self, plan: Plan, room: int | None) -> None:
        """Choose them."""
        self._room = room
        self._is_wide = room is None or room >= _WIDE
        self._has_thinking = self._is_wide and plan.total.reasoning_tokens > 0
        self._has_cache = any(basis.has_cache for basis in plan.models)
        self._bound = _MARKS[plan.written_is] if self._is_wide else ""

    def table(self, what: str, rows: Sequence[tuple[str, PlanSum]], *, has_end: bool = True) -> list[str]:
        """Return named sums in columns.

        Args:
            what: What the names are.
            rows: At least one.
            has_end: Whether the seconds at the end are told.
        """
        bound = self._bound
        heads = ["calls", f"prompt{bound}", "cached", f"written{bound}"]
        heads += ["reasoning"] if self._has_thinking else []
        heads += ["USD", "seconds"] if has_end else ["USD"]
        cells = [(what, *heads), *((name, *self._cells(one)[: len(heads)]) for name, one in rows)]
        shown = fitted(cells, self._room, gives_up=["cached"])
        return table(shown[0], shown[1:], room=self._room)

    def _cells(self, one: PlanSum) -> list[str]:
        number = _number if self._is_wide else _short
        cells = [number(one.calls), number(one.prompt_tokens)]
        cells += [number(one.cached_tokens) if self._has_cache else "?", number(one.written_tokens)]
        cells += [number(one.reasoning_tokens)] if self._has_thinking else []
        is_long = not self._is_wide and one.seconds is not None and one.seconds >= _LONG_S
        return [*cells, _usd(one.usd), _number(one.seconds) if is_long else _seconds(one.seconds)]


def _stage_rows(plan: Plan) -> list[tuple[str, PlanSum]]:
    rows = [(f"{row.layer} {row.stage.value}", row.sum) for row in plan.rows]
    if plan.least == plan.total:
        return [*rows, ("all", plan.total)]
    return [*rows, ("least", plan.least), ("most", plan.total)]


def _dataset_rows(plans: Sequence[Plan], total: PlanSum, least: PlanSum) -> list[tuple[str, PlanSum]]:
    sums = [(", least", least), (", most", total)] if least != total else [("", total)]
    whole = [(f"all{name}", one) for name, one in sums]
    return [*whole, *((f"mean{name}", _mean(one, len(plans))) for name, one in sums)]


def _mean(one: PlanSum, questions: int) -> PlanSum:
    return PlanSum(
        calls=round(one.calls / questions),
        prompt_tokens=round(one.prompt_tokens / questions),
        cached_tokens=round(one.cached_tokens / questions),
        written_tokens=round(one.written_tokens / questions),
        reasoning_tokens=round(one.reasoning_tokens / questions),
        usd=None if one.usd is None else one.usd / questions,
        seconds=None if one.seconds is None else one.seconds / questions,
    )


def _merged(plans: Sequence[Plan]) -> list[ModelBasis]:
    """Return what is known of each model; a price is known where it is for every question."""
    unpriced = {model for plan in plans for model in plan.unpriced}
    return [replace(basis, has_price=basis.model not in unpriced) for basis in plans[0].models]


def _basis(basis: ModelBasis) -> tuple[str, ...]:
    price = "known" if basis.has_price else "?"
    return basis.model, f"{basis.seen_calls:,}", basis.written_is, _CACHES[basis.has_cache], price


def _remarks(plans: Sequence[Plan], models: Sequence[ModelBasis], journal: str | None) -> Iterator[str]:
    plan = plans[0]
    if journal is None:
        yield "no journal was looked at: nothing is known of the models but their prices"
    else:
        seen = sum(basis.seen_calls for basis in models)
        yield f"from {seen:,} calls in the journal {journal}" if seen else f"the journal {journal} knows none of them"
    if remark := bound_remark(plan.written_is):
        yield remark
    if unpriced := [basis.model for basis in models if not basis.has_price]:
        yield f"money is not known: no price for {_named(unpriced)}; give the agents one (price = {{ … }})"
    if unseen := [basis.model for basis in models if not basis.seen_calls]:
        yield f"seconds are not known: no call of {_named(unseen)} was seen"
    if not any(basis.has_cache for basis in models):
        yield "cached tokens are not known: no cache was seen to serve any of the models"
    for note in dict.fromkeys(note for one in plans for note in one.notes):
        yield f"will fail: {note}"


def _account_row(row: AccountRow) -> tuple[str, str, str, str]:
    shown = {"calls": _number, "tokens": _number, "usd": _usd, "seconds": _seconds}[row.unit]
    actual = shown(row.actual)
    if row.is_least:  # "0 or more" says nothing
        actual = f"{actual} or more" if row.actual else "?"
    return row.what, shown(row.planned), actual, "?" if row.off is None else f"{row.off:+.0%}"


def _passed(plans: Sequence[Plan], limits: LimitSpec) -> Iterator[str]:
    """Yield a line for each limit that the question which takes the most will come to."""
    most = [one.total for one in plans]
    taken = (
        ("usd", limits.usd, [one.usd for one in most], _usd),
        ("tokens", limits.tokens, [one.prompt_tokens + one.written_tokens for one in most], _number),
        ("deadline_s", limits.deadline_s, [one.seconds for one in most], _seconds),
    )
    for name, limit, amounts, shown in taken:
        needed = max((amount for amount in amounts if amount is not None), default=0.0)
        if limit is not None and needed > limit:
            less = f"limits.{name} = {as_written(limit)} is less than the {shown(needed)} of all layers"
            yield f"{less}: a run may end before them"


def _named(models: Sequence[str]) -> str:
    return ", ".join(models) if len(models) <= 2 else f"{models[0]} and {len(models) - 1} others"


def _number(number: float | None) -> str:
    return "?" if number is None else f"{round(number):,}"


def _short(number: float) -> str:
    """Return a number in six columns at most."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 10 * unit or (number >= unit and name != "k"):
            return f"{number / unit:.4g}{name}" if number >= 100 * unit else f"{number / unit:.3g}{name}"
    return f"{round(number):,}"


def _usd(usd: float | None) -> str:
    return "?" if usd is None else amount(usd)


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:,.1f}"
