"""The simulated fleet as a server on loopback."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from aiohttp import web

from attention_moa.errors import ConfigError
from attention_moa.fleet.clock import Clock
from attention_moa.fleet.log import NO_MESSAGES, Visit, VisitLog
from attention_moa.fleet.models import SimulatedModel
from attention_moa.fleet.replies import error_document
from attention_moa.fleet.requests import BadRequestError, ChatRequest, parse_request
from attention_moa.fleet.sending import JSON
from attention_moa.fleet.spec import FleetSpec
from attention_moa.fleet.stats import ModelStats

HOST = "127.0.0.1"
_MOST_BYTES = 64 * 2**20
_MOST_REMEMBERED = 200_000
_OLD_AFTER_S = 0.1


class Fleet:
    """A running fleet; use it as an async context manager.

        async with Fleet(load_fleet()) as fleet:
            ...  # fleet.base_url, fleet.log, fleet.stats

    Args:
        spec: What it simulates.
        port: Where it listens, on loopback; 0 takes a free port.
        key: The API key that requests have to bring; None for none.
        log_file: Gets a line of JSON for each request that is over; None for no file.
        has_messages: Whether the log keeps the messages of requests and the texts of replies.
        most_visits: How many requests the log in memory keeps, the latest; None for all.
    """

    def __init__(
        self,
        spec: FleetSpec,
        *,
        port: int = 0,
        key: str | None = None,
        log_file: Path | None = None,
        has_messages: bool = False,
        most_visits: int | None = None,
    ) -> None:
        """Prepare the fleet; nothing listens yet."""
        self.spec = spec
        self.log = VisitLog(most_visits)
        self._port = port
        self._key = key
        self._log_file = log_file
        self._has_messages = has_messages
        self._times: OrderedDict[bytes, int] = OrderedDict()
        self._models: dict[str, SimulatedModel] = {}
        self._bad_requests = 0
        self._is_closing = False
        self._runner: web.ServerRunner | None = None

    @property
    def base_url(self) -> str:
        """Where the API is, for ``base_url`` of an agent."""
        return f"http://{HOST}:{self._port}/v1"

    @property
    def stats(self) -> dict[str, ModelStats]:
        """The counts so far, by model."""
        return {name: model.stats for name, model in self._models.items()}

    @property
    def bad_requests(self) -> int:
        """How many requests reached no model: without a key, with a mistake, or for a model that is not there."""
        return self._bad_requests

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            ConfigError: The port is taken, or the log cannot be written.
        """
        clock = Clock(self.spec.time_scale)
        self._models = {model.name: SimulatedModel(self.spec, model, clock) for model in self.spec.models}
        self._is_closing = False
        if self._log_file is not None:
            self.log.open(self._log_file)
        request = partial(web.BaseRequest, loop=asyncio.get_running_loop(), client_max_size=_MOST_BYTES)
        server = web.Server(self._respond, request_factory=request, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=_OLD_AFTER_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, self._port).start()
        except OSError as error:
            await runner.cleanup()
            self.log.close()
            raise ConfigError(
                f"{self._port} cannot be used ({error.strerror}): choose another", key="--port"
            ) from error
        self._runner = runner
        self._port = runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all requests and close the port."""
        self._is_closing = True
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        self.log.close()

    def reset(self) -> None:
        """Forget all: counts, caches, limits, the log in memory, and which requests came before."""
        for model in self._models.values():
            model.reset()
        self.log.clear()
        self._times.clear()
        self._bad_requests = 0

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(request)
        except BadRequestError as error:
            self._bad_requests += 1
            kind = "invalid_request_error"
            body = error_document(str(error), kind=kind, code=error.code, param=error.param)
            return web.Response(body=body, status=error.status, content_type=JSON)

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        place = request.method, request.path
        if place == ("GET", "/healthz"):
            return _json({"status": "ok"})
        self._require_key(request)
        if place == ("POST", "/v1/chat/completions"):
            return await self._chat(request)
        if place == ("GET", "/v1/models"):
            return _json({"object": "list", "data": [_model(name) for name in self._models]})
        if place == ("GET", "/stats"):
            return _json({"models": self.stats, "bad_requests": self._bad_requests})
        if place == ("POST", "/reset"):
            self.reset()
            return _json({"status": "ok"})
        raise BadRequestError(404, f"there is no {request.method} {request.path} here", code="not_found")

    def _require_key(self, request: web.BaseRequest) -> None:
        if self._key is None:
            return
        brought = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(brought.encode(errors="replace"), self._key.encode()):
            raise BadRequestError(401, "the API key is missing or wrong", code="invalid_api_key")

    async def _chat(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            asked = parse_request(await request.read())
        except web.HTTPRequestEntityTooLarge as error:
            raise BadRequestError(413, f"the body is larger than {_MOST_BYTES} bytes") from error
        model = self._models.get(asked.model)
        if model is None:
            message = f"the model {asked.model!r} does not exist: there are {', '.join(self._models)}"
            raise BadRequestError(404, message, code="model_not_found", param="model")
        visit = self._visit(asked)
        self.log.begin(visit)
        try:
            return await model.answer(request, asked, visit)
        except (asyncio.CancelledError, ConnectionError):
            visit.has_left = not self._is_closing
            visit.is_whole = False
            raise
        finally:
            model.record(visit)
            self.log.end(visit)

    def _visit(self, asked: ChatRequest) -> Visit:
        times = self._times.pop(asked.digest, 0)
        self._times[asked.digest] = times + 1
        if len(self._times) > _MOST_REMEMBERED:
            self._times.popitem(last=False)
        return Visit(
            number=self.log.next_number(),
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            model=asked.model,
            request=asked.digest.hex()[:16],
            times=times,
            messages_sha256=sha256(asked.messages).hexdigest(),
            messages=asked.messages if self._has_messages else NO_MESSAGES,
            is_streamed=asked.is_streamed,
        )


def _json(document: dict[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type=JSON)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "attention-moa"}
