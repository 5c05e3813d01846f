"""``POST /v1/chat/completions``."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.messages import user
from attention_moa.server.job import Job
from attention_moa.server.models_api import find_model
from attention_moa.server.service import service_of
from attention_moa.server.wire import RUN_ID_HEADER, Body, document, read_body

router = APIRouter()


class _Message(Body):
    role: str
    content: str


class _ChatBody(Body):
    model: str
    messages: list[_Message]


@router.post("/v1/chat/completions")
async def create_completion(request: Request) -> Response:
    """Answer a conversation."""
    service = service_of(request)
    visitor = await service.gate.enter(request)
    body = await read_body(request, _ChatBody)
    served = find_model(service, visitor, body.model)
    conversation = tuple(user(message.content) for message in body.messages)
    job = Job(model=served.name, ensemble=served.ensemble, spec=served.spec, conversation=conversation)
    live = await service.hub.start(job, visitor)
    record = await live.result()
    message: dict[str, Any] = {"role": "assistant", "content": record.text, "refusal": None, "annotations": []}
    completion: dict[str, Any] = {
        "id": f"chatcmpl-{live.run_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
    }
    return document(completion, headers={RUN_ID_HEADER: live.run_id})
