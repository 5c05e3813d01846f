"""The server as the page sees it: every action goes through the very gate that the API's requests go through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path

import msgspec
from starlette.requests import HTTPConnection

from attention_moa.answer_spec import PLAIN
from attention_moa.errors import MoaError, RunNotFoundError
from attention_moa.experience import ModelExperience
from attention_moa.messages import Sampling
from attention_moa.plan import Plan, models_of, plan
from attention_moa.prices import known_price
from attention_moa.prompts import load_templates
from attention_moa.server.errors import ApiError
from attention_moa.server.failures import told_of
from attention_moa.server.gate import Visitor as Guest
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun
from attention_moa.server.models_api import find_model
from attention_moa.server.resuming import resume
from attention_moa.server.run_ends import end_run, take_out
from attention_moa.server.run_events import past_events
from attention_moa.server.runs import Found, find_run, no_run, record_of
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


@contextmanager
def refusals() -> Generator[None, None, None]:
    """Tell errors in the page's form; the log has what the API's requests would leave there."""
    try:
        yield
    except (ApiError, MoaError) as error:
        told = told_of(error, is_operator=False)
        raise RefusedError(
            told.message, code=told.code or "", is_key_bad=told.status == 401, field=told.param
        ) from None


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
        with refusals():
            guest = await self._guest(key)
            most_bytes = int(self._service.config.max_body_mib * 2**20)
            return Visitor(name=guest.owner, is_admin=guest.is_admin, most_bytes=most_bytes)

    async def offers(self, key: str | None) -> Sequence[Offer]:
        """Return what somebody may ask."""
        with refusals():
            guest = await self._guest(key)
            served = self._service.catalogue.served.values()
            return [
                Offer(name=one.name, ensemble=one.ensemble, spec=one.spec)
                for one in served
                if guest.may_use(one.ensemble)
            ]

    async def plan(self, key: str | None, question: Question) -> Plan:
        """Return what a question would take."""
        with refusals():
            job = self._job(await self._guest(key), question)
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
        with refusals():
            guest = await self._guest(key, begins_run=True)
            live = await self._service.hub.start(self._job(guest, question), guest)
            batches = _heard(live)  # before anything happens in it
            begun = await anext(batches)
            await live.begun(_BEGIN_S)
            if live.is_refused and live.error is not None:
                await batches.aclose()
                raise live.error
            return Underway(live.run_id, _after(begun, batches))

    async def standing(self, key: str | None, run_id: str) -> Standing:
        """Return a run as it stands."""
        with refusals():
            guest, found = await self._found(key, run_id)
            return Standing(
                record=await record_of(self._service, found),
                is_under_way=found.is_under_way,
                is_own=found.owner == guest.owner,
                plan=await plan_of(self._service.journal, run_id),
            )

    async def rows(self, key: str | None, wanted: RunFilter) -> Sequence[RunRow]:
        """Return lines of runs, the newest first."""
        with refusals():
            guest = await self._guest(key)
            journal = self._service.journal
            if journal is None:
                return self._rows_here(guest, wanted)
            owner = None if guest.is_admin else guest.owner
            try:
                return await journal.rows(
                    limit=wanted.limit, before=wanted.before, owner=owner, state=wanted.state, ensemble=wanted.ensemble
                )
            except RunNotFoundError as error:
                raise no_run(wanted.before or "") from error

    async def watch(self, key: str | None, run_id: str, *, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
        """Yield a run's events after one, and those that follow until it is over."""
        with refusals():
            _, found = await self._found(key, run_id)
            if found.live is None or found.live.is_over:
                events = await past_events(self._service.journal, found.live, run_id)
                yield [Heard(number, event) for number, event in enumerate(events[after:], after + 1)]
                return
            async with aclosing(_heard(found.live, after)) as batches:
                async for batch in batches:
                    yield batch

    async def cancel(self, key: str | None, run_id: str) -> None:
        """End a run that is under way."""
        with refusals():
            _, found = await self._found(key, run_id)
            await end_run(self._service, found)

    async def resume(self, key: str | None, run_id: str) -> None:
        """Let an interrupted run go on."""
        with refusals():
            guest = await self._guest(key, begins_run=True)
            await resume(self._service, guest, await find_run(self._service, guest, run_id))

    async def delete(self, key: str | None, run_id: str) -> None:
        """Take a run out for good."""
        with refusals():
            _, found = await self._found(key, run_id)
            await take_out(self._service, found)

    async def _guest(self, key: str | None, *, begins_run: bool = False) -> Guest:
        """Return who brings a key, as the gate knows a request of theirs; one that begins a run is counted."""
        headers = [] if key is None else [(b"authorization", b"Bearer " + key.encode())]
        method = "POST" if begins_run else "GET"
        return await self._service.gate.enter(
            HTTPConnection({"type": "http", "method": method, "path": "/", "headers": headers})
        )

    async def _found(self, key: str | None, run_id: str) -> tuple[Guest, Found]:
        guest = await self._guest(key)
        return guest, await find_run(self._service, guest, run_id)

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


async def _heard(live: LiveRun, after: int = 0) -> AsyncGenerator[Sequence[Heard], None]:
    async with aclosing(live.watch(after, deltas="all", tick_s=_QUIET_S)) as batches:
        async for batch in batches:
            yield [Heard(seen.id, seen.event) for seen in batch]


async def _after(
    first: Sequence[Heard], batches: AsyncGenerator[Sequence[Heard], None]
) -> AsyncGenerator[Sequence[Heard], None]:
    """Yield a batch, then those that follow it."""
    async with aclosing(batches):
        yield first
        async for batch in batches:
            yield batch


def _row(live: LiveRun) -> RunRow:
    record = live.record
    return RunRow(
        run_id=record.run_id,
        created_at=record.created_at,
        ensemble=record.ensemble.name,
        question=question(record.conversation),
        state=record.state,
        is_held=not live.is_over,
        calls=len(record.calls),
        usage=record.usage if live.is_over else None,
        wall_s=record.wall_s if live.is_over else None,
        text=preview(record.text) if live.is_over and record.text is not None else None,
        owner=live.visitor.owner,
        labels=record.labels,
    )
