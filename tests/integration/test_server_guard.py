"""Requests that nobody should send, over real sockets: each is refused in the API's shape, and the next is served."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from attention_moa.errors import StoreError
from attention_moa.server.config import ServerConfig
from attention_moa.store.memory import MemoryJournal
from attention_moa.stored_runs import RunRow
from tests.server_world import ASKED, ServerWorld, a_server, run, scripted, until

STRICT = ServerConfig(is_unjournaled=True, max_body_mib=0.01)
HASTY = replace(STRICT, body_timeout_s=0.3)
GOOD = json.dumps({"model": "duo", "messages": ASKED}).encode()


class Answer(NamedTuple):
    """What came over a socket: status, head, body."""

    status: int
    head: str
    body: bytes


async def sent(world: ServerWorld, *pieces: bytes, is_half_closed: bool = False) -> Answer:
    """Return what is answered to bytes as they are; the socket is closed then.

    Args:
        world: The server.
        pieces: What is sent, a moment between them.
        is_half_closed: Whether nothing more is to come, which the other side is told.
    """
    place = urlsplit(world.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if is_half_closed:
            writer.write_eof()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:"))
        return Answer(int(head.split()[1]), head.lower(), await reader.readexactly(length))
    finally:
        writer.close()


def post(body: bytes, *headers: str, host: str = "localhost", length: int | None = None) -> bytes:
    """Return a request."""
    lines = [f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}", "Content-Type: application/json", *headers]
    if not any(header.lower().startswith("transfer-encoding") for header in headers):
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


HOSTILE: list[tuple[str, Sequence[bytes], int, str]] = [
    ("a foreign name", [post(GOOD, host="evil.example")], 403, "host_not_allowed"),
    ("a foreign page", [post(GOOD, "Origin: https://evil.example")], 403, "origin_not_allowed"),
    ("a page of nobody's", [post(GOOD, "Origin: null")], 403, "origin_not_allowed"),
    ("too long a body", [post(b"x" * 20_000)], 413, "request_too_large"),
    ("a body that says it is too long", [post(b"", length=10**15)], 413, "request_too_large"),
    (
        "a body of many chunks",
        [post(b"", "Transfer-Encoding: chunked"), *[b"400\r\n" + b"x" * 1024 + b"\r\n"] * 11],
        413,
        "request_too_large",
    ),
    ("half a body", [post(GOOD[:10], length=len(GOOD))], 408, "request_timeout"),
    ("no body at all", [post(b"", length=10)], 408, "request_timeout"),
    ("bytes that are no text", [post(b'{"model": "\xff\xfe"}')], 400, "invalid_json"),
    ("half of a character", [post(GOOD.replace(b"sky", b"\\ud800"))], 400, "invalid_json"),
    ("what is no JSON", [post(b"{")], 400, "invalid_json"),
    ("nothing", [post(b"")], 400, "invalid_json"),
    ("something deep", [post(b"[" * 5000 + b"]" * 5000)], 400, "invalid_json"),
    ("something deep where anything may be", [post(
        GOOD[:-1] + b', "tools": [{"type": "function", "function": {"name": "f", "parameters": '
        + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}}]}")], 400, "invalid_json"),
    ("a list", [post(b"[]")], 400, "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "pieces", "status", "code"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_a_hostile_request_is_refused_in_the_api_s_shape(
    what: str, pieces: Sequence[bytes], status: int, code: str
) -> None:
    """With an id to ask for in the log; a good one is served afterwards."""

    async def test() -> None:
        async with a_server(config=HASTY if status == 408 else STRICT) as world:
            answer = await sent(world, *pieces)
            assert (answer.status, json.loads(answer.body)["error"]["code"]) == (status, code), what
            assert "x-request-id: " in answer.head
            assert b"Traceback" not in answer.body
            assert (await world.post()).status_code == 200
            assert world.service.hub.running == ()

    run(test)


def test_a_client_that_closes_its_side_is_answered_all_the_same() -> None:
    """Some clients say so that their request is whole."""

    async def test() -> None:
        async with a_server(config=STRICT) as world:
            answer = await sent(world, post(b"[]"), is_half_closed=True)
            assert answer.status == 400

    run(test)


def test_a_flood_of_headers_is_refused() -> None:
    """By the server itself, before anything of it is kept."""

    async def test() -> None:
        async with a_server(config=STRICT) as world:
            place = urlsplit(world.url)
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            writer.write(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n")
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                for number in range(100_000):
                    writer.write(b"X-Header-%d: %s\r\n" % (number, b"x" * 1000))
                    await writer.drain()
                await reader.readexactly(2**20)
            writer.close()
            assert (await world.post()).status_code == 200

    run(test)


def test_many_slow_bodies_leave_nothing() -> None:
    """Neither bytes that count as arriving nor connections."""

    async def test() -> None:
        async with a_server(config=HASTY) as world:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(sent(world, post(b"x" * 5000, length=9000))) for _ in range(30)]
            assert {task.result().status for task in tasks} <= {408, 503}
            assert (await world.post()).status_code == 200

    run(test)


def test_a_server_that_is_about_to_end_is_not_ready() -> None:
    """It lives still."""

    async def test() -> None:
        async with a_server() as world:
            assert (await world.http.get("/readyz")).json() == {"status": "ok"}
            world.service.hub.is_draining = True
            response = await world.http.get("/readyz")
            assert (response.status_code, response.json()["error"]["code"]) == (503, "draining")
            assert response.headers["retry-after"]
            assert (await world.http.get("/healthz")).status_code == 200

    run(test)


class Lost(MemoryJournal):
    """A journal whose disk is gone, or does not answer."""

    is_slow = False

    async def rows(self, **_: Any) -> list[RunRow]:
        if self.is_slow:
            await asyncio.sleep(60)
        raise StoreError("the disk is gone")


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_server_whose_journal_does_not_answer_is_not_ready(is_slow: bool) -> None:
    """Where it fails, and where it says nothing at all; what is wrong with it is for the log."""
    journal = Lost()
    journal.is_slow = is_slow

    async def test() -> None:
        async with a_server(journal=journal) as world:
            response = await world.http.get("/readyz")
            error = response.json()["error"]
            assert (response.status_code, error["code"]) == (503, "journal_unavailable")
            assert ("does not answer" if is_slow else "its log says why") in error["message"]

    run(test)


def test_the_metrics_count_runs_and_requests(tmp_path: Path) -> None:
    """In Prometheus's text; no path of a client's makes a series."""
    go, asked = asyncio.Event(), asyncio.Event()

    async def wait(_: object) -> None:
        asked.set()
        await go.wait()

    async def test() -> None:
        async with a_server(scripted(wait=wait), config=ServerConfig(journal=str(tmp_path / "journal.db"))) as world:
            running = asyncio.ensure_future(world.post())  # noqa: TID251 - ends with the test's own await
            await asked.wait()
            assert (await samples(world))[("attention_moa_runs_under_way", "duo")] == 1
            go.set()
            await running
            for path in ("/v1/runs/a", "/v1/runs/b", "/nowhere", "/v1/models/duo/a"):
                await world.http.get(path)
            await until(lambda: not world.service.hub.running)
            found = await samples(world)
            assert found[("attention_moa_runs_total", "duo", "finished")] == 1
            assert found[("attention_moa_requests_total", "POST /v1/chat/completions", "200")] == 1
            assert found[("attention_moa_requests_total", "GET /v1/runs/{run_id}", "404")] == 2
            assert found[("attention_moa_requests_total", "other", "404")] == 1, "no path of a client's is a label"
            assert found[("attention_moa_first_byte_seconds_count", "GET /v1/models/{name:path}")] == 1
            assert found[("attention_moa_event_loop_lag_seconds_count",)] > 0

    run(test)


async def samples(world: ServerWorld) -> dict[tuple[str, ...], float]:
    """Return all samples of the metrics, by name and labels."""
    response = await world.http.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.mark.parametrize("packing", ["gzip", "br", "identity"])
def test_a_packed_body_is_refused_as_what_it_is(packing: str) -> None:
    """Not as JSON that cannot be read."""

    async def test() -> None:
        async with a_server() as world:
            headers = {"content-encoding": packing, "content-type": "application/json"}
            body = msgspec.json.encode({"model": "duo", "messages": ASKED})
            response = await world.http.post("/v1/chat/completions", content=body, headers=headers)
            if packing == "identity":
                assert response.status_code == 200
            else:
                error = response.json()["error"]
                assert (response.status_code, error["code"]) == (415, "unsupported_encoding")
                assert f"'{packing}'" in error["message"]

    run(test)
