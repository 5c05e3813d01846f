"""The page's place before the routes."""

from __future__ import annotations

import httpx2
from msgspec.structs import replace
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from attention_moa.server.app import create_app
from attention_moa.server.service import Service
from tests.server_world import DUO, QUIET, run, scripted


class Poster:
    """A front that says one thing at one address."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def route(self, path: str, method: str) -> str:
        return f"/{{{method.lower()}}}" if self.serves(path) else ""

    def serves(self, path: str) -> bool:
        return path == "/"

    def told(self, scope: Scope, status: int, message: str) -> Response:  # noqa: ARG002 - a front's signature
        return PlainTextResponse(f"told people: {message}", status_code=status)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("for people", headers={"referrer-policy": "same-origin"})(scope, receive, send)


def test_a_front_has_its_addresses_and_the_routes_all_others() -> None:
    """Behind the guard, with its headers; what is unknown is told in the API's shape, and the document is the same."""

    async def body() -> None:
        app = create_app(replace(QUIET), specs=[DUO], providers={"test": scripted()}, front=Poster)
        plain = create_app(replace(QUIET), specs=[DUO], providers={"test": scripted()})
        transport = httpx2.ASGITransport(app)
        async with app.state.service, httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            found = await client.get("/")
            assert (found.text, found.headers["x-frame-options"]) == ("for people", "DENY")
            assert found.headers["referrer-policy"] == "same-origin"
            models = await client.get("/v1/models")
            assert models.headers["referrer-policy"] == "no-referrer"
            assert (await client.get("/v1/nothing")).json()["error"]["code"] == "unknown_url"
            assert (await client.post("/v1/models")).status_code == 405
            assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403
        assert app.openapi() == plain.openapi()

    run(body)


def test_a_browser_at_an_address_that_nobody_has_is_told_so_by_the_front() -> None:
    """Programs are told in the API's shape; so is everybody below its own addresses, and who would change something."""

    async def body() -> None:
        app = create_app(replace(QUIET), specs=[DUO], providers={"test": scripted()}, front=Poster)
        transport = httpx2.ASGITransport(app)
        browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        async with app.state.service, httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/nope", headers=browser)).text == "for people"
            assert (await client.get("/nope")).json()["error"]["code"] == "unknown_url"
            assert (await client.post("/nope", headers=browser)).json()["error"]["code"] == "unknown_url"
            for path in ("/v1", "/v1/nothing", "/metrics/more", "/openapi.json/nothing"):
                assert (await client.get(path, headers=browser)).json()["error"]["code"] == "unknown_url"
            assert "for people" not in (await client.get("/metrics", headers=browser)).text

    run(body)


class Broken(Poster):
    """A front that breaks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - a front's signature
        raise ValueError("of its own")


def test_what_keeps_a_person_from_a_page_is_told_by_the_front() -> None:
    """A fault of the server's own, a name that is not its own; programs are told both in the API's shape."""

    async def body() -> None:
        app = create_app(replace(QUIET), specs=[DUO], providers={"test": scripted()}, front=Broken)
        transport = httpx2.ASGITransport(app)
        browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        async with app.state.service, httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            broken = await client.get("/", headers=browser)
            assert (broken.status_code, broken.headers["x-frame-options"]) == (500, "DENY")
            assert broken.text == "told people: the server met an error of its own: its log says which"
            assert (await client.get("/")).json()["error"]["code"] == "internal_error"
            named = {**browser, "host": "evil.example"}
            assert (await client.get("/", headers=named)).text.startswith("told people: 'evil.example' is no name")
            assert (await client.get("/v1/models", headers=named)).json()["error"]["code"] == "host_not_allowed"

    run(body)


def test_requests_of_the_front_are_counted_by_its_patterns() -> None:
    """Also those that the guard refuses; addresses and methods that somebody made up are counted as others."""

    async def body() -> None:
        app = create_app(replace(QUIET), specs=[DUO], providers={"test": scripted()}, front=Poster)
        transport = httpx2.ASGITransport(app)
        async with app.state.service, httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            await client.get("/")
            await client.get("/", headers={"host": "evil.example"})
            await client.get("/made-up")
            await client.get("/v1/models")
            told = (await client.get("/metrics")).text
            for route, status in (("GET /{get}", 200), ("GET /{get}", 403), ("other", 404), ("GET /v1/models", 200)):
                assert f'attention_moa_requests_total{{route="{route}",status="{status}"}} 1.0' in told

    run(body)
