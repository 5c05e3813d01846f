"""What goes over the wire to an OpenAI-compatible endpoint, and what comes back."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import subprocess
import sys
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from attention_moa.agents import ModelSettings
from attention_moa.errors import RefusedError
from attention_moa.messages import (
    CallRequest,
    Chunk,
    ImagePart,
    Message,
    Sampling,
    TextPart,
    TokenChances,
    ToolCall,
    Usage,
    assistant,
    system,
    user,
)
from attention_moa.providers.http import SharedHttp
from attention_moa.providers.remote import RemoteProvider
from attention_moa.providers.remote_messages import render_settings
from attention_moa.providers.remote_models import build_model
from tests.asking import a_request, chunks_of, run, text_of
from tests.fake_openai import USAGE, Behaviour, FakeOpenAI, Seen, chunk, hangs, says, sends, streams, whole
from tests.machine import require_module

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def _asked(
    request: CallRequest, behaviour: Behaviour | None = None, *, model: str = "openai:m", api_key: str | None = "k"
) -> tuple[Seen, list[Chunk]]:
    """Return a request as the endpoint saw it, and the reply."""

    async def scenario() -> tuple[Seen, list[Chunk]]:
        async with FakeOpenAI(behaviour or says("Hello.")) as server:
            provider = RemoteProvider(ModelSettings(model=model, base_url=server.base_url), api_key=api_key)
            chunks = await chunks_of(provider, request)
            await provider.aclose()
            await provider.aclose()
            assert len(server.requests) == 1
            return server.requests[0], chunks

    return run(scenario)


def test_what_was_not_set_is_not_sent() -> None:
    """Nothing is in the body but the model, the messages and the stream."""
    seen, _ = _asked(a_request())
    assert seen.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert seen.path == "/v1/chat/completions"
    seen, _ = _asked(a_request(is_streamed=False))
    assert seen.body == {"model": "m", "messages": [{"role": "user", "content": "Hi."}], "stream": False}


def test_what_was_set_is_sent_by_its_name_on_the_wire() -> None:
    """A server that is not OpenAI's gets the name for the token limit that all of them know."""
    sampling = Sampling(
        temperature=0.0,
        top_p=0.9,
        max_tokens=5,
        seed=3,
        stop=("a", "b"),
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        top_logprobs=5,
        extra_body={"id_slot": 2},
    )
    seen, chunks = _asked(a_request(sampling=sampling))
    expected = {
        "temperature": 0.0,
        "top_p": 0.9,
        "max_tokens": 5,
        "seed": 3,
        "stop": ["a", "b"],
        "presence_penalty": 0.1,
        "frequency_penalty": -0.2,
        "logprobs": True,
        "top_logprobs": 5,
        "id_slot": 2,
    }
    assert {name: value for name, value in seen.body.items() if name in expected} == expected
    assert set(seen.body) - set(expected) == {"model", "messages", "stream", "stream_options"}
    assert chunks[-1].notes == ()


@pytest.mark.parametrize("is_streamed", [True, False])
def test_log_probabilities_come_back_place_by_place(is_streamed: bool) -> None:
    """Those of all pieces of a stream, at its end."""
    places = [
        {"token": token, "bytes": None, "logprob": -0.25, "top_logprobs": [{"token": token, "logprob": -0.25}]}
        for token in ("m", " it is")
    ]
    pieces = [chunk({"content": place["token"]}) for place in places]
    for piece, place in zip(pieces, places, strict=True):
        piece["choices"][0]["logprobs"] = {"content": [place]}
    document = whole({"content": "m it is"})
    document["choices"][0]["logprobs"] = {"content": places}
    behaviour = streams(*pieces, chunk(finish="stop"), "[DONE]") if is_streamed else sends(json.dumps(document))
    request = a_request(is_streamed=is_streamed, sampling=Sampling(top_logprobs=1))
    _, chunks = _asked(request, behaviour)
    told = tuple(one for piece in chunks for one in piece.logprobs)
    assert told == (TokenChances("m", -0.25, (("m", -0.25),)), TokenChances(" it is", -0.25, ((" it is", -0.25),)))


def test_log_probabilities_are_asked_of_models_with_openais_interface_alone() -> None:
    """And a note says so."""
    settings = ModelSettings(model="anthropic:claude-sonnet-4-5")
    model = build_model(settings, "k", SharedHttp().client()).model
    rendered = render_settings(Sampling(top_logprobs=5), model, timeout=None)
    assert rendered.notes == ("top_logprobs was not sent: only models with OpenAI's interface are asked for it",)
    assert not any("logprobs" in name for name in rendered.settings)


