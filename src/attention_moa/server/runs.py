"""Runs as those see them whose they are: under way here, or in the journal. Another's run is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from msgspec import Struct

from attention_moa.accounting import known_usd
from attention_moa.errors import RunNotFoundError
from attention_moa.messages import FinishReason, Stage
from attention_moa.records import CallRecord, CallState, RunRecord, RunState, UsageTotal
from attention_moa.server.errors import ApiError, not_found
from attention_moa.server.for_clients import for_clients
from attention_moa.server.gate import Visitor
from attention_moa.server.live import LiveRun
from attention_moa.server.run_states import live_record, stored_record
from attention_moa.server.service import Service
from attention_moa.server.usage import RunBody, UsageBody, plan_of, run_body, usage_of, usage_with_estimates
from attention_moa.store.views import question
from attention_moa.stored_runs import RunRow

S = TypeVar("S")


class RunLine(Struct, frozen=True, kw_only=True):
    """A run in a list.

    Args:
        id: Its id.
        created_at: When it began, ISO 8601 in UTC.
        state: How far it is; ``interrupted`` where its server died and nobody is at it now.
        is_under_way: Whether a server is at it now.
        owner: Whose it is; empty for the command line's and for a server without keys.
        model: What ran.
        question: The last turn of the user, its beginning.
        text: The answer, its beginning; null while there is none.
        calls: How many finished or were lost; those that were broken off do not count.
        usage: Tokens of all calls; null until the run has ended.
        cost_usd: What they cost whose price is known; null until the run has ended, and where no price is known.
        wall_s: Seconds; null until the run has ended.
    """

    id: str
    object: Literal["run"] = "run"
    created_at: str
    state: RunState
    is_under_way: bool
    owner: str
    model: str
    question: str
    text: str | None
    calls: int
    usage: UsageBody | None
    cost_usd: float | None
    wall_s: float | None


class RunList(Struct, frozen=True, kw_only=True):
    """Some runs, the newest first."""

    object: Literal["list"] = "list"
    data: list[RunLine]
    has_more: bool


class CallLine(Struct, frozen=True, kw_only=True):
    """A call without its texts."""

    call_id: str
    stage: Stage
    layer: int
    agent: str
    peer: str | None
    model: str
    state: CallState
    attempts: int
    queued_s: float
    ended_s: float
    finish_reason: FinishReason | None
    error: str | None
    is_replayed: bool


class RunSummary(Struct, frozen=True, kw_only=True):
    """A run without its texts: what was called when, and what it came to."""

    id: str
    object: Literal["run"] = "run"
    created_at: str
    is_under_way: bool
    owner: str
    labels: Mapping[str, str]
    usage: UsageBody
    attention_moa: RunBody
    calls: tuple[CallLine, ...]


class Found(Struct, frozen=True, kw_only=True):
    """A run that is there for who asks.

    Args:
        run_id: Its id.
        owner: Whose it is.
        live: The run where it is under way here, or lately was.
        is_operator: Whether who asks runs the server, and is shown all of it.
    """

    run_id: str
    owner: str
    live: LiveRun | None
    is_operator: bool

    def shown(self, value: S) -> S:
        """Return a record or an event as who asks may see it."""
        return value if self.is_operator else for_clients(value)

    @property
    def is_under_way(self) -> bool:
        """Whether this server is at it now."""
        return self.live is not None and not self.live.is_over


def no_run(run_id: str) -> ApiError:
    """Return the error of a run that is not there, or not there for who asks: nobody can tell which."""
    return not_found(f"there is no run {run_id[:100]!r}", code="run_not_found")


async def find_run(service: Service, visitor: Visitor, run_id: str) -> Found:
    """Return a run.

    Raises:
        ApiError: 404: there is none of that id, or it is another key's.
        StoreError: The journal cannot be read.
    """
    live = service.hub.get(run_id)
    if live is not None:
        owner = live.visitor.owner
    elif service.journal is None:
        raise no_run(run_id)
    else:
        try:
            owner = (await service.journal.head(run_id)).owner
        except RunNotFoundError as error:
            raise no_run(run_id) from error
    if not (visitor.is_admin or owner == visitor.owner):
        raise no_run(run_id)
    return Found(run_id=run_id, owner=owner, live=live, is_operator=service.is_operator(visitor))


async def record_of(service: Service, found: Found) -> RunRecord:
    """Return the record of a run, as far as it is, and as who asks may see it.

    Raises:
        ApiError: 404: it was deleted meanwhile.
        StoreError: The journal cannot be read.
    """
    if found.live is not None:
        return found.shown(live_record(found.live))
    if service.journal is None:
        raise no_run(found.run_id)
    try:
        return found.shown(await stored_record(service.journal, found.run_id))
    except RunNotFoundError as error:
        raise no_run(found.run_id) from error


async def summary_of(service: Service, found: Found) -> RunSummary:
    """Return a run without its texts; raises as ``record_of``. What is running is under way, here or elsewhere."""
    record = await record_of(service, found)
    plan = await plan_of(service.journal, found.run_id)
    return RunSummary(
        id=record.run_id,
        created_at=record.created_at,
        is_under_way=found.is_under_way or record.state == "running",
        owner=found.owner,
        labels=record.labels,
        usage=usage_of([usage_with_estimates(record)]),
        attention_moa=run_body([record], ignored=(), notes=(), plan=plan),
        calls=tuple(map(_call, record.calls)),
    )


def line_of_live(live: LiveRun) -> RunLine:
    """Return the line of a run that is under way here, or lately was."""
    record = live_record(live)
    return RunLine(
        id=record.run_id,
        created_at=record.created_at,
        state=record.state,
        is_under_way=not live.is_over,
        owner=live.visitor.owner,
        model=record.ensemble.name,
        question=question(record.conversation),
        text=record.text[:200] if live.is_over and record.text is not None else None,
        calls=ended_calls(record),
        usage=usage_of([usage_with_estimates(record)]) if live.is_over else None,
        cost_usd=_cost(record.usage if live.is_over else None),
        wall_s=record.wall_s if live.is_over else None,
    )


def line_of_row(row: RunRow) -> RunLine:
    """Return the line of a run in the journal."""
    return RunLine(
        id=row.run_id,
        created_at=row.created_at,
        state=row.state,
        is_under_way=row.is_held,
        owner=row.owner,
        model=row.ensemble,
        question=row.question,
        text=row.text,
        calls=row.calls,
        usage=None if row.usage is None else usage_of([row.usage]),
        cost_usd=_cost(row.usage),
        wall_s=row.wall_s,
    )


def ended_calls(record: RunRecord) -> int:
    """Return how many calls of a run finished or were lost, as a journal counts them."""
    return sum(call.state != "cancelled" for call in record.calls)


def _cost(usage: UsageTotal | None) -> float | None:
    return None if usage is None else known_usd(usage)


def _call(call: CallRecord) -> CallLine:
    return CallLine(
        call_id=call.call_id,
        stage=call.stage,
        layer=call.layer,
        agent=call.agent,
        peer=call.peer,
        model=call.model,
        state=call.state,
        attempts=len(call.attempts),
        queued_s=round(call.queued_s, 3),
        ended_s=round(call.ended_s, 3),
        finish_reason=call.finish_reason,
        error=call.error,
        is_replayed=call.replayed_from is not None,
    )
