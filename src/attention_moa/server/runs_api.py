"""``/v1/runs``: what runs there are, what happened in them; cancelled, resumed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from fastapi import APIRouter
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.codec import record_to_json
from attention_moa.errors import RunNotFoundError
from attention_moa.records import RunRecord, RunState
from attention_moa.server.errors import bad_request
from attention_moa.server.gate import Visitor
from attention_moa.server.openapi import described
from attention_moa.server.resuming import resume
from attention_moa.server.run_ends import end_run, take_out
from attention_moa.server.run_events import EventBody, event_stream
from attention_moa.server.run_states import stored_rows
from attention_moa.server.runs import (
    Found,
    RunLine,
    RunList,
    find_run,
    line_of_live,
    line_of_row,
    no_run,
    record_of,
    summary_of,
)
from attention_moa.server.service import Service, service_of
from attention_moa.server.wire import JSON, RUN_ID_HEADER, document

router = APIRouter()

_STATES: tuple[RunState, ...] = get_args(RunState)
_MOST = 200
_FILTERS = ("limit", "before", "state", "model")


class RunTold(Struct, frozen=True, kw_only=True):
    """What became of a run."""

    id: str
    object: Literal["run"] = "run"
    state: RunState
    is_under_way: bool


class RunDeleted(Struct, frozen=True, kw_only=True):
    """A run that is there no more."""

    id: str
    object: Literal["run.deleted"] = "run.deleted"
    deleted: Literal[True] = True


@router.get("/v1/runs", openapi_extra=described(reply=RunList))
async def list_runs(
    request: Request,
    *,
    limit: str = "20",
    before: str | None = None,
    state: str | None = None,
    model: str | None = None,
) -> Response:
    """Return runs, the newest first."""
    service = service_of(request)
    visitor = await service.enter(request)
    _require_known(request, _FILTERS)
    most, wanted = _limit(limit), _state(state)
    if service.journal is None:
        lines = [line for line in _here(service, visitor) if _fits(line, wanted, model)][: most + 1]
    else:
        owner = None if visitor.is_admin else visitor.owner
        try:
            rows = await stored_rows(
                service.journal,
                service.hub,
                limit=most + 1,
                before=before,
                owner=owner,
                state=wanted,
                ensemble=model,
            )
        except RunNotFoundError as error:
            raise no_run(before or "") from error
        lines = [line_of_row(row) for row in rows]
    return document(RunList(data=lines[:most], has_more=len(lines) > most))


@router.get("/v1/runs/{run_id}", openapi_extra=described())  # two views; the record's form has versions of its own
async def show_run(request: Request, run_id: str, view: str = "record") -> Response:
    """Return a run: its whole record, or with ``view=summary`` without any text."""
    service, found = await _found(request, run_id)
    if view == "summary":
        return document(await summary_of(service, found))
    if view != "record":
        raise bad_request(f"{view[:100]!r} is no view: write record or summary", param="view")
    return Response(record_to_json(await record_of(service, found)), media_type=JSON)


@router.get("/v1/runs/{run_id}/events", openapi_extra=described(pieces=EventBody))
async def watch_run(request: Request, run_id: str, after: str | None = None, deltas: str = "false") -> Response:
    """Return a run's events as they happen, from the first one or after the one that ``Last-Event-ID`` names."""
    service, found = await _found(request, run_id)
    last = request.headers.get("last-event-id") or after or "0"
    if deltas not in ("true", "false"):
        raise bad_request(f"{deltas[:100]!r} is neither true nor false", param="deltas")
    return await event_stream(service, found, after=last, deltas=deltas == "true")


@router.post("/v1/runs/{run_id}/cancel", openapi_extra=described(reply=RunTold))
async def cancel_run(request: Request, run_id: str) -> Response:
    """End a run that is under way here; what was finished stays. One that is over stays as it is."""
    service, found = await _found(request, run_id)
    await end_run(service, found)
    return document(_told(await record_of(service, found), is_under_way=False))


@router.post("/v1/runs/{run_id}/resume", openapi_extra=described(reply=RunTold))
async def resume_run(request: Request, run_id: str) -> Response:
    """Let an interrupted run go on; its id comes back at once, and its events show how it goes."""
    service = service_of(request)
    visitor = await service.enter(request)
    found = await find_run(service, visitor, run_id)
    resumed = await resume(service, visitor, found)
    return _answer(resumed.record, is_under_way=resumed.is_under_way)


@router.delete("/v1/runs/{run_id}", openapi_extra=described(reply=RunDeleted))
async def delete_run(request: Request, run_id: str) -> Response:
    """Take a run out for good: its record, its calls, its events. What it cost stays counted."""
    service, found = await _found(request, run_id)
    await take_out(service, found)
    return document(RunDeleted(id=run_id))


async def _found(request: Request, run_id: str) -> tuple[Service, Found]:
    """Return the service, and the run that a request names, for who asks."""
    service = service_of(request)
    return service, await find_run(service, await service.enter(request), run_id)


def _answer(record: RunRecord, *, is_under_way: bool) -> Response:
    told = _told(record, is_under_way=is_under_way)
    return document(told, status=202 if is_under_way else 200, headers={RUN_ID_HEADER: told.id})


def _told(record: RunRecord, *, is_under_way: bool) -> RunTold:
    return RunTold(id=record.run_id, state=record.state, is_under_way=is_under_way)


def _here(service: Service, visitor: Visitor) -> list[RunLine]:
    """Return the runs of this process, the newest first: all that there are without a journal."""
    lines = [line_of_live(live) for live in service.hub.known]
    mine = [line for line in lines if visitor.is_admin or line.owner == visitor.owner]
    return sorted(mine, key=lambda line: (line.created_at, line.id), reverse=True)


def _fits(line: RunLine, state: RunState | None, model: str | None) -> bool:
    return state in (None, line.state) and model in (None, line.model)


def _require_known(request: Request, known: Sequence[str]) -> None:
    """Raise for what stands in an address and narrows nothing: a filter whose name is mistyped would show all."""
    for name in request.query_params:
        if name not in known:
            message = f"{name[:100]!r} is no filter of runs: there are {', '.join(known)}"
            raise bad_request(message, param=name[:100], code="unknown_parameter")


def _limit(told: str) -> int:
    if not (told.isascii() and told.isdecimal() and 1 <= int(told[:9]) <= _MOST):
        raise bad_request(f"{told[:100]!r} is no whole number from 1 to {_MOST}", param="limit")
    return int(told)


def _state(told: str | None) -> RunState | None:
    if told is None:
        return None
    for state in _STATES:
        if state == told:
            return state
    raise bad_request(f"{told[:100]!r} is no state: there are {', '.join(_STATES)}", param="state")
