"""The server as the page sees it: every action goes through the very gate that the API's requests go through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
from starlette.requests import HTTPConnection

from attention_moa.answer_spec import PLAIN
from attention_moa.errors import MoaError, RunNotFoundError
from attention_moa.events import Event, RunFinished
from attention_moa.experience import ModelExperience
from attention_moa.messages import Sampling
from attention_moa.plan import Plan, models_of, plan
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.server.errors import ApiError
from attention_moa.server.failures import told_of
from attention_moa.server.for_clients import for_clients
from attention_moa.server.gate import Visitor as Guest
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun
from attention_moa.server.models_api import find_model
from attention_moa.server.resuming import resume
from attention_moa.server.run_ends import end_run, take_out
from attention_moa.server.run_events import past_events
from attention_moa.server.run_states import live_record, stored_rows
from attention_moa.server.runs import Found, ended_calls, find_run, no_run, record_of
from attention_moa.server.service import Service
from attention_moa.server.settings_body import MoaBody
from attention_moa.server.translate import Asked, job_of
from attention_moa.server.usage import plan_of
from attention_moa.server.wire import fault
from attention_moa.store.views import preview, question
from attention_moa.stored_runs import RunRow
from attention_moa.ui.ports import Asked as Underway
from attention_moa.ui.ports import Heard, Offer, Question, RefusedError, RunFilter, Standing, Visitor

_BEGIN_S = 5.0
"""Most seconds that a new run is waited for: until then its id may turn out to be an earlier one's."""

_QUIET_S = 2.0
"""Seconds without any event after which who watches is told of that."""


@asynccontextmanager
async def entered(service: Service, key: str | None, *, begins_run: bool = False) -> AsyncGenerator[Guest, None]:
    """Lend who brings a key, as the gate knows a request of theirs; what goes wrong is told as the API would tell them.

    The log has what a request of theirs would leave there.

    Args:
        service: The server's.
        key: The visitor's; None where they brought none.
        begins_run: Whether it counts as a request that begins a run.

    Raises:
        RefusedError: Of any error of the server's.
    """
    guest: Guest | None = None
    try:
        guest = await _guest(service, key, begins_run=begins_run)
        yield guest
    except (ApiError, MoaError) as error:
        is_operator = guest is not None and service.is_operator(guest)
        told = told_of(error, is_operator=is_operator, key=None if guest is None else guest.owner or None)
        raise RefusedError(
            told.message, code=told.code or "", is_key_bad=told.status == 401, field=told.param, status=told.status
        ) from None


async def _guest(service: Service, key: str | None, *, begins_run: bool) -> Guest:
    headers = [] if key is None else [(b"authorization", b"Bearer " + key.encode())]
    method = "POST" if begins_run else "GET"
    return await service.gate.enter(HTTPConnection({"type": "http", "method": method, "path": "/", "headers": headers}))