def test_thinking_is_switched_where_a_switch_is_known_and_noted_where_not() -> None:
    """Nothing that was asked for is dropped in silence."""
    seen, chunks = _asked(a_request(sampling=Sampling(thinking=False)), model="vllm:Qwen/Qwen3-8B")
    assert seen.body["reasoning_effort"] == "none"
    assert chunks[-1].notes == ()
    seen, chunks = _asked(a_request(sampling=Sampling(thinking="low")))
    assert "reasoning_effort" not in seen.body
    assert "thinking was not sent" in chunks[-1].notes[0]


def test_a_model_that_reasons_gets_no_sampling_settings_and_a_note_says_so() -> None:
    """OpenAI's reasoning models refuse them, and the older name for the token limit too."""
    seen, chunks = _asked(a_request(sampling=Sampling(temperature=0.5, max_tokens=9)), model="openai:gpt-5")
    assert seen.body["max_completion_tokens"] == 9
    assert "temperature" not in seen.body
    assert chunks[-1].notes == ("temperature was not sent: a model that reasons does not take it",)


def test_a_model_that_can_be_kept_from_reasoning_then_takes_sampling_settings() -> None:
    """The switch decides."""
    off, _ = _asked(a_request(sampling=Sampling(temperature=0.5, thinking=False)), model="openai:gpt-5.1")
    assert off.body["temperature"] == 0.5
    on, _ = _asked(a_request(sampling=Sampling(temperature=0.5, thinking="high")), model="openai:gpt-5.1")
    assert "temperature" not in on.body
    assert on.body["reasoning_effort"] == "high"
    always, _ = _asked(a_request(sampling=Sampling(temperature=0.5, thinking=False)), model="openai:o3")
    assert "temperature" not in always.body


def test_a_whole_history_arrives_turn_by_turn() -> None:
    """System, user with a name and an image, assistant with a tool call, the tool's answer."""
    call = ToolCall("c1", "weather", '{"city": "Bern"}')
    messages = (
        system("Be brief."),
        Message("user", (TextPart("Look:"), ImagePart(media_type="image/png", data=PIXEL)), name="bob"),
        Message("assistant", (TextPart("Wait."),), tool_calls=(call,)),
        Message("tool", (TextPart("Sunny."),), tool_call_id="c1"),
        Message("assistant", tool_calls=(ToolCall("c2", "time", "{}"),)),
        Message("tool", (TextPart("Noon."),), tool_call_id="c2"),
        assistant("It is sunny."),
        user("And then?"),
    )
    sent: list[dict[str, Any]] = _asked(a_request(*messages))[0].body["messages"]
    assert [turn["role"] for turn in sent] == [message.role for message in messages]
    assert sent[0]["content"] == "Be brief."
    assert sent[1]["name"] == "bob"
    assert sent[1]["content"][0] == {"type": "text", "text": "Look:"}
    assert sent[1]["content"][1]["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    assert sent[2]["content"] == "Wait."
    assert sent[2]["tool_calls"][0]["id"] == "c1"
    assert sent[2]["tool_calls"][0]["function"]["name"] == "weather"
    assert sent[2]["tool_calls"][0]["function"]["arguments"] == '{"city": "Bern"}'
    assert (sent[3]["tool_call_id"], sent[3]["content"]) == ("c1", "Sunny.")
    assert not sent[4].get("content")
    assert (sent[6]["content"], sent[7]["content"]) == ("It is sunny.", "And then?")


def test_an_image_that_was_not_loaded_is_refused_without_a_request() -> None:
    """No address of a user's is fetched here, and none is handed on."""

    async def scenario() -> None:
        async with FakeOpenAI() as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url))
            picture = Message("user", (ImagePart(url="http://127.0.0.1/x.png"),))
            with pytest.raises(RefusedError, match="was not loaded"):
                await chunks_of(provider, a_request(picture))
            assert server.requests == []
            await provider.aclose()

    run(scenario)


def test_a_cache_point_changes_nothing_where_the_model_has_none() -> None:
    """The shared turn stays a plain text."""
    seen, _ = _asked(a_request(user("a"), assistant("b"), user("c"), shared_messages=2))
    assert [turn["content"] for turn in seen.body["messages"]] == ["a", "b", "c"]


def test_the_key_is_sent_and_without_a_key_a_placeholder_is() -> None:
    """A key in the environment is for OpenAI, not for whoever listens at an address."""
    seen, _ = _asked(a_request(), api_key="sk-mine")
    assert seen.headers["Authorization"] == "Bearer sk-mine"


