"""The page's addresses: who may open which, with which headers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from attention_moa.ui.files import Files
from attention_moa.ui.front import PageFront
from attention_moa.ui.ports import RefusedError, Visitor

T = TypeVar("T")
URL = "http://127.0.0.1:8000"
GOOD = "moa-good"
PAGE = '<style>a{}</style><script>1</script><script type="module" src="/x.js"></script>&lt;script&gt; said'


class Doors:
    """Lets in whoever has the good key."""

    def __init__(self, failure: RefusedError | None = None) -> None:
        self.failure = failure

    async def enter(self, key: str | None) -> Visitor:
        if self.failure is not None:
            raise self.failure
        if key != GOOD:
            raise RefusedError("no", is_key_bad=True)
        return Visitor(name="alice", is_admin=False)


class Site:
    """What is behind the front: it notes what came through."""

    def __init__(self) -> None:
        self.came: list[tuple[str, str | None]] = []
        self.headers: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came.append((scope["path"], scope.get("state", {}).get("page_key")))
        self.headers += [name for name, _ in scope["headers"]]
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            return
        response: Response = HTMLResponse(PAGE)
        if scope["path"].startswith("/_nicegui/"):
            is_file = scope["path"].endswith(".js")
            response = PlainTextResponse("x" * 5000 if is_file else "no", 200 if is_file else 404)
        await response(scope, receive, send)


def the_front(doors: Doors | None = None) -> tuple[PageFront, Site]:
    """Return a front and what is behind it."""
    site = Site()
    return PageFront(site, doors or Doors()), site  # type: ignore[arg-type]  # doors are all that it asks for


def asked(
    front: PageFront, path: str, *, method: str = "GET", key: str | None = GOOD, **wishes: Any
) -> httpx2.Response:
    """Return the answer to a request that brings a key in its cookie."""

    async def ask() -> httpx2.Response:
        headers = {} if key is None else {"cookie": f"other=1; attention_moa_key_8000={key}"}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(with_state(front)), base_url=URL) as client:
            return await client.request(method, path, headers=headers | wishes.pop("headers", {}), **wishes)

    return now(ask())


def with_state(front: PageFront) -> Any:
    """Return the front with what the guard puts before it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await front({**scope, "state": {}}, receive, send)

    return app


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns."""
    return asyncio.run(coroutine)


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/leave", "/runs", "/runs/r-1", "/favicon.ico", "/_nicegui/3/x.js", "/_nicegui_ws/socket.io/"],
)
def test_it_serves_its_own_addresses(path: str) -> None:
    """Pages, the form, files, the socket."""
    assert the_front()[0].serves(path)


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1/runs", "/healthz", "/metrics", "/openapi.json", "/runs/a/b", "/x", ""]
)
def test_all_others_are_the_servers(path: str) -> None:
    """The API's addresses, and those of nobody."""
    assert not the_front()[0].serves(path)


def test_a_page_is_made_for_who_has_a_key() -> None:
    """Its maker is told the key; its own scripts and styles have the nonce, what was said has none."""
    front, site = the_front()
    answer = asked(front, "/runs/r-1")
    assert site.came == [("/runs/r-1", GOOD)]
    policy = answer.headers["content-security-policy"]
    nonce = re.findall(r"'nonce-([^']+)'", policy)
    assert len(set(nonce)) == 1
    assert answer.text.count(f'nonce="{nonce[0]}"') == 3
    assert "&lt;script&gt; said" in answer.text
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"


def test_no_two_pages_share_a_nonce() -> None:
    """It is drawn for each."""
    front, _ = the_front()
    assert len({asked(front, "/").headers["content-security-policy"] for _ in range(3)}) == 3


@pytest.mark.parametrize("key", [None, "moa-wrong", "", "moa good"])
def test_without_a_good_key_one_is_sent_to_the_form(key: str | None) -> None:
    """The page is not made; the form leads on to it."""
    front, site = the_front()
    answer = asked(front, "/runs/r-1", key=key)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/runs/r-1")
    assert site.came == []


def test_the_form_is_shown_and_runs_no_script() -> None:
    """Who is in already is led on."""
    front, _ = the_front()
    answer = asked(front, "/login?next=/runs/r-1", key=None)
    assert answer.status_code == 200
    assert 'action="/login?next=/runs/r-1"' in answer.text
    assert "script" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    assert asked(front, "/login?next=/runs/r-1").headers["location"] == "/runs/r-1"


