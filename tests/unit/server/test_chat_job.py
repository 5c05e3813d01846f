"""What the body of a chat completion asks for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attention_moa.messages import (
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    system,
    user,
)
from attention_moa.server.chat_body import ChatBody
from attention_moa.server.chat_job import asked_of
from attention_moa.server.errors import ApiError
from attention_moa.server.translate import Asked
from attention_moa.server.wire import parse_body

ADD = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}
LOOK = {"type": "function", "function": {"name": "look", "strict": True}}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
USER = {"role": "user", "content": "Why?"}
ADD_SPEC, LOOK_SPEC = ToolSpec("add", "Adds.", {"type": "object"}), ToolSpec("look", is_strict=True)


def asked(*messages: dict[str, Any], **fields: Any) -> Asked:
    """Return what a request of some fields asks for."""
    body = {"model": "m", "messages": messages or [USER]} | fields
    return asked_of(parse_body(msgspec.json.encode(body), ChatBody))


def refused(*messages: dict[str, Any], **fields: Any) -> tuple[str | None, str | None]:
    """Return the field at fault and the code of a request that is refused."""
    with pytest.raises(ApiError) as error:
        asked(*messages, **fields)
    assert error.value.status == 400
    return error.value.param, error.value.code


def test_messages_keep_their_roles_names_parts_and_calls() -> None:
    """A developer is a system; a refusal is what was said."""
    told = asked(
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "name": "ann", "content": [
            {"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "https://a.org/i.png"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "name": "bot"},
        {"role": "assistant", "content": None, "refusal": "Never."},
        USER,
    )  # fmt: skip
    assert told.conversation == (
        system("Be brief."),
        system("Be kind."),
        Message("user", (TextPart("What is it?"), ImagePart(url="https://a.org/i.png")), name="ann"),
        Message("assistant", tool_calls=(ToolCall("c1", "add", "{}"),)),
        Message("tool", (TextPart("4"),), tool_call_id="c1"),
        Message("assistant", (TextPart("No."),), name="bot"),
        Message("assistant", (TextPart("Never."),)),
        user("Why?"),
    )


def test_an_answer_is_taken_back_as_it_came() -> None:
    """What it has beside its words and calls changes nothing, and is told."""
    came: dict[str, Any] = {
        "role": "assistant", "content": "4", "refusal": None, "annotations": [], "audio": None, "function_call": None,
        "reasoning_content": "hm", "parsed": {"a": 1},
    }  # fmt: skip
    told = asked(USER, came, USER)
    assert told.ignored == ("messages.parsed", "messages.reasoning_content")


def test_a_tools_result_belongs_to_an_earlier_call() -> None:
    """Else nobody knows what it answers."""
    lost = {"role": "tool", "tool_call_id": "c2", "content": "4"}
    place = ("messages[2].tool_call_id", "invalid_value")
    assert refused(USER, {"role": "assistant", "tool_calls": [CALL]}, lost) == place


def test_an_assistant_says_or_calls_something() -> None:
    """Else it is no turn."""
    assert refused(USER, {"role": "assistant"}, USER) == ("messages[1].content", "invalid_value")


def test_sampling_is_told_and_unset_stays_unset() -> None:
    """The two names of the most tokens are one."""
    told = asked(
        temperature=0.5, top_p=0.9, max_tokens=7, seed=3, presence_penalty=1, frequency_penalty=-1,
        reasoning_effort="xhigh",
    )  # fmt: skip
    assert told.sampling == Sampling(
        temperature=0.5, top_p=0.9, max_tokens=7, seed=3, presence_penalty=1, frequency_penalty=-1, thinking="high"
    )
    assert told.notes == ("a reasoning effort of xhigh is taken as high",)
    assert asked().sampling == Sampling()
    assert asked(max_tokens=7, max_completion_tokens=7).sampling.max_tokens == 7
    assert refused(max_tokens=7, max_completion_tokens=8) == ("max_tokens", "invalid_value")


def test_errors_call_the_most_tokens_as_the_request_does() -> None:
    """By either name."""
    assert asked(max_tokens=7).names == {"max_tokens": "max_tokens"}
    assert asked(max_completion_tokens=7).names == {"max_tokens": "max_completion_tokens"}


def test_stops_are_texts() -> None:
    """One or several, none of them empty."""
    assert asked(stop="end").wanted.stop == ("end",)
    assert asked(stop=["a", "b"]).wanted.stop == ("a", "b")
    assert refused(stop=["a", ""]) == ("stop", "invalid_value")


def test_a_format_is_wanted() -> None:
    """Text is none."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    told = asked(
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    )
    assert told.wanted.reply_format == ReplyFormat("json_schema", name="n", schema=schema, is_strict=True)
    assert asked(response_format={"type": "json_object"}).wanted.reply_format == ReplyFormat("json_object")
    assert asked(response_format={"type": "text"}).wanted.reply_format is None


