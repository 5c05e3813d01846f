"""``POST /v1/responses``, and what can be done with a response by its id."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.records import RunRecord
from attention_moa.server.answering import answer
from attention_moa.server.errors import ApiError, api_error, bad_request
from attention_moa.server.gate import Visitor
from attention_moa.server.job import Job
from attention_moa.server.live import LiveRun
from attention_moa.server.models_api import find_model
from attention_moa.server.openapi import described
from attention_moa.server.progress import progress_line
from attention_moa.server.responses_body import ResponsesBody
from attention_moa.server.responses_document import (
    INSTRUCTIONS,
    failed_document,
    open_document,
    output_of,
    reasoning_item,
    run_id_of,
    shown_of,
    whole_document,
)
from attention_moa.server.responses_input import answered
from attention_moa.server.responses_job import Past, asked_of, shows_progress
from attention_moa.server.responses_stream import ResponseWriter
from attention_moa.server.run_ends import end_run, take_out
from attention_moa.server.runs import Found, find_run, record_of
from attention_moa.server.service import Service, is_operator, service_of
from attention_moa.server.translate import job_of
from attention_moa.server.usage import RunBody, plan_of, run_body
from attention_moa.server.wire import document, read_body

router = APIRouter()


class ResponseDeleted(Struct, frozen=True, kw_only=True):
    """A response that is there no more."""

    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


@router.post("/v1/responses", openapi_extra=described(body=ResponsesBody))
async def create_response(request: Request) -> Response:
    """Answer a conversation, at once, as a stream, or in the background."""
    service = service_of(request)
    visitor = await service.enter(request)
    body = await read_body(request, ResponsesBody)
    served = find_model(service, visitor, body.model)
    past = await _past(service, visitor, body.previous_response_id)
    job = _shown(job_of(asked_of(body, past), served, service.config), body)
    answering = await answer(request, visitor, job)
    live = answering.runs[0]
    if body.stream:
        return await answering.stream(lambda _: ResponseWriter(live, job, shown=answering.shown))
    if body.background:
        await live.begun()
        found = Found(run_id=live.run_id, owner=visitor.owner, live=live, is_operator=is_operator(request))
        return document(await _document(service, found), headers=answering.headers)
    outcome = await answering.outcome(request)
    if outcome is None:
        return Response(status_code=499)  # nobody reads it
    return document(_whole(outcome.records[0], outcome.run, live), headers=answering.headers)


@router.get("/v1/responses/{response_id}", openapi_extra=described())
async def show_response(request: Request, response_id: str) -> Response:
    """Return a response, as far as it is."""
    service = service_of(request)
    visitor = await service.enter(request)
    if request.query_params.get("stream") == "true":
        run_id = run_id_of(response_id)
        message = f"stream is not supported here: GET /v1/runs/{run_id[:100]}/events has what happens in the run"
        raise bad_request(message, param="stream", code="unsupported_parameter")
    found = await find_run(service, visitor, run_id_of(response_id))
    return document(await _document(service, found))


@router.post("/v1/responses/{response_id}/cancel", openapi_extra=described())
async def cancel_response(request: Request, response_id: str) -> Response:
    """End a response under way; one that is over stays as it is."""
    service = service_of(request)
    visitor = await service.enter(request)
    found = await find_run(service, visitor, run_id_of(response_id))
    await end_run(service, found)
    return document(await _document(service, found))


@router.delete("/v1/responses/{response_id}", openapi_extra=described(reply=ResponseDeleted))
async def delete_response(request: Request, response_id: str) -> Response:
    """Take a response out for good, and all that belongs to its run."""
    service = service_of(request)
    visitor = await service.enter(request)
    await take_out(service, await find_run(service, visitor, run_id_of(response_id)))
    return document(ResponseDeleted(id=response_id))


def _shown(job: Job, body: ResponsesBody) -> Job:
    """Return what is asked, with the deliberation shown where it is wanted; nobody leaves what is in the background."""
    settings = body.attention_moa
    if shows_progress(body) and (settings is None or settings.progress is None):
        job = replace(job, progress="reasoning")
    return replace(job, on_disconnect="finish") if body.background else job


async def _past(service: Service, visitor: Visitor, response_id: str | None) -> Past | None:
    """Return the response that a request goes on from.

    Raises:
        ApiError: 404: there is none, or it is another key's; 400: it has no answer to go on from.
    """
    if response_id is None:
        return None
    record = await _earlier(service, visitor, response_id)
    if record.state != "finished":
        message = f"previous_response_id: the response has no answer to go on from: its run is {record.state}"
        raise bad_request(message, param="previous_response_id")
    turns = record.conversation[1:] if INSTRUCTIONS in record.labels else record.conversation
    return Past(response_id, answered(turns, record.text, record.tool_calls))


async def _earlier(service: Service, visitor: Visitor, response_id: str) -> RunRecord:
    try:
        return await record_of(service, await find_run(service, visitor, run_id_of(response_id)))
    except ApiError as error:  # it is not there, or not for who asks
        message = f"previous_response_id: there is no response {response_id[:100]!r}"
        raise ApiError(
            404, message, type=error.type, code="previous_response_not_found", param="previous_response_id"
        ) from error


async def _document(service: Service, found: Found) -> dict[str, Any]:
    """Return a response as far as it is.

    Args:
        service: The server's.
        found: Its run.
    """
    record, live = await record_of(service, found), found.live
    shown = shown_of(record)
    if live is not None and not live.is_over:
        return open_document(shown, record.run_id)
    if record.state == "finished":
        plan = await plan_of(service.journal, record.run_id)
        return _whole(record, run_body([record], ignored=(), notes=(), plan=plan), live)
    if record.state == "running":  # in another server
        return open_document(shown, record.run_id)
    error = live.error if live is not None else None
    why = _why(record) if error is None else api_error(error, is_operator=found.is_operator)
    return failed_document(shown, record, (), why)


def _whole(record: RunRecord, run: RunBody, live: LiveRun | None) -> dict[str, Any]:
    """Return a response with its answer, and with the deliberation where that was to be shown."""
    thought = ""
    if live is not None and live.job.progress == "reasoning":
        thought = "".join(f"{line}\n" for event in live.events if (line := progress_line(event)) is not None)
    items = [reasoning_item(record.run_id, thought, status="completed")] if thought else []
    return whole_document(shown_of(record), record, [*items, *output_of(record)], run)


def _why(record: RunRecord) -> ApiError:
    """Return why a run in the journal has no answer."""
    interrupted = f"the run was interrupted: POST /v1/runs/{record.run_id}/resume goes on with it"
    return ApiError(502, record.error or interrupted, type="upstream_error", code="no_answer", run_id=record.run_id)
