"""A run over real HTTP that is interrupted at any moment leaves no request under way and no connection open."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from contextlib import aclosing, suppress
from json import dumps
from types import TracebackType

from aiohttp import web

from attention_moa.agents import AgentSpec
from attention_moa.config import CallPolicy, EnsembleSpec
from attention_moa.events import CallStarted, Event
from attention_moa.records import RunRecord
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from tests.fake_openai import USAGE, fails, says
from tests.worlds import a_spec

POINTS = 30
_PATIENCE_S = 60.0


class CountingServer:
    """An OpenAI-compatible endpoint in a thread with a loop of its own, so that the client's loop holds only our tasks.

    It takes its time for every piece of a reply, and turns some requests away, none twice.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.open_requests = 0
        self.port = 0
        self._chance = random.Random(7)
        self._refused = set[str]()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def open_connections(self) -> int:
        """How many connections clients hold."""
        assert self._runner is not None
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    def wait_idle(self) -> None:
        """Wait until no request and no connection is open; fail if that never comes."""
        until_s = time.monotonic() + _PATIENCE_S
        while self.open_requests or self.open_connections:
            assert time.monotonic() < until_s, f"{self.open_requests} requests, {self.open_connections} connections"
            time.sleep(0.005)

    def __enter__(self) -> CountingServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(_PATIENCE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests += 1
        self.open_requests += 1
        slow = says(["one ", "two ", "three"], usage=USAGE, delay_s=0.004)
        call = dumps(body)
        is_refused = call not in self._refused and self._chance.random() < 0.1
        if is_refused:
            self._refused.add(call)
        behave = fails(503) if is_refused else slow
        try:
            await asyncio.sleep(self._chance.uniform(0, 0.02))
            return await behave(request, body)
        finally:
            self.open_requests -= 1


def an_ensemble(port: int) -> EnsembleSpec:
    """Return three agents and two layers on the server, with quick retries."""
    agents = [
        AgentSpec(name=name, model=f"openai:{name}", base_url=f"http://127.0.0.1:{port}/v1") for name in ("a", "b", "c")
    ]
    return a_spec(agents, calls=CallPolicy(retry_wait_s=0.01, concurrency=3, attempts=3))


async def watched(stream: RunStream, events: list[Event]) -> None:
    """Iterate a run to its end, or until cancelled."""
    async with aclosing(stream):
        async for item in stream:
            if not isinstance(item, RunRecord):
                events.append(item)


def require_booked(record: RunRecord, events: list[Event]) -> None:
    """Check that the record holds every attempt that went out, and a state for every call."""
    sent = Counter(event.call_id for event in events if isinstance(event, CallStarted))
    booked = {call.call_id: len(call.attempts) for call in record.calls}
    assert all(booked[name] >= count for name, count in sent.items())
    assert all(call.state in ("finished", "lost", "cancelled") for call in record.calls)


def test_a_run_over_http_cancelled_at_any_time_leaves_nothing() -> None:
    """Thirty random moments: in connecting, waiting, streaming, backing off and closing."""
    chance = random.Random(3)
    states: Counter[str] = Counter()

    async def cancelled_after(seconds: float | None, server: CountingServer) -> None:
        stream, events = Ensemble(an_ensemble(server.port)).stream("Why?"), list[Event]()
        task = asyncio.get_running_loop().create_task(watched(stream, events))
        if seconds is not None:
            await asyncio.sleep(seconds)
            task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.to_thread(server.wait_idle)
        require_booked(stream.record, events)
        states[stream.record.state] += 1

    with CountingServer() as server:
        asyncio.run(cancelled_after(None, server))  # loads the libraries
        started_s = time.monotonic()
        asyncio.run(cancelled_after(None, server))
        whole_s = time.monotonic() - started_s
        assert states == {"finished": 2}
        for _ in range(POINTS):
            asyncio.run(cancelled_after(chance.uniform(0, whole_s * 0.9), server))
        assert server.requests > POINTS
    assert states["cancelled"]
