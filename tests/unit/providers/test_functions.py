"""Python functions as models."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from attention_moa.errors import (
    BadReplyError,
    CallError,
    CallTimeoutError,
    ConfigError,
    RateLimitError,
    ServerError,
    TransportError,
)
from attention_moa.messages import Sampling, ToolSpec, ToolUse
from attention_moa.providers.functions import FunctionProvider
from tests import function_agents
from tests.asking import a_request, chunks_of, run, text_of


def _agent(name: str) -> FunctionProvider:
    return FunctionProvider(f"python:tests.function_agents:{name}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("echo", "user said Hi."),
        ("who", "ann at answer, 1 turn"),
        ("async_echo", "user said Hi."),
        ("pieces", "one two 1"),
        ("async_pieces", "one two 1"),
        ("async_words", "ab"),
        ("async_list", "xy"),
    ],
)
def test_every_kind_of_function_may_reply(name: str, text: str) -> None:
    """Plain and async, whole and in pieces, with and without the request."""
    assert run(lambda: text_of(_agent(name))) == text


def test_an_iterator_is_streamed_piece_by_piece() -> None:
    """Each piece is a chunk of its own, and the end says stop."""
    chunks = run(lambda: chunks_of(_agent("pieces")))
    assert [chunk.text for chunk in chunks] == ["one ", "two ", "1", ""]
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage is None


def test_a_function_may_call_tools_by_chunks_of_its_own() -> None:
    """Its pieces arrive as they are, and the end says that tools were called."""
    asked = a_request(tools=ToolUse(tools=(ToolSpec("look"),)))
    chunks = run(lambda: chunks_of(_agent("calls_tool"), asked))
    assert [chunk.text for chunk in chunks] == ["Look: ", "", "", ""]
    assert [piece.name for chunk in chunks for piece in chunk.tool_calls] == ["look", ""]
    assert [chunk.finish_reason for chunk in chunks] == [None, None, None, "tool_calls"]


def test_a_function_may_say_why_its_reply_ends() -> None:
    """The reason of its own chunk is that of the reply, told once."""
    chunks = run(lambda: chunks_of(_agent("one_chunk")))
    assert [(chunk.text, chunk.finish_reason) for chunk in chunks] == [("1 turn", None), ("", "length")]


@pytest.mark.parametrize(("name", "notes"), [("echo", 1), ("who", 0)])
def test_settings_that_a_function_cannot_hear_of_are_noted(name: str, notes: int) -> None:
    """Who has a parameter ``request`` finds them there; without settings there is nothing to note."""
    tools = ToolUse((ToolSpec("clock"),))
    asked = a_request(sampling=Sampling(temperature=0.5, seed=1), tools=tools)
    assert not run(lambda: chunks_of(_agent(name)))[-1].notes
    found = run(lambda: chunks_of(_agent(name), asked))[-1].notes
    assert len(found) == notes
    assert all(note.endswith("no parameter named request: temperature, seed, tools") for note in found)


@pytest.mark.parametrize(
    ("name", "kind", "is_retryable", "says"),
    [
        ("raises_value", ServerError, False, "tests.function_agents:raises_value raised ValueError: 1 is wrong"),
        ("exits", ServerError, False, "raised RuntimeError: SystemExit: bye 1"),
        ("async_raises", ServerError, False, "raised ValueError: 1 is wrong"),
        ("raises_timeout", CallTimeoutError, True, "raised TimeoutError: 1"),
        ("raises_connection", TransportError, True, "raised ConnectionResetError: 1"),
        ("raises_ours", RateLimitError, True, "slow down 1"),
        ("number", BadReplyError, False, "gave int, not text"),
    ],
)
def test_what_a_function_raises_becomes_a_typed_error(
    name: str, kind: type[CallError], is_retryable: bool, says: str
) -> None:
    """One line that names the function; an error of ours passes as it is."""
    with pytest.raises(kind) as caught:
        run(lambda: chunks_of(_agent(name)))
    assert says in str(caught.value)
    assert caught.value.retryable is is_retryable


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("tests.function_agents:nothing", "has no 'nothing'"),
        ("tests.no_such_module:reply", "there is no module 'tests.no_such_module'"),
        ("tests.function_agents:NO_FUNCTION", "is no function but int"),
        ("tests.function_agents", "write python:package.module:function"),
        (":reply", "write python:package.module:function"),
    ],
)
def test_a_function_that_is_not_there_is_a_configuration_error(target: str, says: str) -> None:
    """It names the field and the mend."""
    with pytest.raises(ConfigError, match="agents\\[0\\]") as caught:
        FunctionProvider(f"python:{target}", key="agents[0].model")
    assert says in str(caught.value)


def test_a_module_that_breaks_on_import_is_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the module raises is named."""
    (tmp_path / "broken_agent.py").write_text("raise ValueError('no licence')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="importing 'broken_agent' raises ValueError: no licence"):
        FunctionProvider("python:broken_agent:reply")


def test_a_blocked_function_keeps_neither_a_cancelled_call_nor_the_loop_waiting() -> None:
    """The call ends at once; the function's late result is unheard, also after the loop is gone."""
    function_agents.GATE.clear()

    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            await chunks_of(_agent("blocks"), timeout_s=0.05)

    run(scenario)
    function_agents.GATE.set()


def test_an_iterator_is_not_asked_for_more_once_nobody_listens() -> None:
    """A closed stream ends a plain generator at its next piece."""
    function_agents.GATE.clear()
    function_agents.PIECES_ASKED.clear()

    async def scenario() -> None:
        async with aclosing(_agent("counts").stream(a_request())) as stream:
            assert (await anext(stream)).text == "0"
        function_agents.GATE.set()
        while function_agents.PIECES_ASKED != [0, 1]:
            await asyncio.sleep(0.001)

    run(scenario)


def test_closing_a_stream_closes_an_async_generator() -> None:
    """Its finally runs before the close returns."""
    function_agents.ASYNC_ENDED.clear()

    async def scenario() -> None:
        stream = _agent("async_pieces").stream(a_request())
        assert (await anext(stream)).text == "one "
        await stream.aclose()
        assert function_agents.ASYNC_ENDED.is_set()
        await _agent("async_pieces").aclose()

    run(scenario)