def test_a_good_key_comes_in() -> None:
    """It goes into a cookie that no script reads and that no other site sends; over TLS it is sent over TLS alone."""
    front, _ = the_front()
    body = urlencode({"key": f" {GOOD} "})
    answer = asked(front, "/login?next=/runs/r-1", method="POST", key=None, content=body)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/r-1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"attention_moa_key_8000={GOOD};")
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} < set(cookie.split("; "))
    assert "Secure" not in cookie
    safe = asked(front, "/login", method="POST", key=None, content=body, headers={"origin": "https://moa.example"})
    assert "Secure" in safe.headers["set-cookie"].split("; ")
    assert safe.headers["location"] == "/"


@pytest.mark.parametrize("body", ["key=moa-wrong", "key=", "", "key=a;b", f"key={GOOD}&x={'y' * 5000}", "key=%ff"])
def test_a_bad_key_stays_out(body: str) -> None:
    """The form says so, without the key, and no cookie is set."""
    front, _ = the_front()
    answer = asked(front, "/login", method="POST", key=None, content=body)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert "moa-wrong" not in answer.text


def test_who_leaves_is_forgotten() -> None:
    """By the button alone: a link from elsewhere sends nobody away."""
    front, _ = the_front()
    answer = asked(front, "/leave", method="POST")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert asked(front, "/leave").status_code == 405


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("DELETE", "/login"), ("GET", "/_nicegui_ws/socket.io/?EIO=4")]
)
def test_nothing_else_is_done_at_its_addresses(method: str, path: str) -> None:
    """No page takes a form, and the socket is no plain request."""
    front, site = the_front()
    assert asked(front, path, method=method).status_code == 405
    assert site.came == []


def test_its_own_files_never_change_and_are_everybodys() -> None:
    """Each is under an address with its version, packed for who takes that."""
    front, site = the_front()
    answer = asked(front, Files.address("page.css"), key=None)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    plain = asked(front, Files.address("page.css"), key=None, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == answer.text
    assert asked(front, "/favicon.ico", key=None).headers["content-type"] == "image/svg+xml"
    assert site.came == []


def test_files_of_nicegui_are_read_once() -> None:
    """What is not there is asked for again, and not kept anywhere."""
    front, site = the_front()
    for _ in range(2):
        assert asked(front, "/_nicegui/3/static/x.js", key=None).headers["cache-control"].endswith("immutable")
        assert asked(front, "/_nicegui/3/static/gone", key=None).headers["cache-control"] == "no-store"
    assert [path for path, _ in site.came] == ["/_nicegui/3/static/x.js", *["/_nicegui/3/static/gone"] * 2]


def test_a_header_that_would_be_written_into_pages_is_dropped() -> None:
    """NiceGUI would take it for the page's own address."""
    front, site = the_front()
    asked(front, "/", headers={"x-forwarded-prefix": "//evil"})
    assert b"x-forwarded-prefix" not in site.headers


def test_keys_that_cannot_be_read_are_no_open_door() -> None:
    """What is wrong is said on a page; a socket is closed."""
    front, site = the_front(Doors(RefusedError("the journal is locked")))
    answer = asked(front, "/")
    assert answer.status_code == 503
    assert "the journal is locked" in answer.text
    assert now(connected(front)) == "websocket.close"
    assert site.came == []


async def connected(front: PageFront, key: str = GOOD, path: str = "/_nicegui_ws/socket.io/") -> str:
    """Return what a WebSocket hears first."""
    heard: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        heard.append(message)

    headers = [(b"host", b"127.0.0.1:8000"), (b"cookie", f"attention_moa_key_8000={key}".encode())]
    await front({"type": "websocket", "path": path, "headers": headers}, receive, send)
    return str(heard[0]["type"])


def test_the_socket_is_for_who_may_see_pages() -> None:
    """Without a good key it is closed before it is one, and so is one at another address."""
    front, site = the_front()
    assert now(connected(front)) == "websocket.accept"
    assert now(connected(front, "moa-wrong")) == "websocket.close"
    assert now(connected(front, path="/")) == "websocket.close"
    assert len(site.came) == 1


def test_who_comes_to_an_address_that_nobody_has_is_told_and_led_home() -> None:
    """In the page's dress and with its headers; what stands in the address is shown and does nothing."""
    front, site = the_front()
    lost = asked(front, "/nope%3Cscript%3E", headers={"accept": "text/html"})
    assert (lost.status_code, lost.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "script-src 'self'" in lost.headers["content-security-policy"]
    assert "There is no page here" in lost.text
    assert "/nope&lt;script&gt;" in lost.text
    assert '<a href="/">Ask something</a>' in lost.text
    assert '<span class="who" title="Your key">alice</span>' in lost.text
    assert '<span class="who"' not in asked(front, "/nope", key=None).text
    assert site.came == []
