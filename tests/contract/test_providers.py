"""What every provider must do, whatever is behind it: one suite for all, real HTTP and the real model included."""

from __future__ import annotations

import asyncio
import gc
import json
import shlex
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from attention_moa.agents import ModelSettings
from attention_moa.errors import CallError, ServerError
from attention_moa.json_check import check
from attention_moa.messages import (
    CallRequest,
    Chunk,
    ReplyFormat,
    Sampling,
    ToolCall,
    ToolSpec,
    ToolUse,
    user,
)
from attention_moa.ports import Provider
from attention_moa.providers.embedded import EmbeddedProvider
from attention_moa.providers.functions import FunctionProvider
from attention_moa.providers.programs import ProgramProvider
from attention_moa.providers.remote import RemoteProvider
from attention_moa.providers.scripted import Line, ScriptedProvider
from attention_moa.tool_calls import ToolCallJoiner
from tests import function_agents
from tests.asking import a_request, chunks_of, run
from tests.fake_openai import USAGE, Behaviour, FakeOpenAI, chunk, fails, hangs, says, sends, streams, whole


class Ask(NamedTuple):
    """A provider, and what it is asked."""

    provider: Provider
    request: CallRequest


@dataclass
class World:
    """A provider in three moods, and a way to wait until nothing of a call is left on the other side.

    Args:
        fine: Replies.
        endless: Begins a reply and does not come to its end by itself.
        broken: Fails.
        idle: Returns when no call is under way on the other side; fails if that never comes.
        calling: Is told of tools of which it must call one; None where what is behind it cannot call any.
        formed: Is told of a form that the reply must have; None where what is behind it knows of none.
    """

    fine: Ask
    endless: Ask
    broken: Ask
    idle: Callable[[], Awaitable[None]]
    calling: Ask | None = None
    formed: Ask | None = None


TOOLS = ToolUse((ToolSpec("clock", "The time.", {"type": "object", "properties": {}}),), "required", "clock")
FORM = ReplyFormat(
    "json_schema", "x", schema={"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
)
CALL = ToolCall("c1", "clock", '{"zone": 1}')


@asynccontextmanager
async def _scripted() -> AsyncIterator[World]:
    provider = ScriptedProvider(
        {
            "fine": "A reply in pieces.",
            "endless": Line(text=["A", "B"], piece_s=600.0),
            "broken": Line(text="So far", error=ServerError("oops")),
            "calling": Line(tool_calls=[CALL], call_pieces=3),
            "formed": '{"a": 1}',
        },
        pieces=3,
    )

    async def idle() -> None:
        assert provider.open_streams == 0

    fine, endless, broken = (Ask(provider, a_request(agent=name)) for name in ("fine", "endless", "broken"))
    calling = Ask(provider, a_request(agent="calling", tools=TOOLS))
    formed = Ask(provider, a_request(agent="formed", reply_format=FORM))
    yield World(fine, endless, broken, idle, calling, formed)


@asynccontextmanager
async def _function() -> AsyncIterator[World]:
    function_agents.GATE.clear()
    names = ("pieces", "counts", "raises_value")
    fine, endless, broken = (Ask(FunctionProvider(f"python:tests.function_agents:{n}"), a_request()) for n in names)

    async def idle() -> None:
        """Do nothing: a thread cannot be ended; that it keeps nobody waiting is tested beside it."""

    called, formed = (FunctionProvider(f"python:tests.function_agents:{name}") for name in ("calls_tool", "follows"))
    calling, form = Ask(called, a_request(tools=TOOLS)), Ask(formed, a_request(reply_format=FORM))
    yield World(fine, endless, broken, idle, calling, form)
    function_agents.GATE.set()


@asynccontextmanager
async def _async_function() -> AsyncIterator[World]:
    names = ("async_pieces", "async_endless", "async_raises")
    fine, endless, broken = (Ask(FunctionProvider(f"python:tests.function_agents:{n}"), a_request()) for n in names)

    async def idle() -> None:
        assert function_agents.ASYNC_ENDED.is_set()

    function_agents.ASYNC_ENDED.clear()
    yield World(fine, endless, broken, idle)


@asynccontextmanager
async def _program() -> AsyncIterator[World]:
    def python(code: str) -> Ask:
        return Ask(ProgramProvider(f"command:{shlex.quote(sys.executable)} -c {shlex.quote(code)}"), a_request())

    async def idle() -> None:
        """Do nothing: the close has read the program's pipe to its end, which outlasts the program."""

    follows = python(
        "import json, sys; form = json.load(sys.stdin)['reply_format']; print(json.dumps({'a': len(form)}))"
    )
    yield World(
        python("print('fine')"),
        python("import time; print('A', flush=True); time.sleep(600)"),
        python("print('So far'); raise SystemExit('oops')"),
        idle,
        formed=follows._replace(request=a_request(reply_format=FORM)),
    )


@asynccontextmanager
async def _remote(*, is_streamed: bool) -> AsyncIterator[World]:
    request = a_request(is_streamed=is_streamed)
    silent = hangs(chunk({"content": "A"})) if is_streamed else hangs()
    fine, endless, broken = FakeOpenAI(says(["He", "llo."], usage=USAGE)), FakeOpenAI(silent), FakeOpenAI(fails(500))
    calling, formed = FakeOpenAI(_calls(is_streamed=is_streamed)), FakeOpenAI(says('{"a": 1}'))
    servers = (fine, endless, broken, calling, formed)
    requests = (*[request] * 3, replace(request, tools=TOOLS), replace(request, reply_format=FORM))

    async def idle() -> None:
        for server in servers:
            await server.wait_idle()

    async with AsyncExitStack() as stack:
        asks: list[Ask] = []
        for server, asked in zip(servers, requests, strict=True):
            await stack.enter_async_context(server)
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key="k")
            stack.push_async_callback(provider.aclose)
            asks.append(Ask(provider, asked))
        yield World(asks[0], asks[1], asks[2], idle, asks[3], asks[4])


