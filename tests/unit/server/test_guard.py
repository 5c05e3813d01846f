"""What a request passes before anything else looks at it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attention_moa.server.guard import Guard, GuardRules
from attention_moa.server.origins import Origins
from attention_moa.telemetry.lines import FIELDS
from tests import virtual_time

RULES = GuardRules(
    origins=Origins(host="127.0.0.1", cors_origins=("https://app.example",)), max_body_bytes=100, body_timeout_s=0.1
)
HOST = ("host", "localhost:8000")
WAIT = {"type": "wait"}
LEFT = {"type": "http.disconnect"}


class Answer(NamedTuple):
    """What came back: status, headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error in OpenAI's shape."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        code: str = error["code"]
        return code


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the request's body."""
    response = PlainTextResponse(await Request(scope, receive).body())
    await response(scope, receive, send)


def parts(*bodies: bytes) -> list[Message]:
    """Return a body in parts, as they arrive."""
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": at < last} for at, body in enumerate(bodies)]


async def ask(
    app: ASGIApp,
    *headers: tuple[str, str],
    method: str = "POST",
    messages: Sequence[Message] | None = None,
) -> Answer:
    """Return what a guarded application answers."""
    coming = list(messages if messages is not None else parts(b"hello"))
    sent: list[Message] = []

    async def receive() -> Message:
        if not coming or coming[0] is WAIT:
            await asyncio.sleep(60)
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    await app({"type": "http", "method": method, "path": "/v1/x", "headers": raw}, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))


def answer(*headers: tuple[str, str], app: ASGIApp = echo, **how: Any) -> Answer:
    """Return what one request is answered."""
    return virtual_time.run(ask(Guard(app, rules=RULES), *headers, **how))


def test_a_plain_request_passes_and_gets_the_common_headers() -> None:
    """No answer is kept, framed or guessed at by a browser."""
    found = answer(HOST)
    assert (found.status, found.body) == (200, b"hello")
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "access-control-allow-origin" not in found.headers


def test_what_a_route_says_of_caching_and_scripts_holds() -> None:
    """A page of the server's own may have scripts."""

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"cache-control": "max-age=60", "content-security-policy": "default-src 'self'"}
        await Response("page", headers=headers)(scope, receive, send)

    found = answer(HOST, app=page)
    assert found.headers["cache-control"] == "max-age=60"
    assert found.headers["content-security-policy"] == "default-src 'self'"


def test_a_request_has_an_id_its_own_where_it_is_a_plain_one() -> None:
    """What is none is not repeated."""
    assert answer(HOST, ("x-request-id", "mine-1")).headers["x-request-id"] == "mine-1"
    for hostile in ("a b", "a" * 129, "\xe9", ""):
        assert answer(HOST, ("x-request-id", hostile)).headers["x-request-id"].startswith("req_")
    assert answer(HOST).headers["x-request-id"] != answer(HOST).headers["x-request-id"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([], 400, "invalid_host"),
        ([HOST, HOST], 400, "invalid_host"),
        ([("host", "evil.example")], 403, "host_not_allowed"),
        ([HOST, ("origin", "https://evil.example")], 403, "origin_not_allowed"),
        ([HOST, ("origin", "null")], 403, "origin_not_allowed"),
        ([HOST, ("origin", "http://localhost:8000"), ("origin", "null")], 403, "origin_not_allowed"),
        ([("host", "\xe9\r\n<script>")], 403, "host_not_allowed"),
    ],
)
def test_what_comes_under_a_foreign_name_or_from_a_foreign_page_is_refused(
    headers: list[tuple[str, str]], status: int, code: str
) -> None:
    """In the API's shape, and no route hears of it."""

    async def never(*_: object) -> None:
        raise AssertionError

    found = answer(*headers, app=never)
    assert (found.status, found.code) == (status, code)
    assert found.headers["x-request-id"]
    assert found.headers["content-length"] == str(len(found.body))


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://app.example"])
def test_pages_of_the_server_and_of_allowed_origins_may_call_it(origin: str) -> None:
    """They read the answer where they are of another origin, and the server says so."""
    found = answer(HOST, ("origin", origin))
    assert found.status == 200
    assert found.headers.get("access-control-allow-origin") == (origin if origin.startswith("https") else None)


def test_reading_is_not_refused_to_a_foreign_page_which_cannot_see_it() -> None:
    """A browser shows the answer only to pages that the server names."""
    found = answer(HOST, ("origin", "https://evil.example"), method="GET")
    assert found.status == 200
    assert "access-control-allow-origin" not in found.headers
    assert found.headers["vary"] == "origin"


PREFLIGHT = ("access-control-request-method", "POST")


def test_a_browser_that_asks_beforehand_is_told_what_an_allowed_page_may_send() -> None:
    """The headers that it names, if they are names."""
    wanted = ("access-control-request-headers", "authorization, x-stainless-lang")
    found = answer(HOST, ("origin", "https://app.example"), PREFLIGHT, wanted, method="OPTIONS")
    assert (found.status, found.body) == (204, b"")
    assert found.headers["access-control-allow-headers"] == "authorization, x-stainless-lang"
    assert found.headers["access-control-allow-origin"] == "https://app.example"
    hostile = ("access-control-request-headers", "a\r\nset-cookie: x")
    found = answer(HOST, ("origin", "https://app.example"), PREFLIGHT, hostile, method="OPTIONS")
    assert found.headers["access-control-allow-headers"] == "authorization, content-type"


