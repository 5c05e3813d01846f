"""The events of a run as server-sent events: live where it is under way here, else as the journal has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence

from msgspec import Struct
from starlette.responses import Response

from attention_moa.errors import RunNotFoundError
from attention_moa.events import AnswerDelta, AnswerReset, Event
from attention_moa.ports import Journal
from attention_moa.retelling import events_of
from attention_moa.server.errors import bad_request
from attention_moa.server.event_ids import EventIds
from attention_moa.server.live import LiveRun, Seen
from attention_moa.server.runs import Found, no_run
from attention_moa.server.service import Service
from attention_moa.server.sse import KEPT_ALIVE, EventStream, comment, data

_NOTHING_MORE = 204
"""What tells a browser's ``EventSource`` to come back no more.

Source: the HTML standard, section 9.2.
"""


class EventBody(Struct, frozen=True, kw_only=True):
    """An event; which other fields it has depends on what happened.

    Args:
        event: What happened: ``run_started``, ``call_finished`` …
        run_id: The run.
        at_s: Seconds since its start.
    """

    event: str
    run_id: str
    at_s: float


async def event_stream(service: Service, found: Found, *, after: str, deltas: bool) -> Response:
    """Return a response that tells a run's events, each with its id.

    Args:
        service: The server's.
        found: The run.
        after: The id of the last event that is known already, or how many are; "0" for none.
        deltas: Whether pieces of the answer are told too, from now on; they have no id.

    Raises:
        ApiError: 400: ``after`` is no id; 404: the run was deleted meanwhile.
        StoreError: The journal cannot be read.
    """
    live = found.live
    if live is not None and not live.is_over:
        batches = live.watch(_known(live.ids, after), deltas=deltas, tick_s=service.config.keepalive_s)
        return EventStream(_told(batches, found), left=_nothing)
    events = await past_events(service.journal, live, found.run_id)
    ids = EventIds(events)
    later = range(_known(ids, after), len(events))
    if not later:
        return Response(status_code=_NOTHING_MORE)
    return EventStream(_retold([(ids.of(index + 1), found.shown(events[index])) for index in later]), left=_nothing)


def _known(ids: EventIds, after: str) -> int:
    """Return how many events somebody knows already."""
    try:
        return ids.known(after)
    except ValueError as error:
        raise bad_request(f"{after[:100]!r} is no event's id", param="after") from error


async def past_events(journal: Journal | None, live: LiveRun | None, run_id: str) -> Sequence[Event]:
    """Return the events of a run that is not under way here; those that nobody kept are made of its record.

    Args:
        journal: Where they may be kept; None for nowhere.
        live: The run where it lately was under way here.
        run_id: The run.

    Raises:
        ApiError: 404: the run was deleted meanwhile.
        StoreError: The journal cannot be read.
    """
    if live is not None:
        return live.events
    if journal is None:
        raise no_run(run_id)
    try:
        kept = [event for _, event in await journal.events(run_id)]
        return kept or events_of(await journal.record(run_id))
    except RunNotFoundError as error:
        raise no_run(run_id) from error


async def _told(batches: AsyncGenerator[Sequence[Seen], None], found: Found) -> AsyncGenerator[bytes, None]:
    yield comment("the run's events")
    try:
        async for batch in batches:
            yield b"".join(_seen(seen, found) for seen in batch) or KEPT_ALIVE
    finally:
        await batches.aclose()


async def _retold(events: Iterable[tuple[str, Event]]) -> AsyncGenerator[bytes, None]:
    for told_as, event in events:
        yield data(event, id=told_as)


def _seen(seen: Seen, found: Found) -> bytes:
    is_piece = isinstance(seen.event, (AnswerDelta, AnswerReset))
    return data(found.shown(seen.event), id=None if is_piece else seen.live.ids.of(seen.id))


def _nothing() -> None:
    """Do nothing about a client that leaves: the run is not its own."""
