"""A request's runs, begun, waited for or streamed, whichever API it came by."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from msgspec.structs import replace
from starlette.requests import HTTPConnection, Request

from attention_moa.errors import BudgetError, MoaError, OverLimitError
from attention_moa.events import Event
from attention_moa.records import RunRecord
from attention_moa.server.errors import ApiError, api_error
from attention_moa.server.failures import told_of
from attention_moa.server.for_clients import for_clients
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun, Seen, watch_all
from attention_moa.server.room import too_little
from attention_moa.server.service import Service, is_operator, key_of, service_of
from attention_moa.server.sse import KEPT_ALIVE, EventStream, while_there
from attention_moa.server.usage import RunBody, UsageBody, plan_of, run_body, usage_of, usage_with_estimates
from attention_moa.server.wire import RUN_ID_HEADER
from attention_moa.telemetry.lines import FIELDS

S = TypeVar("S")

_BEGIN_S = 0.15
"""Most seconds that a stream's first byte waits for the run's beginning: what fails until then is a plain error."""


_LOG = logging.getLogger("attention_moa.server")
_TRACE = ("traceparent", "tracestate")


class Outcome(NamedTuple):
    """What a request's runs came to.

    Args:
        records: By the run's number from 0; those that gave no answer are not in it, but at least one is.
        usage: Tokens of all calls.
        run: What happened.
    """

    records: Mapping[int, RunRecord]
    usage: UsageBody
    run: RunBody


class Writer(Protocol):
    """Writes an API's stream."""

    def begin(self) -> bytes:
        """Return what is sent at once; at least a comment."""
        ...

    def of(self, event: Event, number: int) -> bytes:
        """Return what is sent of an event of the run of that number; nothing for most.

        Raises:
            ApiError: What was sent does not stand.
        """
        ...

    def end(self, outcome: Outcome) -> bytes:
        """Return the rest.

        Raises:
            ApiError: What was sent does not stand.
        """
        ...

    def fail(self, error: ApiError) -> bytes:
        """Return what ends a stream that cannot go on."""
        ...


class Answering:
    """A request whose runs are under way.

    Args:
        service: The server's.
        job: What is asked.
        runs: Its runs, under way.
        request: Who asks, and where the log looks for the run's id; None for nobody, who is shown the least.
    """

    def __init__(
        self, service: Service, job: Job, runs: Sequence[LiveRun], *, request: HTTPConnection | None = None
    ) -> None:
        """Keep all."""
        self.job = job
        self._request = request
        self._is_operator = request is not None and is_operator(request)
        self.runs = runs
        self._service = service
        self._numbers = {id(live): number for number, live in enumerate(runs)}

    @property
    def headers(self) -> dict[str, str]:
        """The run's id, once it is sure."""
        return {RUN_ID_HEADER: self.runs[0].run_id} if self.runs[0].has_begun else {}

    async def outcome(self, request: Request) -> Outcome | None:
        """Return what the runs came to once all are over; None where the client left before.

        Raises:
            MoaError: None of them gave an answer.
            ApiError: It was cancelled.
        """
        try:
            outcome = await while_there(request.receive, self._outcome())
        finally:
            self._note_run()
        if outcome is None:
            self.leave()
        return outcome

    async def stream(self, write: Callable[[str], Writer]) -> EventStream:
        """Return a response that writes what happens while it happens.

        Args:
            write: Gives the writer of a response, by the id of its first run.

        Raises:
            MoaError: The run failed before it began.
        """
        tick_s = self._service.config.keepalive_s / 2
        batches = watch_all(self.runs, deltas=True, tick_s=tick_s)  # before anything else can happen
        await self.runs[0].begun(_BEGIN_S)
        error = self.runs[0].error
        if error is not None and len(self.runs) == 1 and not self.runs[0].events[:-1]:
            raise error
        pieces = self._written(write(self.runs[0].run_id), batches, tick_s)
        return EventStream(pieces, left=self.leave, headers=self.headers)

    def shown(self, value: S) -> S:
        """Return a record or an event as who asks may see it."""
        return value if self._is_operator else for_clients(value)

    def _note_run(self) -> None:
        """Let the request's line in the log name the run, once it is sure which."""
        if self._request is not None and self.runs[0].has_begun:
            self._request.state.run_id = self.runs[0].run_id

    def leave(self) -> None:
        """Do with the runs what is to become of them when the client leaves."""
        if self.job.on_disconnect == "cancel":
            for live in self.runs:
                live.cancel()

    async def _written(
        self, writer: Writer, batches: AsyncGenerator[Sequence[Seen], None], tick_s: float
    ) -> AsyncGenerator[bytes, None]:
        now = asyncio.get_running_loop().time
        sent_s = now()
        yield writer.begin()
        try:
            async for batch in batches:
                piece = b"".join(writer.of(self.shown(seen.event), self._numbers[id(seen.live)]) for seen in batch)
                if piece or now() - sent_s >= tick_s:
                    yield piece or KEPT_ALIVE
                    sent_s = now()
            yield writer.end(await self._outcome())
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is told in the API's shape
            if not isinstance(error, (ApiError, MoaError)):
                _LOG.exception("server.stream_broke", extra={FIELDS: {"run_id": self.runs[0].run_id}})
            key = None if self._request is None else key_of(self._request)
            yield writer.fail(told_of(error, is_operator=self._is_operator, key=key, run_id=self.runs[0].run_id))
        finally:
            self._note_run()
            await batches.aclose()

    async def _outcome(self) -> Outcome:
        for live in self.runs:
            await live.over()
        answered = {number: live.record for number, live in enumerate(self.runs) if live.error is None}
        failed = [live for live in self.runs if live.error is not None]
        if not answered:
            raise _why_none(failed[0].error, self.job)
        notes = (f"run {live.run_id} gave no answer: {self._why(live.error)}" for live in failed if live.error)
        records = list(answered.values())
        plan = await plan_of(self._service.journal, records[0].run_id)
        known = [self.shown(record) for record in records]
        run = run_body(known, ignored=self.job.ignored, notes=(*self.job.notes, *notes), plan=plan)
        return Outcome(answered, usage_of([usage_with_estimates(record) for record in records]), run)

    def _why(self, error: BaseException) -> str:
        return api_error(error, is_operator=self._is_operator).message


def _why_none(error: BaseException | None, job: Job) -> BaseException:
    """Return why there is no answer: a limit of the request's own in which not even one call fits is a wrong field."""
    if isinstance(error, BudgetError) and not any(call.attempts for call in error.partial.calls):
        told = [loss.message for loss in error.partial.losses if loss.kind == OverLimitError.__name__]
        if (refused := too_little(job, told)) is not None:
            refused.run_id = error.run_id
            return refused
    return error or RuntimeError("a run without an answer has no error")


async def answer(request: Request, visitor: Visitor, job: Job) -> Answering:
    """Return a request whose runs are under way.

    Args:
        request: The request.
        visitor: Who asks.
        job: What they ask.

    Raises:
        ApiError: There are too many runs, the server is about to end, the gate says no, or not even one call fits a
            limit of the request's own.
    """
    service = service_of(request)
    trace = {name: request.headers[name] for name in _TRACE if name in request.headers}
    runs = await service.hub.start_all(replace(job, trace=trace), visitor)
    return Answering(service, job, runs, request=request)
