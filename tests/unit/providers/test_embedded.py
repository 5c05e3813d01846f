"""The embedded provider and its child, with a child that only pretends to serve a model."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from attention_moa.errors import (
    BadReplyError,
    CallTimeoutError,
    ConfigError,
    ContextTooLongError,
    RefusedError,
    TransportError,
)
from attention_moa.messages import ImagePart, Message, ReplyFormat, ToolSpec, ToolUse
from attention_moa.providers.embedded import EmbeddedProvider
from tests.asking import a_request, chunks_of, run, text_of
from tests.fake_openai import USAGE, FakeOpenAI, breaks, chunk, fails, hangs, says, streams
from tests.gguf import write_header

_SERVES = """
import json, sys
settings = json.loads(sys.stdin.readline())
print(json.dumps({{"type": "served", "address": {address!r}}}), flush=True)
sys.stdin.read()
"""


class World:
    """A provider whose child runs some Python code, in a folder with a model file that has a header and no more."""

    def __init__(self, folder: Path) -> None:
        self._model = str(write_header(folder / "m.gguf"))

    def provider(self, code: str, **options: Any) -> EmbeddedProvider:
        """Return a provider whose child runs this code."""
        command = (sys.executable, "-c", code)
        return EmbeddedProvider(self._model, **({"agents": ("ann", "bob"), "command": command} | options))

    def of(self, server: FakeOpenAI, **options: Any) -> EmbeddedProvider:
        """Return a provider whose child says that it serves where the fake server does."""
        return self.provider(_SERVES.format(address=server.base_url.removesuffix("/v1")), **options)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a folder with a model file."""
    return World(tmp_path)


@contextmanager
def _pids(folder: Path) -> Iterator[str]:
    """Give code that notes its process id in a folder; at the end none of these processes is left."""
    yield f"import os, pathlib; pathlib.Path({str(folder)!r}, f'{{os.getpid()}}.pid').touch();"
    for pid in _started(folder):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def _started(folder: Path) -> list[int]:
    """Return the process ids that were noted in a folder."""
    return [int(path.stem) for path in folder.glob("*.pid")]


