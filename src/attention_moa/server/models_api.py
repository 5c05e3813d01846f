"""``GET /v1/models`` and ``GET /v1/models/{name}``."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from attention_moa.server.gate import Visitor
from attention_moa.server.models import Served, no_model
from attention_moa.server.openapi import described
from attention_moa.server.service import Service, service_of
from attention_moa.server.wire import document

router = APIRouter()


class ModelFacts(Struct, frozen=True):
    """What an ensemble is."""

    ensemble: str
    description: str
    strategy: str
    agents: tuple[str, ...]
    layers: int


class ModelBody(Struct, frozen=True, kw_only=True):
    """A model, as the API tells it."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "attention-moa"
    attention_moa: ModelFacts


class ModelList(Struct, frozen=True, kw_only=True):
    """All models, as the API tells them."""

    object: Literal["list"] = "list"
    data: list[ModelBody]


_CREATED = 1_767_225_600  # a model has no birthday: the beginning of 2026 stands for all


@router.head("/v1/models", include_in_schema=False)
@router.get("/v1/models", openapi_extra=described(reply=ModelList))
async def list_models(request: Request) -> Response:
    """Return all models that may be used."""
    service = service_of(request)
    visitor = await service.enter(request)
    served = [one for one in service.catalogue.served.values() if visitor.may_use(one.ensemble)]
    return document(ModelList(data=[_model(one) for one in served]))


@router.head("/v1/models/{name:path}", include_in_schema=False)
@router.get("/v1/models/{name:path}", openapi_extra=described(reply=ModelBody))
async def show_model(request: Request, name: str) -> Response:
    """Return one model."""
    service = service_of(request)
    return document(_model(find_model(service, await service.enter(request), name)))


def find_model(service: Service, visitor: Visitor, name: str) -> Served:
    """Return a model that somebody may use.

    Raises:
        ApiError: 404: there is none of that name, or none for them.
    """
    found = service.catalogue.served.get(name)
    if found is None or not visitor.may_use(found.ensemble):
        raise no_model(name, filter(visitor.may_use, service.catalogue.ensembles))
    return found


def _model(served: Served) -> ModelBody:
    spec = served.spec
    agents = tuple(agent.name for agent in spec.agents)
    facts = ModelFacts(served.ensemble, spec.description, spec.strategy, agents, spec.layers)
    return ModelBody(id=served.name, created=_CREATED, attention_moa=facts)