def test_no_key_of_the_environment_goes_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to a server of one's own, by whatever name it is called."""
    for name in ("OPENAI_API_KEY", "OLLAMA_API_KEY", "VLLM_API_KEY"):
        monkeypatch.setenv(name, "sk-private")
    for model in ("openai:m", "ollama:m", "vllm:m", "lmstudio:m", "llamacpp:m"):
        seen, _ = _asked(a_request(), api_key=None, model=model)
        assert "sk-private" not in seen.headers["Authorization"]


@pytest.mark.parametrize("is_streamed", [True, False])
def test_text_thinking_usage_and_model_come_back(is_streamed: bool) -> None:
    """Thinking apart from the text, cached and reasoning tokens apart from the others."""
    behaviour = says(["Hel", "lo."], thinking="hm", usage=USAGE)
    _, chunks = _asked(a_request(is_streamed=is_streamed), behaviour)
    assert "".join(each.text for each in chunks) == "Hello."
    assert "".join(each.thinking for each in chunks) == "hm"
    assert len(chunks) == (4 if is_streamed else 1)
    last = chunks[-1]
    assert (last.finish_reason, last.model) == ("stop", "fake-1")
    assert last.usage == Usage(input_tokens=11, cached_tokens=4, output_tokens=7, reasoning_tokens=2)


@pytest.mark.parametrize("is_streamed", [True, False])
def test_what_the_endpoint_does_not_count_is_unknown(is_streamed: bool) -> None:
    """Unknown is not zero: neither the whole usage nor a part of it; and a zero that was said is one."""
    request = a_request(is_streamed=is_streamed)
    assert _asked(request, says("x"))[1][-1].usage == Usage()
    counts = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert _asked(request, says("x", usage=counts))[1][-1].usage == Usage(input_tokens=3, output_tokens=4)
    detailed = counts | {"prompt_tokens_details": {"cached_tokens": 0}}
    usage = Usage(input_tokens=3, cached_tokens=0, output_tokens=4)
    assert _asked(request, says("x", usage=detailed))[1][-1].usage == usage


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("said", "reason", "notes"),
    [
        ("length", "length", ()),
        ("content_filter", "content_filter", ()),
        ("tool_calls", "tool_calls", ()),
        ("eos", "stop", ("finish reason 'eos' was taken as stop",)),
    ],
)
def test_the_finish_reason_is_the_endpoints_own(
    said: str, reason: str, notes: tuple[str, ...], *, is_streamed: bool
) -> None:
    """One that nobody knows is taken as a stop, and noted."""
    last = _asked(a_request(is_streamed=is_streamed), says("x", finish=said))[1][-1]
    assert (last.finish_reason, last.notes) == (reason, notes)


def test_a_whole_document_without_a_finish_reason_is_whole() -> None:
    """It parsed, so nothing is cut; a note says what is missing."""
    last = _asked(a_request(is_streamed=False), says("x", finish=None))[1][-1]
    assert (last.text, last.finish_reason, last.notes) == ("x", "stop", ("the endpoint gave no finish reason",))


@pytest.mark.parametrize("is_streamed", [True, False])
def test_an_empty_reply_stays_empty(is_streamed: bool) -> None:
    """Nothing is made up; that it cannot be used is the caller's decision."""
    chunks = _asked(a_request(is_streamed=is_streamed), says(""))[1]
    assert [each.text for each in chunks] == [""]
    assert chunks[-1].finish_reason == "stop"


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_refusal_is_a_content_filter(is_streamed: bool) -> None:
    """OpenAI says it in a field of its own."""
    behaviour = streams(chunk({"refusal": "I will not."}), chunk(finish="stop"), "[DONE]")
    if not is_streamed:
        message = '{"role": "assistant", "content": null, "refusal": "I will not."}'
        choice = '{"index": 0, "finish_reason": "stop", "message": ' + message + "}"
        behaviour = sends(
            '{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [' + choice + "]}"
        )
    chunks = _asked(a_request(is_streamed=is_streamed), behaviour)[1]
    assert chunks[-1].finish_reason == "content_filter"


@pytest.mark.parametrize("is_streamed", [True, False])
def test_thinking_marks_in_the_text_are_left_to_us(is_streamed: bool) -> None:
    """The library splits them only where a mark is a chunk of its own, and swallows the text beside the last one."""
    pieces = ["<think>", "hm", "</think>Yes", "."]
    chunks = _asked(a_request(is_streamed=is_streamed), says(pieces))[1]
    assert "".join(each.text for each in chunks) == "".join(pieces)
    assert not any(each.thinking for each in chunks)