def test_a_model_without_llama_cpp_is_an_error_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the mend; who brings a server of their own needs none."""
    model = str(write_header(tmp_path / "m.gguf"))
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r"^agents\[0\]\.model: llama\.cpp is not installed: pip install"):
        EmbeddedProvider(model, agents=("ann",), key="agents[0].model")
    assert EmbeddedProvider(model, agents=("ann",), command=("mine",)).slot_of("ann") == 0


def test_a_reply_comes_through_the_child(world: World) -> None:
    """Slot and key are those of the agent and the child."""

    async def scenario() -> None:
        async with FakeOpenAI(says(["He", "llo."], usage=USAGE)) as server:
            provider = world.of(server)
            chunks = await chunks_of(provider, a_request(agent="bob"))
            assert [chunk.text for chunk in chunks] == ["He", "llo.", ""]
            usage = chunks[-1].usage
            assert usage is not None
            assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (11, 4, 7)
            (seen,) = server.requests
            assert seen.body["id_slot"] == 1
            assert seen.headers["Authorization"] == f"Bearer {provider.api_key}"
            await provider.aclose()

    run(scenario)


def test_whether_a_template_knows_tools_is_asked_once(world: World) -> None:
    """One that does gets them, one that does not is forced to call; without tools nothing is asked."""
    tools = ToolUse((ToolSpec("clock"),), "required")

    async def scenario() -> None:
        call = '{"name": "clock", "arguments": {}}'
        for has_tools in (True, False):
            async with FakeOpenAI(says("Hello."), says([call[:12], call[12:]])) as server:
                server.properties = {"chat_template_caps": {"supports_tools": has_tools}}
                provider = world.of(server)
                await chunks_of(provider)
                chunks = await chunks_of(provider, a_request(tools=tools))
                server.properties = {}
                await chunks_of(provider, a_request(tools=tools))
                await provider.aclose()
                assert ["tools" in seen.body for seen in server.requests] == [False, has_tools, has_tools]
                pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
                assert "".join(piece.name + piece.arguments for piece in pieces) == ("" if has_tools else "clock{}")
                assert chunks[-1].finish_reason == ("stop" if has_tools else "tool_calls")

    run(scenario)


def test_a_schema_that_the_server_refuses_is_left_out_with_a_note(world: World) -> None:
    """One more request, without it; any other refusal is final."""
    refusal = fails(400, "JSON schema error at #: unrecognized type", type="invalid_request_error", code=400)
    asked = a_request(reply_format=ReplyFormat("json_schema", schema={"type": "x"}))

    async def scenario() -> None:
        async with FakeOpenAI(refusal, says("Hello."), refusal, refusal, fails(400, "no", code=400)) as server:
            provider = world.of(server)
            chunks = await chunks_of(provider, asked)
            assert chunks[-1].notes == ("the reply's format was not enforced: its schema cannot be made a grammar",)
            assert ["response_format" in seen.body for seen in server.requests] == [True, False]
            with pytest.raises(RefusedError, match="JSON schema error"):
                await chunks_of(provider, asked)
            with pytest.raises(RefusedError, match="no"):
                await chunks_of(provider, asked)
            assert len(server.requests) == 5
            await provider.aclose()

    run(scenario)


def test_agents_have_slots_and_other_names_share_them(world: World) -> None:
    """The same name always has the same slot; a provider without agents has one."""
    provider = world.provider("", agents=("ann", "bob", "ann", "summary"))
    assert [provider.slot_of(name) for name in ("ann", "bob", "summary")] == [0, 1, 2]
    assert provider.slot_of("stranger") == provider.slot_of("stranger") < 3
    assert world.provider("", agents=()).slot_of("anyone") == 0


def test_callers_at_once_share_one_start(world: World, tmp_path: Path) -> None:
    """One child is started for all of them, also when the first of them goes away before it is ready."""
    gate = tmp_path / "gate"

    async def scenario(code: str) -> None:
        async with FakeOpenAI(says("A")) as server, asyncio.TaskGroup() as group:
            wait = f"import time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
            serves = _SERVES.format(address=server.base_url.removesuffix("/v1"))
            provider = world.provider(code + wait + serves)
            first = group.create_task(text_of(provider))
            others = [group.create_task(text_of(provider)) for _ in range(3)]
            while not _started(tmp_path):
                await asyncio.sleep(0.01)
            first.cancel()
            await asyncio.wait([first])
            gate.touch()
            assert [await other for other in others] == ["A", "A", "A"]
            assert len(_started(tmp_path)) == 1
            await provider.aclose()

    with _pids(tmp_path) as code:
        run(lambda: scenario(code))


def test_a_provider_outlives_its_event_loop(world: World) -> None:
    """Two runs of a loop, one child."""
    code = (
        "import http.server, json, sys, threading\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.send_response(200); self.end_headers()\n"
        "        choice = {'delta': {'content': 'A'}, 'finish_reason': 'stop'}\n"
        "        self.wfile.write(f'data: {json.dumps({\"choices\": [choice]})}\\n\\n'.encode())\n"
        "    def log_message(self, *a): pass\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), H)\n"
        "threading.Thread(target=s.serve_forever, daemon=True).start()\n"
        "print(json.dumps({'type': 'served', 'address': f'http://127.0.0.1:{s.server_port}'}), flush=True)\n"
        "sys.stdin.readline(); sys.stdin.read()\n"
    )
    provider = world.provider(code)
    assert run(lambda: text_of(provider)) == "A"
    address = provider.base_url
    assert run(lambda: text_of(provider)) == "A"
    assert provider.base_url == address
    run(provider.aclose)


def test_a_provider_that_is_closed_can_be_used_again(world: World) -> None:
    """It starts a new child."""

    async def scenario() -> None:
        async with FakeOpenAI(says("A")) as server:
            provider = world.of(server)
            await provider.start()
            key = provider.api_key
            await provider.aclose()
            await provider.aclose()
            assert await text_of(provider) == "A"
            assert provider.api_key != key
            await provider.aclose()

    run(scenario)


def test_a_child_that_died_is_started_again(world: World, tmp_path: Path) -> None:
    """The call that it dies under fails as a broken connection, with what the child said last; the next one works."""
    first = tmp_path / "first"

    async def scenario() -> None:
        async with FakeOpenAI(says("A")) as server:
            dies = (
                "import json, os, pathlib, socket, sys\n"
                f"first = pathlib.Path({str(first)!r})\n"
                "if not first.exists():\n"
                "    first.touch(); s = socket.create_server(('127.0.0.1', 0))\n"
                "    told = {'type': 'served', 'address': f'http://127.0.0.1:{s.getsockname()[1]}'}\n"
                "    print(json.dumps(told), flush=True)\n"
                "    s.accept()[0].recv(10); sys.exit('out of memory')\n"
            )
            provider = world.provider(dies + _SERVES.format(address=server.base_url.removesuffix("/v1")))
            with pytest.raises(TransportError, match="out of memory"):
                await text_of(provider)
            assert await text_of(provider) == "A"
            await provider.aclose()

    run(scenario)


def test_a_connection_that_breaks_is_a_transport_error(world: World) -> None:
    """Before the reply, in it, and where nobody listens."""

    async def scenario() -> None:
        async with FakeOpenAI(breaks(), breaks(chunk({"content": "He"}))) as server:
            provider = world.of(server)
            for _ in range(2):
                with pytest.raises(TransportError, match="the connection to the embedded model broke"):
                    await text_of(provider)
        with pytest.raises(TransportError):
            await text_of(provider)
        await provider.aclose()

    run(scenario)


def test_a_connection_that_does_not_open_in_time_is_a_timeout(world: World) -> None:
    """The request says how long it may take."""

    async def scenario() -> None:
        async with FakeOpenAI() as server:
            provider = world.of(server)
            with pytest.raises(CallTimeoutError, match="does not answer"):
                await text_of(provider, a_request(connect_timeout_s=1e-9))
            await provider.aclose()

    run(scenario)


def test_closing_ends_a_call_whose_connection_has_just_broken(world: World) -> None:
    """It waits to hear whether the child is dying; then it is told that the child was closed."""

    async def scenario() -> None:
        async with FakeOpenAI(breaks()) as server, asyncio.TaskGroup() as group:
            provider = world.of(server)
            broken = group.create_task(_error_of(text_of(provider)))
            while not server.requests:
                await asyncio.sleep(0.01)
            await server.wait_idle()
            await provider.aclose()
            assert isinstance(await broken, TransportError)

    run(scenario)


def test_a_stream_that_is_cut_ends_without_a_reason(world: World) -> None:
    """Whoever reads it sees that it is not whole."""

    async def scenario() -> None:
        async with FakeOpenAI(streams(chunk({"content": "He"}))) as server:
            provider = world.of(server)
            assert [(c.text, c.finish_reason) for c in await chunks_of(provider)] == [("He", None)]
            await provider.aclose()

    run(scenario)


def test_errors_of_the_server_are_ours(world: World) -> None:
    """Too long a prompt, an event that makes no sense, and an image, which is never sent."""

    async def scenario() -> None:
        async with FakeOpenAI(fails(400, type="exceed_context_size_error"), streams("{")) as server:
            provider = world.of(server)
            with pytest.raises(ContextTooLongError):
                await text_of(provider)
            with pytest.raises(BadReplyError):
                await text_of(provider)
            with pytest.raises(RefusedError):
                await text_of(provider, a_request(Message("user", (ImagePart(url="https://a.example/b.png"),))))
            assert len(server.requests) == 2
            await provider.aclose()

    run(scenario)


def test_closing_the_stream_closes_the_connection(world: World) -> None:
    """So does cancelling whoever waits for its first event."""

    async def scenario() -> None:
        async with FakeOpenAI(hangs(chunk({"content": "A"})), hangs()) as server:
            provider = world.of(server)
            stream = provider.stream(a_request())
            assert (await anext(stream)).text == "A"
            await stream.aclose()
            await server.wait_idle()
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(text_of(provider))
                while len(server.requests) < 2:
                    await asyncio.sleep(0.01)
                waiting.cancel()
            await server.wait_idle()
            await provider.aclose()

    run(scenario)


@pytest.mark.parametrize(
    ("code", "kind", "why"),
    [
        ("raise SystemExit('no libraries here')", TransportError, "ended while it started: no libraries here"),
        ("raise SystemExit(7)", TransportError, "it ended with code 7"),
        ("print('hello', flush=True); input(); input()", TransportError, "says something else"),
        ('print(\'{"type": "failed", "reason": "no such thing"}\')', ConfigError, "summary.model: no such thing"),
        (
            "import sys; print('0.00.1 E gguf_init: bad magic\\n0.00.2 E later', file=sys.stderr);"
            'print(\'{"type": "load_failed"}\')',
            ConfigError,
            r"summary.model: .*m\.gguf cannot be loaded: bad magic$",
        ),
    ],
)
def test_a_child_that_does_not_start_says_why(world: World, code: str, kind: type[Exception], why: str) -> None:
    """Every caller is told, and nothing is left of the child."""

    async def scenario() -> None:
        provider = world.provider(code, key="summary.model")
        for _ in range(2):
            with pytest.raises(kind, match=why):
                await provider.start()
        await provider.aclose()

    run(scenario)


def test_a_program_that_is_not_there_cannot_be_started(world: World) -> None:
    """The line names it."""
    provider = world.provider("", command=("/nowhere/program",))
    with pytest.raises(TransportError, match="/nowhere/program cannot be started"):
        run(provider.start)


def test_a_child_that_is_not_ready_in_time_is_ended(world: World, tmp_path: Path) -> None:
    """It is killed if it does not end by itself."""
    with _pids(tmp_path) as code:
        provider = world.provider(f"{code} import time; time.sleep(600)", start_timeout_s=0.2)
        with pytest.raises(TransportError, match=r"not ready within 0\.2 s"):
            run(provider.start)
        run(provider.aclose)


def test_closing_while_the_child_starts_ends_those_who_wait(world: World, tmp_path: Path) -> None:
    """They get an error, and no child is left."""

    async def scenario(code: str) -> None:
        provider = world.provider(f"{code} import sys; sys.stdin.readline(); sys.stdin.read()")
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_error_of(provider.start()))
            while not _started(tmp_path):
                await asyncio.sleep(0.01)
            await provider.aclose()
            assert isinstance(await waiting, TransportError)

    with _pids(tmp_path) as code:
        run(lambda: scenario(code))


def test_address_and_key_are_unknown_before_the_start(world: World, tmp_path: Path) -> None:
    """Before the child is started, and before it listens."""

    async def scenario(code: str) -> None:
        provider = world.provider(f"{code} import sys; sys.stdin.readline(); sys.stdin.read()")
        with pytest.raises(TransportError, match="not started"):
            _ = provider.base_url
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(_error_of(provider.start()))
            while not _started(tmp_path):
                await asyncio.sleep(0.01)
            with pytest.raises(TransportError, match="not ready"):
                _ = provider.base_url
            waiting.cancel()
        await provider.aclose()

    with _pids(tmp_path) as code:
        run(lambda: scenario(code))


async def _error_of(call: Awaitable[object]) -> Exception | None:
    try:
        await call
    except TransportError as error:
        return error
    return None