def _calls(*, is_streamed: bool) -> Behaviour:
    """Return what calls the clock, as the API has it."""
    function = {"name": CALL.name, "arguments": CALL.arguments}
    if not is_streamed:
        call = {"id": CALL.id, "type": "function", "function": function}
        return sends(json.dumps(whole({"tool_calls": [call]}, finish="tool_calls")))
    begun = {"index": 0, "id": CALL.id, "type": "function", "function": function | {"arguments": CALL.arguments[:4]}}
    rest = {"index": 0, "function": {"arguments": CALL.arguments[4:]}}
    pieces = [chunk({"tool_calls": [piece]}) for piece in (begun, rest)]
    return streams(*pieces, chunk(finish="tool_calls"), "[DONE]")


_SHORT = a_request(user("Say yes."), model="embedded:smollm2", sampling=Sampling(max_tokens=4, temperature=0.0))
_LONG = a_request(user("Write a long story."), model="embedded:smollm2", sampling=Sampling(max_tokens=4000))
_HUGE = a_request(user("no " * 100_000), model="embedded:smollm2", sampling=Sampling(max_tokens=4))
_WISHES = Sampling(max_tokens=40, temperature=0.0)
_CALLING = a_request(user("What time is it?"), model="embedded:smollm2", sampling=_WISHES, tools=TOOLS)
_FORMED = a_request(user("Say yes."), model="embedded:smollm2", sampling=_WISHES, reply_format=FORM)


@asynccontextmanager
async def _embedded() -> AsyncIterator[World]:
    provider = EmbeddedProvider("embedded:smollm2", agents=("ann",), context_tokens=None)

    async def idle() -> None:
        # There is one slot for the one agent: a short reply comes soon only if the slot is free.
        await chunks_of(provider, _SHORT, timeout_s=20)

    try:
        fine, endless, broken = (Ask(provider, request) for request in (_SHORT, _LONG, _HUGE))
        yield World(fine, endless, broken, idle, Ask(provider, _CALLING), Ask(provider, _FORMED))
    finally:
        await provider.aclose()


@asynccontextmanager
async def _remote_to_embedded() -> AsyncIterator[World]:
    """The model's own server is an OpenAI-compatible one."""
    local = EmbeddedProvider("embedded:smollm2", agents=("ann",), context_tokens=None)
    try:
        await local.start()
        settings = ModelSettings(model="openai:smollm2", base_url=local.base_url)
        provider = RemoteProvider(settings, api_key=local.api_key)

        async def idle() -> None:
            await chunks_of(provider, _SHORT, timeout_s=20)

        fine, endless, broken = (Ask(provider, request) for request in (_SHORT, _LONG, _HUGE))
        yield World(fine, endless, broken, idle, formed=Ask(provider, _FORMED))
        await provider.aclose()
    finally:
        await local.aclose()


WORLDS: dict[str, Callable[[], AbstractAsyncContextManager[World]]] = {
    "scripted": _scripted,
    "function": _function,
    "async function": _async_function,
    "program": _program,
    "remote, streamed": lambda: _remote(is_streamed=True),
    "remote, whole": lambda: _remote(is_streamed=False),
    "embedded": _embedded,
    "remote to the embedded model": _remote_to_embedded,
}


@pytest.fixture(params=list(WORLDS.values()), ids=list(WORLDS))
def within(request: pytest.FixtureRequest) -> Callable[[Callable[[World], Awaitable[None]]], None]:
    """Return what runs a scenario in a world."""

    def run_in_world(scenario: Callable[[World], Awaitable[None]]) -> None:
        async def lived() -> None:
            async with request.param() as world:
                await scenario(world)

        run(lived)
        gc.collect()  # what was not closed warns here, and a warning is an error

    return run_in_world


Within = Callable[[Callable[[World], Awaitable[None]]], None]


def test_a_reply_has_text_and_ends_with_a_reason(within: Within) -> None:
    """The reason comes once and last, and what is counted is counted from zero."""

    async def scenario(world: World) -> None:
        chunks = await chunks_of(*world.fine)
        assert "".join(each.text for each in chunks).strip()
        assert [each.finish_reason for each in chunks[:-1]] == [None] * (len(chunks) - 1)
        assert chunks[-1].finish_reason in {"stop", "length"}
        usage = chunks[-1].usage
        counts = () if usage is None else tuple(getattr(usage, name) for name in usage.__struct_fields__)
        assert all(count is None or count >= 0 for count in counts)

    within(scenario)