class ServedOutside:
    """What the page needs, of a server in the same process.

    Args:
        service: The server's.
    """

    def __init__(self, service: Service) -> None:
        """Keep the server."""
        self._service = service

    async def enter(self, key: str | None) -> Visitor:
        """Return who brings a key."""
        async with entered(self._service, key) as guest:
            most_bytes = int(self._service.config.max_body_mib * 2**20)
            return Visitor(name=guest.owner, is_admin=guest.is_admin, most_bytes=most_bytes)

    async def offers(self, key: str | None) -> Sequence[Offer]:
        """Return what somebody may ask."""
        async with entered(self._service, key) as guest:
            is_operator = self._service.is_operator(guest)
            return [
                Offer(name=one.name, ensemble=one.ensemble, spec=one.spec if is_operator else for_clients(one.spec))
                for one in self._service.catalogue.served.values()
                if guest.may_use(one.ensemble)
            ]

    async def plan(self, key: str | None, question: Question) -> Plan:
        """Return what a question would take."""
        async with entered(self._service, key) as guest:
            job = self._job(guest, question)
            spec, journal = job.spec, self._service.journal
            experience: Mapping[str, ModelExperience] = (
                {} if journal is None else await journal.experience(models_of(spec))
            )
            folder = Path(spec.prompts.folder) if spec.prompts.folder else None

            def planned() -> Plan:
                templates = load_templates(folder, style=spec.prompts.style)
                return plan(spec, job.conversation, templates, experience=experience, price_of=known_price)

            return await asyncio.to_thread(planned)  # it renders every prompt

    async def ask(self, key: str | None, question: Question) -> Underway:
        """Return the run that answers a question."""
        async with entered(self._service, key, begins_run=True) as guest:
            live = await self._service.hub.start(self._job(guest, question), guest)
            is_operator = self._service.is_operator(guest)
            found = Found(run_id=live.run_id, owner=guest.owner, live=live, is_operator=is_operator)
            batches = _heard(live, found)  # before anything happens in it
            begun = await anext(batches)
            await live.begun(_BEGIN_S)
            if live.is_refused and live.error is not None:
                await batches.aclose()
                raise live.error
            return Underway(live.run_id, _after(begun, batches))

    async def standing(self, key: str | None, run_id: str) -> Standing:
        """Return a run as it stands."""
        async with entered(self._service, key) as guest:
            found = await find_run(self._service, guest, run_id)
            return Standing(
                record=await record_of(self._service, found),
                is_under_way=found.is_under_way,
                is_own=found.owner == guest.owner,
                plan=await plan_of(self._service.journal, run_id),
                is_whole=found.is_operator,
            )

    async def rows(self, key: str | None, wanted: RunFilter) -> Sequence[RunRow]:
        """Return lines of runs, the newest first."""
        async with entered(self._service, key) as guest:
            journal = self._service.journal
            if journal is None:
                return self._rows_here(guest, wanted)
            try:
                return await stored_rows(
                    journal,
                    self._service.hub,
                    limit=wanted.limit,
                    before=wanted.before,
                    owner=None if guest.is_admin else guest.owner,
                    state=wanted.state,
                    ensemble=wanted.ensemble,
                )
            except RunNotFoundError as error:
                raise no_run(wanted.before or "") from error

    async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        """Yield a run's events after one, and those that follow until it is over."""
        async with entered(self._service, key) as guest:
            found = await find_run(self._service, guest, run_id)
            if found.live is None or found.live.is_over:
                events = await self._past(found)
                shown = await asyncio.to_thread(found.shown, tuple(events[after:]))  # a long run has thousands
                yield [Heard(number, event) for number, event in enumerate(shown, after + 1)]
                return
            async with aclosing(_heard(found.live, found, after)) as batches:
                async for batch in batches:
                    yield batch

    async def cancel(self, key: str | None, run_id: str) -> None:
        """End a run that is under way."""
        async with entered(self._service, key) as guest:
            await end_run(self._service, await find_run(self._service, guest, run_id))

    async def resume(self, key: str | None, run_id: str) -> None:
        """Let an interrupted run go on."""
        async with entered(self._service, key, begins_run=True) as guest:
            await resume(self._service, guest, await find_run(self._service, guest, run_id))

    async def delete(self, key: str | None, run_id: str) -> None:
        """Take a run out for good."""
        async with entered(self._service, key) as guest:
            await take_out(self._service, await find_run(self._service, guest, run_id))

    async def _past(self, found: Found) -> Sequence[Event]:
        """Return the events of a run that is over here; one that its server did not live to end has its end too."""
        events = await past_events(self._service.journal, found.live, found.run_id)
        if isinstance(events[-1], RunFinished):
            return events
        record = await record_of(self._service, found)
        if record.state != "interrupted":
            return events
        end = RunFinished(
            run_id=found.run_id, at_s=record.wall_s, state=record.state, text=record.text, usage=record.usage
        )
        return [*events, end]

    def _job(self, guest: Guest, question: Question) -> Job:
        """Return what a question asks for, checked as a request of the API is."""
        wishes: dict[str, object] = {
            "layers": question.layers,
            "deadline_s": question.deadline_s,
            "usd": question.usd,
            "tokens": question.tokens,
            "fresh": question.is_fresh or None,
            "attention": msgspec.to_builtins(question.attention) or None,
            "early_stop": msgspec.to_builtins(question.early_stop) or None,
        }
        told = {name: value for name, value in wishes.items() if value is not None}
        try:
            settings = msgspec.convert(told, MoaBody)
        except msgspec.ValidationError as error:
            raise fault(str(error), MoaBody) from None
        asked = Asked(
            conversation=question.conversation,
            wanted=PLAIN,
            sampling=Sampling(),
            settings=settings,
            place="question",
        )
        served = find_model(self._service, guest, question.model)
        return job_of(asked, served, self._service.config)

    def _rows_here(self, guest: Guest, wanted: RunFilter) -> list[RunRow]:
        """Return lines of the runs of this process: all that there are without a journal."""
        rows = [_row(live) for live in self._service.hub.known if guest.is_admin or live.visitor.owner == guest.owner]
        fitting = [row for row in rows if wanted.state in (None, row.state) and wanted.ensemble in (None, row.ensemble)]
        return sorted(fitting, key=lambda row: (row.created_at, row.run_id), reverse=True)[: wanted.limit]


async def _heard(live: LiveRun, found: Found, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
    async with aclosing(live.watch(after, deltas="all", tick_s=_QUIET_S)) as batches:
        async for batch in batches:
            yield [Heard(seen.id, found.shown(seen.event)) for seen in batch]


async def _after(
    first: Sequence[Heard], batches: AsyncGenerator[Sequence[Heard], None]
) -> AsyncGenerator[Sequence[Heard], None]:
    """Yield a batch, then those that follow it."""
    async with aclosing(batches):
        yield first
        async for batch in batches:
            yield batch


def _row(live: LiveRun) -> RunRow:
    record = live_record(live)
    return RunRow(
        run_id=record.run_id,
        created_at=record.created_at,
        ensemble=record.ensemble.name,
        question=question(record.conversation),
        state=record.state,
        is_held=not live.is_over,
        calls=ended_calls(record),
        usage=record.usage if live.is_over else None,
        wall_s=record.wall_s if live.is_over else None,
        text=preview(record.text) if live.is_over and record.text is not None else None,
        owner=live.visitor.owner,
        labels=record.labels,
    )
