"""The world outside the page, as a shelf of runs in memory: what pages of runs need of it, and no more.

shelf = RunShelf([a_priced_run()])
answer = look(shelf, "/runs/run/money")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx2
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from attention_moa.agents import AgentSpec
from attention_moa.messages import CallRequest
from attention_moa.money import Price
from attention_moa.plan import Plan, plan
from attention_moa.prompts import load_templates
from attention_moa.records import RunRecord
from attention_moa.retelling import events_of
from attention_moa.stored_runs import RunRow
from attention_moa.ui.front import PageFront
from attention_moa.ui.ports import Heard, Offer, RefusedError, RunFilter, Standing, Visitor
from tests.worlds import QUESTION, Says, World, a_spec

URL = "http://127.0.0.1:8000"
_GONE = "there is no run {!r}"


class RunShelf:
    """Runs, the newest first, as a visitor sees them.

    Args:
        records: The runs.
        under_way: The ids of those that this server is at.
        rows: Lines beside those of the records, behind them.
    """

    def __init__(
        self, records: Sequence[RunRecord] = (), *, under_way: Sequence[str] = (), rows: Sequence[RunRow] = ()
    ) -> None:
        self.records = {record.run_id: record for record in records}
        self.under_way = set(under_way)
        self.lines = [*map(_row, records), *rows]
        self.is_key_good = True
        self.plan: Plan | None = None
        self.deeds: list[tuple[str, str]] = []
        self.asked: list[RunFilter] = []
        self.takes_s = 0.0

    async def enter(self, key: str | None) -> Visitor:  # noqa: ARG002 - all are let in, or none
        if not self.is_key_good:
            raise RefusedError("no", is_key_bad=True)
        return Visitor(name="alice", is_admin=True)

    async def offers(self, key: str | None) -> Sequence[Offer]:
        await self.enter(key)
        return [Offer(name="duo", ensemble="duo", spec=a_spec(2))]

    async def standing(self, key: str | None, run_id: str) -> Standing:
        await self.enter(key)
        await asyncio.sleep(self.takes_s)
        if run_id not in self.records:
            raise RefusedError(_GONE.format(run_id), code="run_not_found")
        record = self.records[run_id]
        return Standing(record=record, is_under_way=run_id in self.under_way, is_own=True, plan=self.plan)

    async def rows(self, key: str | None, wanted: RunFilter) -> Sequence[RunRow]:
        await self.enter(key)
        self.asked.append(wanted)
        names = [line.run_id for line in self.lines]
        behind = self.lines[names.index(wanted.before) + 1 :] if wanted.before else self.lines
        fitting = (
            line for line in behind if wanted.state in (None, line.state) and wanted.ensemble in (None, line.ensemble)
        )
        return list(fitting)[: wanted.limit]

    async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        standing = await self.standing(key, run_id)
        yield [Heard(number, event) for number, event in enumerate(events_of(standing.record), 1)][after:]

    async def resume(self, key: str | None, run_id: str) -> None:
        await self.standing(key, run_id)
        self.deeds.append(("resume", run_id))

    async def delete(self, key: str | None, run_id: str) -> None:
        await self.standing(key, run_id)
        if run_id in self.under_way:
            raise RefusedError(f"run {run_id} is under way: cancel it first", code="run_busy")
        self.deeds.append(("delete", run_id))


def a_priced_run(script: dict[str, Says] | None = None, *, name: str = "run", **fields: Any) -> RunRecord:
    """Return a run of two agents whose tokens have prices, with calls that take their time.

    Args:
        script: What is said.
        name: The run's id.
        fields: Of the record, in the place of what it has.
    """
    agents = [AgentSpec(name=agent, model=f"test:{agent}", price=Price(input=1e4, output=1e4)) for agent in "ab"]
    record = World(a_spec(agents, layers=1, name="duo"), script, latency_s=_latency_s).run()
    return replace(record, run_id=name, **fields)


def a_row(run_id: str, **fields: Any) -> RunRow:
    """Return a line of a finished run."""
    told = {"created_at": "2026-01-01T00:00:00Z", "ensemble": "duo", "question": "Why?", "state": "finished"}
    return RunRow(**{"run_id": run_id, "is_held": False, "calls": 9, **told, **fields})


def a_plan(record: RunRecord) -> Plan:
    """Return what was planned for a run."""
    return plan(record.ensemble, QUESTION, load_templates(), experience={}, price_of=lambda model: model.price)


def look(shelf: RunShelf, path: str, *, method: str = "GET") -> httpx2.Response:
    """Return the answer of the page's front to a request."""

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an application's signature
        raise AssertionError(scope["path"])

    front = PageFront(nothing, shelf)  # type: ignore[arg-type]  # runs are all that is asked for

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await front({**scope, "state": {}}, receive, send)

    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def _latency_s(request: CallRequest) -> float:
    return 1.0 if request.agent == "a" else 3.0


def _row(record: RunRecord) -> RunRow:
    is_over = record.state != "running"
    return a_row(
        record.run_id,
        created_at=record.created_at,
        ensemble=record.ensemble.name,
        question=record.conversation[-1].text,
        state=record.state,
        calls=len(record.calls),
        usage=record.usage if is_over else None,
        wall_s=record.wall_s if is_over else None,
        text=record.text,
        labels=record.labels,
        owner=record.owner,
    )