def test_a_foreign_page_that_asks_beforehand_is_refused() -> None:
    """So its browser sends nothing more."""
    found = answer(HOST, ("origin", "https://evil.example"), PREFLIGHT, method="OPTIONS")
    assert (found.status, found.code) == (403, "origin_not_allowed")


@pytest.mark.parametrize(
    "how",
    [
        {"messages": parts(b"x" * 101)},
        {"messages": parts(*[b"x" * 10] * 11)},
        {"headers": [("content-length", "101")], "messages": []},
        {"headers": [("content-length", "9" * 4000)], "messages": []},
    ],
)
def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_itself(how: dict[str, Any]) -> None:
    """Where it says so, nothing of it is read; the connection ends, since its rest would come next."""
    found = answer(HOST, *how.pop("headers", []), **how)
    assert (found.status, found.code) == (413, "request_too_large")
    assert found.headers["connection"] == "close"


def test_the_largest_body_passes() -> None:
    """To the byte."""
    assert answer(HOST, ("content-length", "100"), messages=parts(b"x" * 50, b"x" * 50)).body == b"x" * 100


@pytest.mark.parametrize("messages", [[WAIT], [*parts(b"a", b"")[:1], WAIT]])
def test_a_body_that_does_not_arrive_in_time_is_given_up(messages: list[Message]) -> None:
    """Whether nothing of it comes, or only its beginning."""
    found = answer(HOST, messages=messages)
    assert (found.status, found.code) == (408, "request_timeout")
    assert found.headers["connection"] == "close"


def test_time_runs_for_the_body_alone() -> None:
    """An answer may take as long as it takes, and hears when its client leaves."""

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()
        await asyncio.sleep(0.2)
        assert (await receive())["type"] == "http.disconnect"
        await PlainTextResponse("done")(scope, receive, send)

    assert answer(HOST, app=slow, messages=[*parts(b"x"), LEFT]).body == b"done"


def test_a_client_that_leaves_in_mid_body_is_no_fault_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it stands in the log as one."""
    answer(HOST, messages=[*parts(b"a", b"")[:1], LEFT])
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


def test_a_route_that_breaks_shows_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    """What it was stands in the log, with the request's id."""

    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    found = answer(HOST, ("x-request-id", "mine"), app=broken)
    assert (found.status, found.code) == (500, "internal_error")
    assert b"secret" not in found.body
    (line,) = [line for line in caplog.records if line.levelname == "ERROR"]
    assert (line.getMessage(), line.__dict__[FIELDS]) == ("server.request_broke", {"request_id": "mine"})
    assert line.exc_info is not None


def test_a_route_that_breaks_in_mid_answer_ends_the_connection() -> None:
    """The client cannot take what it has for the whole."""

    async def broken(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer(HOST, app=broken)


def test_so_many_bodies_at_once_that_they_would_fill_the_memory_are_refused() -> None:
    """Until some of them have arrived, or were given up."""

    async def scenario() -> None:
        rules = GuardRules(origins=RULES.origins, max_body_bytes=100, body_timeout_s=0.5)
        guard = Guard(echo, rules=rules)
        async with asyncio.TaskGroup() as group:
            arriving = [*parts(b"x" * 90, b"")[:1], WAIT]
            slow = [group.create_task(ask(guard, HOST, messages=arriving)) for _ in range(17)]
            for _turn in range(20):  # all of them have sent their beginning then
                await asyncio.sleep(0)
            busy = await ask(guard, HOST, messages=parts(b"x" * 100))
            assert (busy.status, busy.code) == (503, "overloaded")
            assert busy.headers["retry-after"]
        assert {task.result().status for task in slow} == {408}
        assert (await ask(guard, HOST, messages=parts(b"x" * 100))).status == 200

    virtual_time.run(scenario())


class Socket:
    """A WebSocket's ends, and whether it was let through."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.was_let_in = False

    async def app(self, *_: object) -> None:
        self.was_let_in = True

    async def connect(self, *headers: tuple[str, str]) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers]

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            self.sent.append(message)

        await Guard(self.app, rules=RULES)({"type": "websocket", "path": "/", "headers": raw}, receive, send)


@pytest.mark.parametrize(
    ("headers", "is_let_in"),
    [
        ([HOST], True),
        ([HOST, ("origin", "http://localhost:8000")], True),
        ([HOST, ("origin", "https://evil.example")], False),
        ([("host", "evil.example")], False),
    ],
)
def test_a_websocket_of_a_foreign_page_is_closed_before_it_is_one(
    headers: list[tuple[str, str]], is_let_in: bool
) -> None:
    """A browser lets any page open one, so the server has to ask."""
    socket = Socket()
    virtual_time.run(socket.connect(*headers))
    assert socket.was_let_in == is_let_in
    assert [message["type"] for message in socket.sent] == ([] if is_let_in else ["websocket.close"])


def test_what_is_no_request_passes() -> None:
    """The application's start and end."""
    seen: list[str] = []

    async def app(scope: Scope, *_: object) -> None:
        seen.append(scope["type"])

    async def none() -> Message:
        raise AssertionError

    async def nowhere(_: Message) -> None:
        raise AssertionError

    virtual_time.run(Guard(app, rules=RULES)({"type": "lifespan"}, none, nowhere))
    assert seen == ["lifespan"]