def test_a_schema_that_cannot_be_checked_is_refused() -> None:
    """Before anything is spent."""
    place = "response_format.json_schema.schema"
    missing = {"type": "json_schema", "json_schema": {"name": "n"}}
    assert refused(response_format=missing) == (place, "missing_required_parameter")
    wrong = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "no such type"}}}
    assert refused(response_format=wrong) == (place, "invalid_value")


@pytest.mark.parametrize(
    ("choice", "use"),
    [
        (None, ToolUse((ADD_SPEC, LOOK_SPEC))),
        ("auto", ToolUse((ADD_SPEC, LOOK_SPEC))),
        ("none", ToolUse((ADD_SPEC, LOOK_SPEC), "none")),
        ("required", ToolUse((ADD_SPEC, LOOK_SPEC), "required")),
        ({"type": "function", "function": {"name": "look"}}, ToolUse((ADD_SPEC, LOOK_SPEC), "required", "look")),
        (
            {"type": "allowed_tools", "allowed_tools": {
                "mode": "required", "tools": [{"type": "function", "function": {"name": "add"}}]}},
            ToolUse((ADD_SPEC,), "required"),
        ),
    ],
)  # fmt: skip
def test_tools_are_told_with_the_choice_among_them(choice: Any, use: ToolUse) -> None:
    """A named one is required."""
    assert asked(tools=[ADD, LOOK], tool_choice=choice).wanted.tools == use


def test_parallel_calls_may_be_forbidden() -> None:
    """Without tools that says nothing."""
    told = asked(tools=[ADD], parallel_tool_calls=False).wanted.tools
    assert told is not None
    assert told.is_parallel is False
    assert asked(parallel_tool_calls=False).ignored == ("parallel_tool_calls",)


def test_a_choice_of_tools_that_are_not_there_is_refused() -> None:
    """And two tools of one name."""
    named = {"type": "function", "function": {"name": "gone"}}
    allowed: dict[str, Any] = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert refused(tools=[ADD], tool_choice=named) == ("tool_choice", "invalid_value")
    assert refused(tools=[ADD], tool_choice=allowed) == ("tool_choice", "invalid_value")
    assert refused(tool_choice="required") == ("tool_choice", "invalid_value")
    assert refused(tools=[ADD, ADD]) == ("tools", "invalid_value")
    assert asked(tool_choice="none").wanted.tools is None


def test_labels_are_the_clients_own() -> None:
    """Of bounded size."""
    told = asked(user="ann", safety_identifier="s", metadata={"task": "t"})
    assert told.labels == {"user": "ann", "safety_identifier": "s", "task": "t"}
    assert refused(metadata={str(number): "" for number in range(17)}) == ("metadata", "invalid_value")
    assert refused(metadata={"a": "b" * 513}) == ("metadata.a", "invalid_value")
    assert refused(metadata={"a" * 65: "b"}) == ("metadata", "invalid_value")


def test_what_changes_nothing_is_told() -> None:
    """Wherever in the request it is."""
    told = asked(
        {"role": "user", "content": [
            {"type": "text", "text": "Why?", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "https://a.org/i.png", "detail": "low"}},
        ]},
        store=True, service_tier="auto", logprobs=False, logit_bias={}, modalities=["text"], stream=True,
        stream_options={"include_obfuscation": True},
    )  # fmt: skip
    assert set(told.ignored) == {
        "store", "service_tier", "logprobs", "logit_bias", "modalities", "stream_options.include_obfuscation",
        "messages.content.image_url.detail", "messages.content.cache_control",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "audio"),
        ({"modalities": ["smell"]}, "modalities"),
    ],
)
def test_what_would_change_the_meaning_is_refused(fields: dict[str, Any], param: str) -> None:
    """By name."""
    assert refused(**fields) == (param, "unsupported_parameter")


def test_options_of_a_stream_go_with_a_stream() -> None:
    """As the API has it."""
    assert refused(stream_options={"include_usage": True}) == ("stream_options", "invalid_value")


def test_choices_and_settings_are_handed_on() -> None:
    """As they are."""
    told = asked(n=3, attention_moa={"layers": 2})
    assert (told.choices, told.settings and told.settings.layers) == (3, 2)
