"""``POST /v1/chat/completions``."""

from __future__ import annotations

import time

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.events import Event
from attention_moa.server.answering import Outcome, answer
from attention_moa.server.chat_body import ChatBody
from attention_moa.server.chat_job import asked_of
from attention_moa.server.chat_reply import Completion, CompletionChunk, Head, completion_of, finals_of
from attention_moa.server.chat_stream import ChatStream, error_message
from attention_moa.server.errors import ApiError
from attention_moa.server.job import Job
from attention_moa.server.models_api import find_model
from attention_moa.server.openapi import described
from attention_moa.server.service import service_of
from attention_moa.server.translate import job_of
from attention_moa.server.wire import document, read_body

router = APIRouter()


@router.post("/v1/chat/completions", openapi_extra=described(body=ChatBody, reply=Completion, pieces=CompletionChunk))
async def create_completion(request: Request) -> Response:
    """Answer a conversation, at once or as a stream."""
    service = service_of(request)
    visitor = await service.enter(request)
    body = await read_body(request, ChatBody)
    served = find_model(service, visitor, body.model)
    job = job_of(asked_of(body), served, service.config)
    answering = await answer(request, visitor, job)

    def head(run_id: str) -> Head:
        return Head(f"chatcmpl-{run_id}", int(time.time()), body.model, served.fingerprint)

    if body.stream:
        has_usage = body.stream_options is not None and body.stream_options.include_usage is True
        return await answering.stream(lambda run_id: _ChatWriter(head(run_id), job, has_usage=has_usage))
    outcome = await answering.outcome(request)
    if outcome is None:
        return Response(status_code=499)  # nobody reads it
    finals = list(finals_of(outcome.records, job.wanted.choices))
    completion = completion_of(head(outcome.run.run_id), finals, usage=outcome.usage, run=outcome.run)
    return document(completion, headers=answering.headers)


class _ChatWriter:
    """Writes the stream of a completion."""

    def __init__(self, head: Head, job: Job, *, has_usage: bool) -> None:
        self._each = job.wanted.choices
        self._stream = ChatStream(
            head,
            choices=job.runs * self._each,
            progress=job.progress,
            has_tools=job.wanted.tools is not None,
            has_usage=has_usage,
        )

    def begin(self) -> bytes:
        return self._stream.begin()

    def of(self, event: Event, number: int) -> bytes:
        return self._stream.of(event, number * self._each)

    def end(self, outcome: Outcome) -> bytes:
        finals = list(finals_of(outcome.records, self._each))
        return self._stream.end(finals, usage=outcome.usage, run=outcome.run)

    def fail(self, error: ApiError) -> bytes:
        return error_message(error)