def test_a_tool_that_must_be_called_is_called_in_pieces_that_make_a_call(within: Within) -> None:
    """The first piece of a call names it, and the reply ends as every reply does."""

    async def scenario(world: World) -> None:
        if world.calling is None:
            return
        chunks = await chunks_of(*world.calling)
        joiner = ToolCallJoiner("seed")
        pieces = [piece for each in chunks for piece in joiner.add(each.tool_calls)]
        assert pieces[0].name
        assert {piece.index for piece in pieces} == {0}
        (call,) = joiner.calls()
        assert call.name == "clock"
        assert isinstance(json.loads(call.arguments), dict)
        assert [each.finish_reason for each in chunks[:-1]] == [None] * (len(chunks) - 1)
        assert chunks[-1].finish_reason in {"stop", "tool_calls"}

    within(scenario)


def test_a_form_that_is_asked_for_comes_or_is_noted(within: Within) -> None:
    """Nothing that was asked for is dropped in silence."""

    async def scenario(world: World) -> None:
        if world.formed is None:
            return
        chunks = await chunks_of(*world.formed)
        text = "".join(each.text for each in chunks)
        assert check(text, FORM) is None or chunks[-1].notes

    within(scenario)


def test_a_provider_is_what_the_port_says(within: Within) -> None:
    """Its stream is an async generator, made without a request."""

    async def scenario(world: World) -> None:
        for provider, request in (world.fine, world.endless, world.broken):
            assert isinstance(provider, Provider)
            stream = provider.stream(request)
            assert isinstance(stream, AsyncGenerator)
            await stream.aclose()

    within(scenario)


def test_calls_at_once_do_not_disturb_each_other(within: Within) -> None:
    """Each gets a whole reply."""

    async def scenario(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(chunks_of(*world.fine)) for _ in range(3)]
        assert all(task.result()[-1].finish_reason for task in tasks)

    within(scenario)


def test_an_error_is_one_of_ours_and_knows_nothing_of_the_call(within: Within) -> None:
    """The context is attached in one place only, and that is not here."""

    async def scenario(world: World) -> None:
        with pytest.raises(CallError) as caught:
            await chunks_of(*world.broken)
        error = caught.value
        assert (error.agent, error.stage, error.model, error.attempts) == (None, None, None, 0)
        assert str(error)
        assert "\n" not in str(error)

    within(scenario)


def test_a_stream_that_is_closed_early_leaves_nothing(within: Within) -> None:
    """No task here and no call on the other side; the next call is as good as the first."""

    async def scenario(world: World) -> None:
        ask = world.endless
        async with asyncio.TaskGroup() as group:
            before = asyncio.all_tasks()
            async with aclosing(ask.provider.stream(ask.request)) as stream:
                reading = group.create_task(_first(stream))
                done, _ = await asyncio.wait([reading], timeout=1.0)
                if not done:  # it says nothing before it is whole: then nothing can be closed but by cancelling
                    reading.cancel()
                    await asyncio.wait([reading])
            await world.idle()
            gc.collect()
            assert {task for task in asyncio.all_tasks() - before if not _is_of_server(task)} == set()
        assert (await chunks_of(*world.fine))[-1].finish_reason

    within(scenario)


def test_a_cancelled_call_leaves_nothing(within: Within) -> None:
    """It ends as cancelled, whenever that comes: before the first chunk or in the middle of the stream."""

    async def scenario(world: World) -> None:
        for waits_for_text in (True, False):
            heard = asyncio.Event()

            async def read(heard: asyncio.Event = heard) -> None:
                async with aclosing(world.endless.provider.stream(world.endless.request)) as stream:
                    async for _ in stream:
                        heard.set()

            before = asyncio.all_tasks()
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(read())
                hearing = group.create_task(heard.wait())
                await asyncio.wait([hearing], timeout=1.0 if waits_for_text else 0.01)
                reading.cancel()
                hearing.cancel()
            assert reading.cancelled()
            await world.idle()
            gc.collect()
            assert {task for task in asyncio.all_tasks() - before if not _is_of_server(task)} == set()

    within(scenario)


def test_a_provider_is_closed_as_often_as_anyone_likes(within: Within) -> None:
    """Before its first call, after it, and again."""

    async def scenario(world: World) -> None:
        provider, request = world.fine
        await world.broken.provider.aclose()
        assert await chunks_of(provider, request)
        await provider.aclose()
        await provider.aclose()

    within(scenario)


async def _first(stream: AsyncGenerator[Chunk, None]) -> Chunk:
    return await anext(stream)


def _is_of_server(task: asyncio.Task[object]) -> bool:
    """Return whether a task belongs to the test's own server, which lives on the same loop."""
    place = str(getattr(task.get_coro(), "cr_code", ""))
    return task.done() or "aiohttp/web" in place or "_accept_connection" in place
