"""What a run took, as the API tells it: ``usage``, and the ``attention_moa`` object beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from attention_moa.accounting import add, known_usd
from attention_moa.errors import StoreError
from attention_moa.journaling import CUT_OFF
from attention_moa.messages import Usage, assistant
from attention_moa.plan import DECISION, Plan
from attention_moa.ports import Journal
from attention_moa.prompts import beside_tokens, estimate_tokens
from attention_moa.records import CallRecord, Degradation, Loss, RunRecord, UsageTotal, Verdict
from attention_moa.schedule import count_calls


class PromptDetails(Struct, frozen=True):
    """Which of the prompts' tokens cost less."""

    cached_tokens: int = 0
    audio_tokens: int = 0


class CompletionDetails(Struct, frozen=True):
    """Which of the written tokens are thinking."""

    reasoning_tokens: int = 0
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class UsageBody(Struct, frozen=True):
    """Tokens of all calls of a run, or of several."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class Calls(Struct, frozen=True):
    """How many calls there would be if every layer ran, and how many were made."""

    planned: int
    made: int


class RunBody(Struct, frozen=True, kw_only=True):
    """What happened in a run, for who wants to know more than the answer.

    Args:
        run_id: The run; under this id it is in ``/v1/runs``.
        ensemble: What ran.
        state: How it ended.
        layers: How many layers there were.
        verdict: Why it ended after the last of them; None where nothing was decided.
        losses: What is missing.
        degraded: What stood in for something better.
        notes: What was adapted for whom.
        ignored: Fields of the request that changed nothing.
        calls: Planned and made.
        cost_usd: What the calls cost whose price is known; None where nothing is known.
        cost_is_lower_bound: Whether some cost is not known.
        usage_is_estimate: Whether ``usage`` holds estimates, for replies whose tokens the endpoint did not tell.
        usage_is_lower_bound: Whether something else was sent that is not in ``usage``: attempts that broke off.
        planned_cost_usd: What the plan expected at most; None where that is not known.
        wall_s: Seconds.
        planned_s: What the plan expected at most; None where that is not known.
        run_ids: All runs, where there are several whole ones; not there for one.
    """

    run_id: str
    ensemble: str
    state: str
    layers: int
    verdict: Verdict | None
    losses: tuple[Loss, ...]
    degraded: tuple[Degradation, ...]
    notes: tuple[str, ...]
    ignored: tuple[str, ...]
    calls: Calls
    cost_usd: float | None
    cost_is_lower_bound: bool
    usage_is_estimate: bool = False
    usage_is_lower_bound: bool = False
    planned_cost_usd: float | None
    wall_s: float
    planned_s: float | None
    run_ids: tuple[str, ...] | UnsetType = UNSET


def usage_of(totals: Sequence[UsageTotal]) -> UsageBody:
    """Return the tokens of some runs in the API's form."""
    prompt = sum(total.input_tokens for total in totals)
    written = sum(total.output_tokens for total in totals)
    return UsageBody(
        prompt,
        written,
        prompt + written,
        PromptDetails(sum(total.cached_tokens for total in totals)),
        CompletionDetails(sum(total.reasoning_tokens for total in totals)),
    )


def run_body(
    records: Sequence[RunRecord], *, ignored: tuple[str, ...], notes: tuple[str, ...], plan: Plan | None
) -> RunBody:
    """Return what happened in a run, or in several whole ones of one request; layers and verdict are the first one's.

    Args:
        records: The runs, at least one.
        ignored: Fields of the request that changed nothing.
        notes: What of the request was taken otherwise than it says.
        plan: What one run was expected to take; None where that is not known.
    """
    first, totals = records[0], add(record.usage for record in records)
    unknown = [call for record in records for call in record.calls if _untold(call) is not None]
    is_cut_off = any(CUT_OFF in record.notes for record in records)
    usd = None if plan is None else plan.total.usd
    return RunBody(
        run_id=first.run_id,
        ensemble=first.ensemble.name,
        state=first.state,
        layers=len(first.layers),
        verdict=first.verdict,
        losses=tuple(loss for record in records for loss in record.losses),
        degraded=tuple(degraded for record in records for degraded in record.degraded),
        notes=tuple(dict.fromkeys((*notes, *(note for record in records for note in record.notes)))),
        ignored=ignored,
        calls=Calls(
            sum(count_calls(record.ensemble, record.wanted.choices) for record in records),
            sum(len(record.calls) for record in records),
        ),
        cost_usd=known_usd(totals),
        cost_is_lower_bound=totals.unpriced_calls > 0 or is_cut_off,
        usage_is_estimate=bool(unknown),
        usage_is_lower_bound=totals.unknown_calls > len(unknown) or is_cut_off,
        planned_cost_usd=None if usd is None else round(usd * len(records), 9),
        wall_s=round(max(record.wall_s for record in records), 3),
        planned_s=None if plan is None or plan.total.seconds is None else round(plan.total.seconds, 3),
        run_ids=tuple(record.run_id for record in records) if len(records) > 1 else UNSET,
    )


def usage_with_estimates(record: RunRecord) -> UsageTotal:
    """Return what a run used; replies whose tokens nobody told, as where a stop ended them, count as estimated.

    Args:
        record: The run.
    """
    return add((record.usage, *(_estimated(call) for call in record.calls)))


def _untold(call: CallRecord) -> Usage | None:
    """Return what the endpoint told of a reply whose tokens it did not tell whole; None for any other call."""
    told = (one.usage for one in call.attempts if one.error is None)
    return next((usage for usage in told if usage.input_tokens is None or usage.output_tokens is None), None)


def _estimated(call: CallRecord) -> UsageTotal:
    """Return what is missing of a call's tokens, estimated."""
    usage = _untold(call)
    if usage is None:
        return UsageTotal()
    sent = estimate_tokens(call.messages) + beside_tokens(call.tools, call.reply_format)
    written = replace(assistant(f"{call.thinking}{call.text or ''}"), tool_calls=call.tool_calls)
    return UsageTotal(
        input_tokens=sent if usage.input_tokens is None else 0,
        output_tokens=estimate_tokens((written,)) if usage.output_tokens is None else 0,
    )


async def plan_of(journal: Journal | None, run_id: str) -> Plan | None:
    """Return what a run was expected to take, kept with it at its start; None where no journal has that."""
    if journal is None:
        return None
    try:
        kept: Any = (await journal.decisions(run_id)).get(DECISION)
        return None if kept is None else msgspec.convert(kept, Plan)
    except (StoreError, msgspec.ValidationError):  # the answer is there: what was planned is not worth an error
        return None
