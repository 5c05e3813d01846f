"""What goes to llama.cpp's server and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from attention_moa.errors import AuthError, BadReplyError, CallError, ContextTooLongError, RefusedError, ServerError
from attention_moa.messages import (
    Chunk,
    ImagePart,
    Message,
    Sampling,
    TextPart,
    TokenChances,
    ToolCall,
    ToolCallDelta,
    Usage,
    assistant,
    system,
    user,
)
from attention_moa.providers.embedded_wire import (
    ReplyReader,
    is_of_grammar,
    parse_error,
    parse_has_tools,
    render_body,
    render_messages,
)
from tests.asking import a_request


def _read(*events: dict[str, Any] | str) -> list[Chunk]:
    """Return the chunks that these events give, the last one included."""
    reader = ReplyReader()
    payloads = [(event if isinstance(event, str) else json.dumps(event)).encode() for event in events]
    return [chunk for chunk in (*map(reader.take, payloads), reader.last()) if chunk is not None]


def _says(text: str | None = None, finish: str | None = None, **delta: str) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text} | delta, "finish_reason": finish}], "model": "m"}


def test_unset_sampling_is_not_sent() -> None:
    """The body has the prompt, the slot and what streaming needs, and nothing else."""
    body = render_body(a_request(user("Hi.")), slot=2)
    assert body == {
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": True,
        "id_slot": 2,
    }


def test_every_sampling_setting_is_sent() -> None:
    """Zero is a setting too."""
    sampling = Sampling(
        temperature=0.0,
        top_p=0.9,
        max_tokens=5,
        seed=0,
        stop=("x",),
        presence_penalty=1.0,
        frequency_penalty=-1.0,
        top_logprobs=5,
        extra_body={"min_p": 0.1},
    )
    body = render_body(a_request(sampling=sampling), slot=0)
    expected = {"temperature": 0.0, "top_p": 0.9, "max_tokens": 5, "seed": 0, "stop": ("x",), "min_p": 0.1}
    assert body.items() >= (expected | {"presence_penalty": 1.0, "frequency_penalty": -1.0}).items()
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)


@pytest.mark.parametrize(
    ("thinking", "sent"),
    [
        (True, {"enable_thinking": True}),
        (False, {"enable_thinking": False}),
        ("low", {"enable_thinking": True, "reasoning_effort": "low"}),
    ],
)
def test_thinking_goes_to_the_chat_template(thinking: Any, sent: dict[str, Any]) -> None:
    """It is the template that switches it."""
    body = render_body(a_request(sampling=Sampling(thinking=thinking)), slot=0)
    assert body["chat_template_kwargs"] == sent


def test_no_extra_field_can_switch_streaming_off() -> None:
    """Without a stream a cancelled call would go on to its end."""
    extra = {"stream": False, "return_progress": False, "id_slot": 9}
    body = render_body(a_request(sampling=Sampling(extra_body=extra)), slot=1)
    assert (body["stream"], body["return_progress"], body["id_slot"]) == (True, True, 1)


def test_messages_stay_messages() -> None:
    """Each keeps its role and its place."""
    rendered = render_messages((system("S"), user("a"), assistant("b"), user("c")))
    assert [(message["role"], message["content"]) for message in rendered] == [
        ("system", "S"),
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


def test_tool_calls_and_their_results_become_text() -> None:
    """The result and the query that follows it are one user turn: many templates ask that turns alternate."""
    calls = Message("assistant", (TextPart("Wait."),), tool_calls=(ToolCall("c1", "add", '{"a": 1}'),))
    result = Message("tool", (TextPart("42"),), tool_call_id="c1")
    rendered = render_messages((user("Add."), calls, result, user("And?")))
    assert rendered[1:] == [
        {"role": "assistant", "content": 'Wait.\nCall c1: add({"a": 1})'},
        {"role": "user", "content": "Result of call c1:\n42\n\nAnd?"},
    ]


def test_an_image_is_refused() -> None:
    """The text says which setting keeps it away."""
    seen = Message("user", (TextPart("What?"), ImagePart(media_type="image/png", data=b"x")))
    with pytest.raises(RefusedError, match="has_images = false"):
        render_messages((seen,))


def test_a_reply_is_its_pieces_and_ends_with_reason_and_usage() -> None:
    """The usage comes after the reason and goes with it."""
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    chunks = _read(
        {"choices": [{"delta": {"content": None}}], "prompt_progress": {"total": 9}},
        _says(None, reasoning_content="Hm."),
        _says("He"),
        _says("llo"),
        _says(finish="length"),
        {"choices": [], "usage": usage},
        "[DONE]",
    )
    counted = Usage(input_tokens=9, cached_tokens=4, output_tokens=2)
    assert chunks == [
        Chunk(thinking="Hm."),
        Chunk(text="He"),
        Chunk(text="llo"),
        Chunk(finish_reason="length", usage=counted, model="m"),
    ]


def test_log_probabilities_come_with_their_piece() -> None:
    """Also with a piece of half a character, which has no text yet."""
    told = {"token": "m", "logprob": -0.5, "bytes": [109], "top_logprobs": [{"token": "m", "logprob": -0.5}]}
    says = _says("m")
    says["choices"][0]["logprobs"] = {"content": [told]}
    half = _says("")
    half["choices"][0]["logprobs"] = {"content": [told | {"token": "x", "logprob": None, "top_logprobs": []}]}
    first, second, _ = _read(says, half, _says(finish="stop"))
    assert first.logprobs == (TokenChances("m", -0.5, (("m", -0.5),)),)
    assert second == Chunk(logprobs=(TokenChances("x", -9999.0),))


def test_what_is_not_counted_stays_unknown() -> None:
    """No usage is no zero."""
    assert _read(_says("A", "stop"))[-1] == Chunk(finish_reason="stop", model="m")
    uncounted = _read(_says("A", "stop"), {"usage": {"prompt_tokens": 3}})[-1].usage
    assert uncounted == Usage(input_tokens=3)


def test_a_stream_that_is_cut_has_no_end() -> None:
    """No reason is made up."""
    assert _read(_says("He")) == [Chunk(text="He")]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"error": {"message": "compute error", "code": 500}}, ServerError),
        ({"error": {"message": "long", "code": 400, "type": "exceed_context_size_error"}}, ContextTooLongError),
        ("{", BadReplyError),
        ({"choices": 3}, BadReplyError),
        (_says("A", "tired"), BadReplyError),
    ],
)
def test_an_event_that_is_no_reply_is_an_error(event: dict[str, Any] | str, kind: type[CallError]) -> None:
    """Nothing of it becomes text."""
    with pytest.raises(CallError) as caught:
        _read(event)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            400,
            '{"error": {"type": "exceed_context_size_error", "message": "too long"}}',
            ContextTooLongError,
            "too long",
        ),
        (400, '{"error": {"type": "invalid_request_error", "message": "bad"}}', RefusedError, "bad (400)"),
        (401, '{"error": {"message": "Invalid API Key", "code": 401}}', AuthError, "Invalid API Key (401)"),
        (503, '{"error": {"message": "Loading model"}}', ServerError, "Loading model (503)"),
        (500, "no JSON", ServerError, "no JSON (500)"),
        (404, "", RefusedError, "no reason given (404)"),
    ],
)
def test_an_http_error_is_one_of_ours(status: int, body: str, kind: type[CallError], text: str) -> None:
    """The reason that the server gives is in its text."""
    error = parse_error(status, body.encode())
    assert type(error) is kind
    assert text in str(error)


def test_pieces_of_tool_calls_are_read_as_they_come() -> None:
    """Where a template knows tools the server streams them as OpenAI does."""
    pieces: list[Any] = [
        [{"index": 0, "id": "c1", "type": "function", "function": {"name": "clock", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": "{}"}}, {"index": 1}],
    ]
    events = [{"choices": [{"delta": {"content": None, "tool_calls": piece}}]} for piece in pieces]
    chunks = _read(*events, _says(finish="tool_calls"))
    assert [piece for chunk in chunks for piece in chunk.tool_calls] == [
        ToolCallDelta(0, "c1", "clock"),
        ToolCallDelta(0, arguments="{}"),
        ToolCallDelta(1),
    ]
    assert chunks[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("body", "has_tools"),
    [
        (b'{"chat_template_caps": {"supports_tools": true}}', True),
        (b'{"chat_template_caps": {"supports_tools": false}}', False),
        (b"{}", False),
        (b"not found", False),
        (b"\xff", False),
    ],
)
def test_what_a_server_tells_of_its_template_is_read(body: bytes, has_tools: bool) -> None:
    """One that does not tell has no tools."""
    assert parse_has_tools(body) is has_tools


def test_a_schema_that_makes_no_grammar_is_told_from_other_refusals() -> None:
    """By what the server says."""
    assert is_of_grammar(RefusedError("JSON schema error at #: unrecognized type"))
    assert not is_of_grammar(RefusedError("messages: missing"))
    assert not is_of_grammar(ServerError("grammar"))


def test_a_speakers_name_opens_the_text() -> None:
    """Templates know nothing of it."""
    (turn,) = render_messages((Message("user", (TextPart("Hi."),), name="ann"),))
    assert turn["content"] == "[ann] Hi."
