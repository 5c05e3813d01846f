"""How bodies are read: at once, strictly, and with errors that name the field."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attention_moa.server.chat_body import ChatBody, DeveloperTurn, ToolTurn
from attention_moa.server.errors import ApiError
from attention_moa.server.fields import OF_CHAT, OF_RESPONSES, REFUSED
from attention_moa.server.responses_body import ITEMS, ResponsesBody
from attention_moa.server.wire import PATTERNS, document, parse_body

LEAST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
ASKS: dict[str, Any] = {"model": "m", "input": "Why?"}


def refused(content: bytes) -> ApiError:
    """Return the error of a body that is not taken."""
    with pytest.raises(ApiError) as error:
        parse_body(content, ChatBody)
    assert error.value.status == 400
    return error.value


def fault(**fields: Any) -> tuple[str | None, str | None]:
    """Return the field and the code of a request that is right but for some fields."""
    error = refused(msgspec.json.encode(LEAST | fields))
    return error.param, error.code


def test_messages_are_read_by_their_roles() -> None:
    """A developer is one, though a system prompt comes of it."""
    turns = [{"role": "developer", "content": "Be brief."}, {"role": "tool", "content": "4", "tool_call_id": "c"}]
    read = parse_body(msgspec.json.encode(LEAST | {"messages": turns}), ChatBody)
    assert read.messages == [DeveloperTurn(content="Be brief."), ToolTurn(content="4", tool_call_id="c")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "1"}, "temperature"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 1.5}, "n"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "tools[0].function.name"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"attention_moa": {"layers": 0}}, "attention_moa.layers"),
        ({"attention_moa": {"attention": {"peers": -1}}}, "attention_moa.attention.peers"),
        ({"metadata": {"b": "right", "a": 1, "c": 2}}, "metadata.a"),
        ({"metadata": {"b": "right", "a": None}}, "metadata.a"),
        ({"logit_bias": {"50256": "much"}}, "logit_bias.50256"),
        ({"seed": 2**70}, "seed"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(fields: dict[str, Any], param: str) -> None:
    """Nothing is converted: a number in quotes is no number."""
    assert fault(**fields) == (param, "invalid_value")


NEVER = sorted((REFUSED.keys() - {"logprobs", "top_logprobs", "logit_bias"}) & set(ChatBody.__struct_fields__))


@pytest.mark.parametrize("name", NEVER)
def test_what_is_not_supported_is_refused_by_its_name_and_null_is_not(name: str) -> None:
    """Clients send null for what they leave out."""
    assert fault(**{name: {}}) == (name, "unsupported_parameter")
    assert parse_body(msgspec.json.encode(LEAST | {name: None}), ChatBody).model == "m"


def test_an_unknown_field_is_refused_with_the_name_that_may_be_meant() -> None:
    """Wherever it is."""
    error = refused(msgspec.json.encode(LEAST | {"temprature": 1}))
    assert (error.param, error.code) == ("temprature", "unknown_parameter")
    assert "did you mean temperature?" in error.message
    assert fault(attention_moa={"layer": 2}) == ("attention_moa.layer", "unknown_parameter")
    assert fault(messages=[{"role": "user", "content": "a", "when": 1}]) == ("messages[0].when", "unknown_parameter")


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"attention_moa": {"progres": "off"}}, "did you mean progress?"),
        ({"attention_moa": {"foo": 1}}, "there are layers, deadline_s, usd, "),
        ({"attention_moa": {"attention": {"slef": True}}}, "did you mean self?"),
        ({"messages": [{"role": "user", "content": "a", "contnet": 1}]}, "did you mean content?"),
        ({"tools": [{"type": "function", "function": {"name": "a", "temperature": 1}}]}, "there are name, description"),
    ],
)
def test_the_name_that_may_be_meant_is_one_of_that_very_object(fields: dict[str, Any], hint: str) -> None:
    """A field of another object is no help."""
    assert hint in refused(msgspec.json.encode(LEAST | fields)).message


def test_an_unknown_field_like_none_among_many_is_named_alone() -> None:
    """The list would be the page."""
    assert refused(msgspec.json.encode(LEAST | {"qqq": 1})).message == "qqq is no field of this request"


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"attention_moa": {"progress": "x"}}, "comments, off or reasoning"),
        ({"attention_moa": {"on_disconnect": "x"}}, "cancel or finish"),
        ({"attention_moa": {"attention": {"mode": "x"}}}, "pairwise or panel"),
        ({"attention_moa": {"attention": {"peers": "some"}}}, "all or a whole number"),
        ({"attention_moa": {"early_stop": {"rule": "x"}}}, "none, similarity or verdict"),
        ({"messages": [{"role": "robot", "content": ""}]}, "system, developer, user, assistant or tool"),
        ({"tools": [{"type": "x"}]}, "function"),
        ({"tool_choice": "x"}, "auto, none, required or an object"),
    ],
)
def test_a_wrong_choice_is_told_with_the_right_ones(fields: dict[str, Any], right: str) -> None:
    """In the words that are to be written."""
    assert refused(msgspec.json.encode(LEAST | fields)).message.endswith(f" is not right here: write {right}")


@pytest.mark.parametrize(
    ("fields", "right"),
    [
        ({"attention_moa": {"layers": 0}}, "attention_moa.layers: expected a whole number from 1 to 64"),
        ({"attention_moa": {"layers": 1000}}, "attention_moa.layers: expected a whole number from 1 to 64"),
        ({"temperature": -1}, "temperature: expected a number from 0 to 2"),
        ({"attention_moa": {"usd": 0}}, "attention_moa.usd: expected a number above 0"),
        ({"max_tokens": 0}, "max_tokens: expected a whole number from 1 up"),
        ({"metadata": {"a": 1}}, "metadata.a: expected text, got a whole number"),
        (
            {"tools": [{"type": "function", "function": {"name": "no spaces"}}]},
            "tools[0].function.name: expected 1 to 64 letters, digits, '_' and '-'",
        ),
    ],
)
def test_what_would_be_right_is_told_whole_and_in_words(fields: dict[str, Any], right: str) -> None:
    """Both ends of a range, whichever was passed; no pattern as programs write it."""
    assert refused(msgspec.json.encode(LEAST | fields)).message == right


def test_every_pattern_of_a_request_has_its_words() -> None:
    """And no other has."""
    schemas = msgspec.json.schema_components([ChatBody, ResponsesBody, *ITEMS])[1]
    written = msgspec.json.encode(schemas).decode()
    assert {msgspec.json.decode(f'"{found}"') for found in re.findall(r'"pattern":"([^"]*)"', written)} == set(PATTERNS)


@pytest.mark.parametrize(
    ("least", "field", "hint"),
    [
        (LEAST, "input", "the conversation is messages"),
        (LEAST, "max_output_tokens", "write max_completion_tokens"),
        (ASKS, "stop", "Responses have none: use /v1/chat/completions"),
        (ASKS, "messages", "the conversation is input"),
    ],
)
def test_a_field_of_the_other_api_is_told_as_what_it_is(least: dict[str, Any], field: str, hint: str) -> None:
    """Which of this one's names is nearest to it by its letters is no help."""
    with pytest.raises(ApiError) as error:
        parse_body(msgspec.json.encode(least | {field: 1}), ChatBody if least is LEAST else ResponsesBody)
    assert (error.value.param, error.value.code) == (field, "unknown_parameter")
    assert error.value.message == f"{field} is no field of this API: {hint}"