def test_closing_a_stream_early_closes_the_connection_and_leaves_no_task() -> None:
    """At once, not when the garbage collector comes by."""

    async def scenario() -> None:
        async with FakeOpenAI(hangs(chunk({"content": "He"}), chunk({"content": "llo"}))) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url))
            async with aclosing(provider.stream(a_request())) as stream:
                assert (await anext(stream)).text == "He"
                tasks = asyncio.all_tasks()
            await server.wait_idle()
            gc.collect()
            assert asyncio.all_tasks() <= tasks
            await provider.aclose()

    run(scenario)


EARLY_CLOSE = """
import asyncio
from contextlib import aclosing
from tests.fake_openai import FakeOpenAI, chunk, hangs
from tests.asking import a_request
from attention_moa.agents import ModelSettings
from attention_moa.providers.remote import RemoteProvider

async def scenario():
    async with FakeOpenAI(hangs(chunk({"content": "He"}))) as server:
        provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url))
        async with aclosing(provider.stream(a_request())) as stream:
            await anext(stream)
        await provider.aclose()

asyncio.run(scenario())
"""


def test_closing_a_stream_early_leaves_the_interpreters_memory_whole() -> None:
    """Closed in the plain way, the library's generators crash CPython 3.11 at exit, where its memory is checked.

    The order of the imports in the child matters: with another one the damage goes unseen.
    """
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONMALLOC": "debug"}  # noqa: TID251 - a child's environment
    child = subprocess.run(
        [sys.executable, "-c", EARLY_CLOSE], cwd=root, env=environment, capture_output=True, timeout=300, check=False
    )
    assert (child.returncode, child.stderr) == (0, b"")


def test_a_cancelled_call_closes_the_connection_and_leaves_no_task() -> None:
    """Before the first token as well as after it."""

    async def scenario(behaviour: Behaviour) -> None:
        async with FakeOpenAI(behaviour) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url))
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(chunks_of(provider))
                while not server.requests:
                    await asyncio.sleep(0.001)
                reading.cancel()
            await server.wait_idle()
            gc.collect()
            assert reading.cancelled()
            await provider.aclose()

    for behaviour in (hangs(), hangs(chunk({"content": "He"}))):
        run(partial(scenario, behaviour))


def test_a_hundred_calls_at_once_share_one_client() -> None:
    """The usual pool of connections would collapse at 64."""

    async def scenario() -> None:
        gate = asyncio.Event()

        async def all_at_once(request: Any, body: dict[str, Any]) -> Any:
            if server.open_requests == 100:
                gate.set()
            await gate.wait()
            return await says("ok")(request, body)

        async with FakeOpenAI(all_at_once) as server:
            http = SharedHttp()
            settings = [ModelSettings(model=f"openai:m{n}", base_url=server.base_url) for n in range(2)]
            providers = [RemoteProvider(each, http=http) for each in settings]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(text_of(providers[n % 2])) for n in range(100)]
            assert [task.result() for task in tasks] == ["ok"] * 100
            for provider in providers:
                await provider.aclose()
            assert await text_of(providers[0]) == "ok"
            await http.aclose()
            await http.aclose()

    run(scenario)


def test_a_provider_can_be_used_again_after_it_was_closed() -> None:
    """On a new event loop, too: connections belong to the loop that opened them."""
    http = SharedHttp()
    for _ in range(2):

        async def scenario() -> None:
            async with FakeOpenAI() as server:
                provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), http=http)
                for _ in range(2):
                    assert await text_of(provider) == "Hello."
                    await provider.aclose()
                    await http.aclose()

        run(scenario)


@pytest.mark.parametrize(("seconds", "notes"), [(10.0, 0), (3.0, 1)])
def test_a_connect_timeout_that_a_client_library_does_not_take_is_noted(seconds: float, notes: int) -> None:
    """Where it was set; the library's own holds."""
    require_module("mistralai")

    async def scenario() -> tuple[str, ...]:
        async with FakeOpenAI(says("Hello.", usage=USAGE)) as server:
            settings = ModelSettings(model="mistral:m", base_url=server.base_url.removesuffix("/v1"))
            provider = RemoteProvider(settings, api_key="k")
            chunks = await chunks_of(provider, a_request(is_streamed=False, connect_timeout_s=seconds))
            await provider.aclose()
            return tuple(note for chunk in chunks for note in chunk.notes)

    found = [note for note in run(scenario) if "connect_timeout_s has no effect" in note]
    assert len(found) == notes
