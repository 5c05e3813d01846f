"""Server-sent events, and streams whose client may leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from attention_moa.server.sse import EventStream, comment, data, while_there
from tests.server_world import run


def test_a_message_is_one_line_of_json_with_its_kind_and_number() -> None:
    """Whatever is in it."""
    assert data({"a": "b\n\ndata: c"}) == b'data: {"a":"b\\n\\ndata: c"}\n\n'
    assert data([1], event="done", id="3-a") == b"id: 3-a\nevent: done\ndata: [1]\n\n"


def test_a_comment_is_one_line() -> None:
    """Line ends in it would begin something else."""
    assert comment("a\r\n\ndata: b") == b": a data: b\n\n"


class Wire:
    """What ASGI hands to an application: a client that leaves when it is told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.has_left = asyncio.Event()

    async def receive(self) -> Message:
        await self.has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def endless(closed: list[bool]) -> AsyncGenerator[bytes, None]:
    """Yield one piece, then nothing for ever; put down when it is closed."""
    try:
        yield b"a"
        await asyncio.Event().wait()
    finally:
        closed.append(True)


def test_a_stream_ends_with_its_pieces() -> None:
    """Nobody is told that the client left."""

    async def test() -> None:
        async def pieces() -> AsyncGenerator[bytes, None]:
            yield b"a"
            yield b"b"

        wire, left = Wire(), list[bool]()
        stream = EventStream(pieces(), left=lambda: left.append(True), headers={"x-a": "b"})
        await stream({"type": "http"}, wire.receive, wire.send)
        start, *bodies = wire.sent
        assert dict(start["headers"])[b"x-a"] == b"b"
        assert dict(start["headers"])[b"content-type"].startswith(b"text/event-stream")
        assert b"content-length" not in dict(start["headers"])
        assert [body["body"] for body in bodies] == [b"a", b"b", b""]
        assert left == []

    run(test)


def test_a_client_that_leaves_ends_the_stream() -> None:
    """And whoever wants to know is told."""

    async def test() -> None:
        wire, closed, left = Wire(), list[bool](), list[bool]()
        stream = EventStream(endless(closed), left=lambda: left.append(True))
        async with asyncio.TaskGroup() as group:
            group.create_task(stream({"type": "http"}, wire.receive, wire.send))
            while len(wire.sent) < 2:
                await asyncio.sleep(0)
            wire.has_left.set()
        assert (closed, left) == ([True], [True])

    run(test)


def test_work_whose_client_stays_is_done() -> None:
    """Its errors are its own."""

    async def test() -> None:
        async def four() -> int:
            return 4

        async def fails() -> int:
            raise ValueError("no")

        assert await while_there(Wire().receive, four()) == 4
        with pytest.raises(ValueError, match="no"):
            await while_there(Wire().receive, fails())

    run(test)


def test_work_whose_client_leaves_is_ended() -> None:
    """None comes of it."""

    async def test() -> None:
        wire, ended = Wire(), list[bool]()

        async def long() -> bool:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(True)
            return True

        asyncio.get_running_loop().call_later(0.01, wire.has_left.set)
        assert await while_there(wire.receive, long()) is None
        assert ended == [True]

    run(test)