def test_what_is_said_of_the_other_apis_fields_is_so() -> None:
    """Each is one there and none here."""
    chat, responses = set(ChatBody.__struct_fields__), set(ResponsesBody.__struct_fields__)
    assert set(OF_RESPONSES) <= responses - chat
    assert set(OF_CHAT) <= chat - responses


def test_a_wrong_choice_is_quoted_no_further_than_it_helps() -> None:
    """It may be megabytes."""
    assert len(refused(msgspec.json.encode(LEAST | {"reasoning_effort": "x" * 100_000})).message) < 300


@pytest.mark.parametrize(
    ("text", "half"),
    [
        (rb"\ud800", r"\ud800"),
        (rb"\uDC00 and more", r"\uDC00"),
        (rb"\ud83d\ude00 \ud83d\ud83d", r"\ud83d"),
        (rb"\\\ud800", r"\ud800"),
    ],
)
def test_half_of_a_character_is_told_as_what_it_is(text: bytes, half: str) -> None:
    """Python programs write such JSON where their text was cut or decoded wrongly."""
    error = refused(b'{"model": "m", "messages": [{"role": "user", "content": "%b"}]}' % text)
    assert (error.code, error.param) == ("invalid_json", None)
    assert error.message.endswith(f"{half} is half of a character, and the other half is missing")


@pytest.mark.parametrize("text", [rb"\ud83d\ude00", rb"\\ud800", rb"\u00e4"])
def test_what_only_looks_like_half_of_a_character_is_not_told_as_one(text: bytes) -> None:
    """Both halves, or a backslash before a plain word: the fault is the end that lacks."""
    assert "half of a character" not in refused(b'{"model": "%b"' % text).message


def test_a_missing_field_is_named() -> None:
    """With its place."""
    error = refused(b'{"messages": []}')
    assert (error.param, error.code) in {("messages", "invalid_value"), ("model", "missing_required_parameter")}
    assert fault(messages=[{"role": "user"}]) == ("messages[0].content", "missing_required_parameter")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"model": NaN}', b'{"a": ' + b"[" * 50_000, b'"\\ud800"'])
def test_what_is_no_json_is_told_so(content: bytes) -> None:
    """Cut off, of bytes that are no text, or nested without end."""
    error = refused(content)
    assert error.param is None or content.startswith(b'{"a"')
    assert error.code in {"invalid_json", "unknown_parameter", "invalid_value"}


def test_a_body_that_is_no_object_is_told_so() -> None:
    """In words, not in types."""
    assert refused(b"[]").message == "the body: expected an object, got a list"


@settings(max_examples=40)
@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_nothing_but_a_request_is_taken_and_nothing_else_than_an_error_comes_of_it(content: Any) -> None:
    """Whatever the bytes are."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    error = refused(body)
    assert msgspec.json.decode(error.json)["error"]["message"] == error.message


def test_a_document_is_json() -> None:
    """With its headers."""
    response = document({"a": [1]}, status=201, headers={"x-a": "b"})
    assert (response.body, response.status_code, response.headers["x-a"]) == (b'{"a":[1]}', 201, "b")
    assert response.headers["content-type"] == "application/json"
