"""The application as a whole: its document, its addresses, and what becomes of errors that nobody foresaw."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from fastapi import FastAPI

from attention_moa.errors import ConfigError, StoreError
from attention_moa.server.app import create_app
from attention_moa.server.config import ServerConfig
from tests.server_world import ASKED, DUO, QUIET, a_server, run, scripted


def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return create_app(QUIET, specs=[DUO]).openapi()


def schema(name: str) -> dict[str, Any]:
    """Return a schema of the document, whole."""
    told = document()
    return {"$ref": f"#/components/schemas/{name}", "components": told["components"]}


def test_everything_that_the_document_refers_to_is_in_it() -> None:
    """Nothing dangles."""
    told = document()
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', msgspec.json.encode(told).decode()))
    assert named <= set(told["components"]["schemas"])


def test_every_route_tells_what_its_errors_look_like() -> None:
    """And promises none that is not."""
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            error = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert error == {"$ref": "#/components/schemas/ErrorBody"}, path
            assert "422" not in operation["responses"], path


@pytest.mark.parametrize(
    ("body", "is_right"),
    [
        ({"model": "duo", "messages": ASKED}, True),
        ({"model": "duo", "messages": ASKED, "stream": True, "n": 2, "attention_moa": {"layers": 2}}, True),
        ({"model": "duo", "messages": []}, False),
        ({"model": "duo", "messages": ASKED, "temperature": 9}, False),
        ({"model": "duo", "messages": ASKED, "top_k": 9}, False),
    ],
)
def test_the_document_says_of_requests_what_the_server_does(body: dict[str, Any], is_right: bool) -> None:
    """What it allows is taken, what it does not is refused."""

    async def test() -> None:
        async with a_server() as world:
            response = await world.http.post("/v1/chat/completions", json=body)
            assert (response.status_code == 200) is is_right
            assert jsonschema_rs.is_valid(schema("ChatBody"), body) is is_right

    run(test)


def test_the_document_says_what_comes_back() -> None:
    """A completion, the pieces of a stream, models, errors."""

    async def test() -> None:
        async with a_server() as world:
            jsonschema_rs.validate(schema("Completion"), (await world.post()).json())
            for line in await world.stream(stream_options={"include_usage": True}):
                if line.startswith("data: {"):
                    jsonschema_rs.validate(schema("CompletionChunk"), msgspec.json.decode(line[6:]))
            jsonschema_rs.validate(schema("ModelList"), (await world.http.get("/v1/models")).json())
            jsonschema_rs.validate(schema("ModelBody"), (await world.http.get("/v1/models/duo")).json())
            jsonschema_rs.validate(schema("ErrorBody"), (await world.post(n=0)).json())
            told = (await world.http.get("/openapi.json")).json()
            assert told == msgspec.json.decode(msgspec.json.encode(document()))

    run(test)


def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    """An address may hold anything."""

    async def test() -> None:
        async with a_server() as world:
            gone = await world.http.get("/v1/models/no/such%20model")
            assert (gone.status_code, gone.json()["error"]["code"]) == (404, "model_not_found")
            assert "there are duo" in gone.json()["error"]["message"]

    run(test)


def with_routes(app: FastAPI) -> None:
    """Give an application routes that break in several ways."""

    def broken() -> None:
        raise ValueError("SECRET")

    def misconfigured() -> None:
        raise ConfigError("a key is missing", key="api_key_env")

    def unreadable() -> None:
        raise StoreError("the disk is gone")

    def counted(number: int) -> int:
        return number

    for made in (broken, misconfigured, unreadable, counted):
        app.add_api_route(f"/{made.__name__}", made, response_model=None)


def test_whatever_breaks_is_told_in_the_apis_shape_and_without_a_trace() -> None:
    """The log has it."""

    async def test() -> None:
        async with a_server() as world:
            with_routes(world.app)
            broken = await world.http.get("/broken")
            assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal_error")
            assert "SECRET" not in broken.text
            assert "Traceback" not in broken.text
            wrong = await world.http.get("/misconfigured")
            assert (wrong.status_code, wrong.json()["error"]["code"]) == (500, "misconfigured")
            store = await world.http.get("/unreadable")
            assert (store.status_code, store.headers["retry-after"]) == (503, "5")
            number = await world.http.get("/counted?number=x")
            assert (number.status_code, number.json()["error"]["param"]) == (400, "number")

    run(test)


def test_an_application_of_somebody_elses_loop_is_entered_by_its_lifespan() -> None:
    """And left with it."""

    async def test() -> None:
        app = create_app(QUIET, specs=[DUO], providers={"test": scripted()})
        service = app.state.service
        with pytest.raises(RuntimeError, match="not entered"):
            _ = service.hub
        async with app.router.lifespan_context(app):
            assert service.hub.running == ()

    run(test)


def test_a_public_address_without_keys_is_refused_unless_forced() -> None:
    """Before anything is served."""

    async def test() -> None:
        public = ServerConfig(host="0.0.0.0", is_unjournaled=True)  # noqa: S104 - it is refused
        with pytest.raises(ConfigError) as refused:
            async with create_app(public, specs=[DUO], providers={"test": scripted()}).state.service:
                pass
        assert refused.value.key == "host"
        forced = ServerConfig(host="0.0.0.0", is_unjournaled=True, is_public_forced=True)  # noqa: S104 - only entered
        async with create_app(forced, specs=[DUO], providers={"test": scripted()}).state.service as service:
            assert service.hub.running == ()

    run(test)
