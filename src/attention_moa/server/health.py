"""``/healthz``, ``/readyz`` and ``/metrics``: whether the server lives, whether it takes requests, and its numbers."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.errors import RETRY_S, ApiError
from attention_moa.server.live import ending
from attention_moa.server.service import Service, service_of
from attention_moa.server.wire import document

router = APIRouter(include_in_schema=False)

_ANSWERS_S = 2.0
_OK = {"status": "ok"}


@router.get("/healthz")
async def show_life() -> Response:
    """Return that the process lives: it answers."""
    return document(_OK)


@router.get("/readyz")
async def show_readiness(request: Request) -> Response:
    """Return that requests are taken; 503 where the server is about to end, or its journal does not answer.

    Its models need no look: without all of them a server does not listen. Whoever reaches the server may ask, so what
    is wrong with its journal stands in the log alone.
    """
    service = service_of(request)
    if service.hub.is_draining:
        raise ending()
    try:
        async with asyncio.timeout(_ANSWERS_S):
            await _require_journal(service)
    except TimeoutError:
        message = f"the journal does not answer within {_ANSWERS_S:g} s"
        raise ApiError(
            503, message, type="overloaded_error", code="journal_unavailable", retry_after_s=RETRY_S
        ) from None
    return document(_OK)


@router.get("/metrics")
async def show_metrics(request: Request) -> Response:
    """Return the server's numbers, as Prometheus reads them; where there are keys, an admin's is needed."""
    service = service_of(request)
    visitor = await service.enter(request)
    if not visitor.is_admin:
        message = "the metrics are for keys that were made with --admin"
        raise ApiError(403, message, type="permission_error", code="admin_only")
    content, media_type = service.metrics.render(request.headers.get("accept", ""))
    return Response(content, media_type=media_type)


async def _require_journal(service: Service) -> None:
    if service.journal is not None:
        await service.journal.rows(limit=1)
        await service.gate.has_keys()
