"""Plans as a person reads them: what a run will take and what that is known from; and the plan beside the account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.cli.clean import one_line
from attention_moa.cli.layout import table
from attention_moa.plan import ModelBasis, Plan, PlanSum, add_plans
from attention_moa.plan_account import AccountRow, PlanAccount

_WRITES = {
    "journal": "as in the journal",
    "max_tokens": "at most (max_tokens)",
    "assumed": "assumed: no max_tokens",
}
_CACHES = {None: "?", True: "serves it", False: "not seen"}


def plan_lines(plans: Sequence[Plan], *, journal: str | None, room: int | None = None) -> Iterator[str]:
    """Return what runs will take, line by line.

    Args:
        plans: One for each question, all of one ensemble; at least one.
        journal: The name of the journal that was looked at; None for none.
        room: Most columns; None for any number.
    """
    plan = plans[0]
    total, least = add_plans(one.total for one in plans), add_plans(one.least for one in plans)
    yield _title(plan, total, least, len(plans))
    yield ""
    if len(plans) > 1:
        yield from _table(_dataset_rows(plans, total, least), plan, ("of", "", *_heads(plan)), room)
    else:
        yield from _table(_stage_rows(plan), plan, ("layer", "stage", *_heads(plan)), room)
        yield ""
        agents = [(name, "", *_cells(one, plan, ends=False)) for name, one in plan.agents.items()]
        yield from _table(agents, plan, ("agent", "", *_heads(plan)[:-1]), room)
    yield ""
    models = _merged(plans)
    yield from table(("model", "calls seen", "writes", "cache", "price", "pace"), list(map(_basis, models)), room=room)
    yield ""
    yield from map(one_line, _remarks(plans, models, journal))


def account_lines(account: PlanAccount, *, room: int | None = None) -> list[str]:
    """Return a run's plan beside what it took, line by line.

    Args:
        account: Of the run.
        room: Most columns; None for any number.
    """
    what = "planned (at most)" if account.is_bound else "planned"
    rows = [_account_row(row) for row in account.rows]
    lines = table(("", what, "actual", "difference"), [row for row in rows if row[1:3] != ("0", "0")], room=room)
    if account.layers < account.planned_layers:
        lines.append(f"the plan of the {account.layers} of {account.planned_layers} layers that ran")
    return lines


def _title(plan: Plan, total: PlanSum, least: PlanSum, questions: int) -> str:
    layers = len(plan.layers)
    for_what = f" for {questions:,} questions" if questions > 1 else ""
    all_layers = "one layer" if layers == 1 else f"{layers} layers"
    whole = f"{plan.ensemble}: {total.calls:,} calls in {all_layers}{for_what}"
    if plan.least == plan.total:
        return one_line(whole)
    each = " each" if questions > 1 else ""
    return one_line(f"{whole}; {least.calls:,} if early stopping ends it{each} after layer {plan.least_layers}")


def _heads(plan: Plan) -> tuple[str, ...]:
    thinking = ("reasoning",) if plan.total.reasoning_tokens else ()
    return ("calls", "prompt", "cached", "written", *thinking, "USD", "seconds")


def _cells(one: PlanSum, plan: Plan, *, ends: bool = True) -> tuple[str, ...]:
    seen = any(basis.has_cache for basis in plan.models)
    thinking = (_number(one.reasoning_tokens),) if plan.total.reasoning_tokens else ()
    cached = _number(one.cached_tokens) if seen else "?"
    tokens = (_number(one.prompt_tokens), cached, _number(one.written_tokens), *thinking)
    return (f"{one.calls:,}", *tokens, _usd(one.usd), *((_seconds(one.seconds),) if ends else ()))


def _stage_rows(plan: Plan) -> list[tuple[str, ...]]:
    rows = [(str(row.layer), row.stage.value, *_cells(row.sum, plan)) for row in plan.rows]
    if plan.least != plan.total:
        rows.append(("least", f"layer {plan.least_layers}", *_cells(plan.least, plan)))
        return [*rows, ("most", f"layer {len(plan.layers)}", *_cells(plan.total, plan))]
    return [*rows, ("all", "", *_cells(plan.total, plan))]


def _dataset_rows(plans: Sequence[Plan], total: PlanSum, least: PlanSum) -> list[tuple[str, ...]]:
    plan = plans[0]
    sums = [("least", least), ("most", total)] if plan.least != plan.total else [("", total)]
    whole = [("all questions", name, *_cells(one, plan)) for name, one in sums]
    return [*whole, *(("each, in the mean", name, *_mean(one, plan, len(plans))) for name, one in sums)]


def _mean(one: PlanSum, plan: Plan, questions: int) -> tuple[str, ...]:
    mean = PlanSum(
        calls=round(one.calls / questions),
        prompt_tokens=round(one.prompt_tokens / questions),
        cached_tokens=round(one.cached_tokens / questions),
        written_tokens=round(one.written_tokens / questions),
        reasoning_tokens=round(one.reasoning_tokens / questions),
        usd=None if one.usd is None else one.usd / questions,
        seconds=None if one.seconds is None else one.seconds / questions,
    )
    return _cells(mean, plan)


def _table(rows: Sequence[tuple[str, ...]], plan: Plan, headings: tuple[str, ...], room: int | None) -> list[str]:
    """Return a table without its empty second column, where it is empty; bounds are marked in the heading."""
    marked = {"prompt": "prompt ≤", "written": "written ≤"} if plan.is_bound else {}
    heads = tuple(marked.get(head, head) for head in headings)
    if any(row[1] for row in rows):
        return table(heads, rows, room=room)
    return table((heads[0], *heads[2:]), [(row[0], *row[2:]) for row in rows], room=room)


def _merged(plans: Sequence[Plan]) -> list[ModelBasis]:
    """Return what is known of each model; a price is known where it is for every question."""
    unpriced = {model for plan in plans for model in plan.unpriced}
    return [_without_price(basis) if basis.model in unpriced else basis for basis in plans[0].models]


def _without_price(basis: ModelBasis) -> ModelBasis:
    from msgspec.structs import replace

    return replace(basis, has_price=False)


def _basis(basis: ModelBasis) -> tuple[str, ...]:
    return (
        basis.model,
        f"{basis.seen_calls:,}",
        _WRITES[basis.written_is],
        _CACHES[basis.has_cache],
        "known" if basis.has_price else "?",
        "known" if basis.has_pace else "?",
    )


def _remarks(plans: Sequence[Plan], models: Sequence[ModelBasis], journal: str | None) -> Iterator[str]:
    plan = plans[0]
    if journal is None:
        yield "no journal was looked at"
    else:
        seen = sum(basis.seen_calls for basis in models)
        yield f"from {seen:,} calls in the journal {journal}" if seen else f"the journal {journal} knows none of them"
    if plan.is_bound:
        yield "tokens are at most what is shown: what some models write is not known yet"
    if unpriced := [basis.model for basis in models if not basis.has_price]:
        yield f"money is not known: {', '.join(unpriced)} has no price; give the agents one (price = {{ … }})"
    if unpaced := [basis.model for basis in models if not basis.has_pace]:
        yield f"seconds are not known: {', '.join(unpaced)} was never timed in the journal"
    for note in dict.fromkeys(note for one in plans for note in one.notes):
        yield f"will fail: {note}"


def _account_row(row: AccountRow) -> tuple[str, str, str, str]:
    shown = {"calls": _number, "tokens": _number, "usd": _usd, "seconds": _seconds}[row.unit]
    actual = shown(row.actual)
    off = "?" if row.off is None else f"{row.off:+.0%}"
    return row.what, shown(row.planned), f"{actual} or more" if row.is_least and row.actual else actual, off


def _number(number: float | None) -> str:
    return "?" if number is None else f"{round(number):,}"


def _usd(usd: float | None) -> str:
    return "?" if usd is None else "0" if not usd else f"{usd:,.2f}" if usd >= 10 else f"{usd:.4f}"


def _seconds(seconds: float | None) -> str:
    return "?" if seconds is None else f"{seconds:,.1f}"
