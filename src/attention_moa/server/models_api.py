"""``GET /v1/models`` and ``GET /v1/models/{name}``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.gate import Visitor
from attention_moa.server.models import Served, no_model
from attention_moa.server.service import Service, service_of
from attention_moa.server.wire import document

router = APIRouter()
_CREATED = 1_767_225_600  # a model has no birthday: the beginning of 2026 stands for all


@router.get("/v1/models")
async def list_models(request: Request) -> Response:
    """Return all models that may be used."""
    service = service_of(request)
    visitor = await service.gate.enter(request)
    served = [one for one in service.catalogue.served.values() if visitor.may_use(one.ensemble)]
    return document({"object": "list", "data": [_model(one) for one in served]})


@router.get("/v1/models/{name:path}")
async def show_model(request: Request, name: str) -> Response:
    """Return one model."""
    service = service_of(request)
    return document(_model(find_model(service, await service.gate.enter(request), name)))


def find_model(service: Service, visitor: Visitor, name: str) -> Served:
    """Return a model that somebody may use.

    Raises:
        ApiError: 404: there is none of that name, or none for them.
    """
    found = service.catalogue.served.get(name)
    if found is None or not visitor.may_use(found.ensemble):
        raise no_model(name, filter(visitor.may_use, service.catalogue.ensembles))
    return found


def _model(served: Served) -> dict[str, Any]:
    return {
        "id": served.name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "attention-moa",
        "attention_moa": {
            "ensemble": served.ensemble,
            "description": served.spec.description,
            "strategy": served.spec.strategy,
            "agents": [agent.name for agent in served.spec.agents],
            "layers": served.spec.layers,
        },
    }
