"""The application: what is served where, and what becomes of errors. It is composed here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

import attention_moa
from attention_moa.config import EnsembleSpec
from attention_moa.errors import MoaError
from attention_moa.ports import Journal, Provider
from attention_moa.server import chat, health, models_api, responses, runs_api
from attention_moa.server.chat_body import ChatBody
from attention_moa.server.chat_reply import Completion, CompletionChunk
from attention_moa.server.config import ServerConfig
from attention_moa.server.errors import ApiError, api_error, bad_request, not_found
from attention_moa.server.failures import told_of
from attention_moa.server.front import Front, Fronted, first_word, wants_page
from attention_moa.server.gate import Gate
from attention_moa.server.guard import Guard, GuardRules
from attention_moa.server.models_api import ModelBody, ModelList
from attention_moa.server.openapi import describe_structs
from attention_moa.server.origins import Origins
from attention_moa.server.request_numbers import RequestNumbers
from attention_moa.server.responses import ResponseDeleted
from attention_moa.server.responses_body import ITEMS, ResponsesBody
from attention_moa.server.run_events import EventBody
from attention_moa.server.runs import RunList, RunSummary
from attention_moa.server.runs_api import RunDeleted, RunTold
from attention_moa.server.service import Service, is_operator, key_of
from attention_moa.server.wire import JSON
from attention_moa.telemetry.lines import FIELDS

_LOG = logging.getLogger("attention_moa.server")
_OF_RUNS = (EventBody, RunDeleted, RunList, RunSummary, RunTold)
_OF_RESPONSES = (ResponsesBody, *ITEMS, ResponseDeleted)
_ROUTERS = (models_api.router, chat.router, responses.router, runs_api.router, health.router)
_STRUCTS = (ChatBody, Completion, CompletionChunk, ModelBody, ModelList, *_OF_RESPONSES, *_OF_RUNS)
"""What the OpenAPI document describes."""


def create_app(
    config: ServerConfig,
    *,
    specs: Iterable[EnsembleSpec] | None = None,
    providers: Mapping[str, Provider] | None = None,
    journal: Journal | None = None,
    gate: Gate | None = None,
    front: Callable[[Service], Front] | None = None,
) -> FastAPI:
    """Return the application; ``app.state.service`` is what all of its requests share.

    Args:
        config: What the server is told.
        specs: The ensembles; None loads those that the configuration names.
        providers: Providers of one's own by the prefix of the model string.
        journal: An open journal in the place of the configured one; it stays open.
        gate: Who may come in; None for everybody, or those who have a key where there are keys.
        front: Makes what serves people at addresses of its own; None for an API alone.

    Raises:
        ConfigError: An ensemble cannot be had.
    """
    service = Service(config, specs=specs, providers=providers, journal=journal, gate=gate)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:  # noqa: ARG001 - starlette's signature
        async with service:
            yield

    app = FastAPI(
        title="attention-moa",
        version=attention_moa.__version__,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},  # runs tell more
    )
    app.state.service = service
    before = None if front is None else front(service)
    first_words = _first_words(app)
    if before is not None:
        app.add_middleware(Fronted, front=before, first_words=first_words)

    def route_of(scope: Scope) -> str:
        return _route_of(scope) or (before.route(scope["path"], scope["method"]) if before is not None else "")

    def page_of(scope: Scope, told: ApiError) -> Response | None:
        if before is None or not wants_page(scope, first_words):
            return None
        return before.told(scope, told.status, told.message)

    numbers = RequestNumbers(service.metrics)
    app.add_middleware(Guard, rules=_guard_rules(config), answered=numbers, route_of=route_of, page_of=page_of)
    _add_routes(app)
    _add_errors(app)
    describe_structs(app, _STRUCTS)
    return app


def _first_words(app: FastAPI) -> frozenset[str]:
    """Return the words with which the routes' addresses begin."""
    routes = (route for router in _ROUTERS for route in router.routes if isinstance(route, Route))
    return frozenset(first_word(path) for path in (*(route.path for route in routes), app.openapi_url or ""))


def _guard_rules(config: ServerConfig) -> GuardRules:
    return GuardRules(
        origins=Origins(host=config.host, allowed_hosts=config.allowed_hosts, cors_origins=config.cors_origins),
        max_body_bytes=round(config.max_body_mib * 2**20),
        body_timeout_s=config.body_timeout_s,
    )


def _add_routes(app: FastAPI) -> None:
    for router in _ROUTERS:
        app.include_router(router)


def _route_of(scope: Scope) -> str:
    """Return the path of the route that a request fits, as the OpenAPI document has it; empty where there is none."""
    routes = (route for router in _ROUTERS for route in router.routes if isinstance(route, Route))
    return next((route.path for route in routes if route.matches(scope)[0] is Match.FULL), "")


def _add_errors(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _told)
    app.add_exception_handler(MoaError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(Exception, _broken)


async def _told(request: Request, error: Exception) -> Response:
    """Tell what went wrong."""
    return _response(_told_of(request, error))


def _told_of(request: Request, error: Exception) -> ApiError:
    about = {"request_id": request.state.request_id, "key": key_of(request), "path": request.url.path}
    return told_of(error, is_operator=is_operator(request), **about)


async def _broken(request: Request, error: Exception) -> Response:
    """Tell that the fault is the server's own; the log says which, the client is shown no trace."""
    _LOG.error("server.request_broke", exc_info=error, extra={FIELDS: {"path": request.url.path}})
    return _response(api_error(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """Tell which part of an address is wrong."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these alone
    fault = error.errors()[0]
    param = ".".join(str(step) for step in fault["loc"][1:])
    return await _told(request, bad_request(f"{param}: {fault['msg']}", param=param or None))


def _response(told: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    headers = {**told.headers, **(headers or {})}
    return Response(told.json, status_code=told.status, headers=headers, media_type=JSON)


async def _not_routed(request: Request, error: Exception) -> Response:
    """Tell in the API's shape what the router says in plain text: no such address, no such method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these alone
    what = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        told = not_found(f"there is no {what} here", code="unknown_url")
    else:
        methods = (error.headers or {}).get("Allow", "")
        why = f"there is no {what} here" + (f", only {methods}" if methods else f": {error.detail}")
        told = ApiError(error.status_code, why, type="invalid_request_error", code="method_not_allowed")
    return _response(_told_of(request, told), error.headers)
