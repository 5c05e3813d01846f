"""What the body of a Responses request asks for."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from attention_moa.messages import ReplyFormat, Sampling, ToolSpec, assistant, system, user
from attention_moa.server.errors import ApiError
from attention_moa.server.responses_body import ResponsesBody
from attention_moa.server.responses_document import BACKGROUND, INSTRUCTIONS, PREVIOUS
from attention_moa.server.responses_job import Past, asked_of, shows_progress
from attention_moa.server.translate import Asked
from attention_moa.server.wire import parse_body

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": True}
PAST = Past("resp_1", (user("Why?"), assistant("So.")))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def a_body(**fields: Any) -> ResponsesBody:
    """Return a request of some fields, read as it comes in."""
    return parse_body(msgspec.json.encode({"model": "m", "input": "And?"} | fields), ResponsesBody)


def asked(past: Past | None = None, **fields: Any) -> Asked:
    """Return what a request of some fields asks for."""
    return asked_of(a_body(**fields), past)


def param(**fields: Any) -> tuple[str | None, str | None]:
    """Return the field at fault and the code of a request that is refused."""
    with pytest.raises(ApiError) as refused:
        asked(**fields)
    assert refused.value.status == 400
    return refused.value.param, refused.value.code


def test_a_request_goes_on_from_an_earlier_answer_with_instructions_of_its_own() -> None:
    """They stand before all turns."""
    told = asked(PAST, instructions="Be brief.", previous_response_id="resp_1")
    assert told.conversation == (system("Be brief."), user("Why?"), assistant("So."), user("And?"))
    assert told.labels == {INSTRUCTIONS: "1", PREVIOUS: "resp_1"}


def test_sampling_goes_by_the_names_of_the_api() -> None:
    """Unset stays unset."""
    told = asked(temperature=0.5, top_p=0.9, max_output_tokens=7, reasoning={"effort": "low"})
    assert told.sampling == Sampling(temperature=0.5, top_p=0.9, max_tokens=7, thinking="low")
    assert told.names["max_tokens"] == "max_output_tokens"
    assert asked().sampling == Sampling()


def test_an_effort_that_is_not_quite_ours_is_noted() -> None:
    """It is the nearest."""
    assert asked(reasoning={"effort": "xhigh"}).notes == ("a reasoning effort of xhigh is taken as high",)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (None, ("auto", None)),
        ("none", ("none", None)),
        ("required", ("required", None)),
        ({"type": "function", "name": "look"}, ("required", "look")),
        ({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}, ("auto", None)),
    ],
)
def test_tools_and_how_they_are_chosen(choice: Any, told: tuple[str, str | None]) -> None:
    """As in chat completions, in this API's form."""
    use = asked(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False).wanted.tools
    assert use is not None
    assert use.tools == (ToolSpec("look", parameters={"type": "object"}, is_strict=True),)
    assert ((use.choice, use.only), use.is_parallel) == (told, False)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, ReplyFormat("json_object")),
        (
            {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True},
            ReplyFormat("json_schema", name="n", schema=SCHEMA, is_strict=True),
        ),
    ],
)
def test_the_form_of_the_text(form: dict[str, Any], told: ReplyFormat | None) -> None:
    """A schema is checked when the request comes."""
    assert asked(text={"format": form}).wanted.reply_format == told


def test_what_changes_nothing_is_listed() -> None:
    """By the name that the request has for it."""
    item = {"role": "user", "content": [{"type": "input_image", "image_url": "http://x/", "detail": "low"}]}
    told = asked(
        input=[{"type": "reasoning", "summary": []}, item],
        store=False,
        truncation="auto",
        include=["reasoning.encrypted_content"],
        parallel_tool_calls=True,
        top_logprobs=0,
        text={"verbosity": "low"},
        reasoning={"context": "auto", "mode": "standard"},
        stream=True,
        stream_options={"include_obfuscation": False},
    )
    assert set(told.ignored) == {
        "include",
        "store",
        "truncation",
        "parallel_tool_calls",
        "top_logprobs",
        "text.verbosity",
        "reasoning.context",
        "reasoning.mode",
        "input.reasoning",
        "input.content.detail",
    }


def test_a_mark_for_a_cache_is_listed_and_padding_that_is_asked_for_is_too() -> None:
    """Neither changes the answer."""
    part = {"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}
    told = asked(input=[{"role": "user", "content": [part]}], stream=True, stream_options={"include_obfuscation": True})
    assert told.ignored == ("stream_options.include_obfuscation", "input.content.prompt_cache_breakpoint")


def test_labels_are_the_clients_and_those_that_the_api_needs() -> None:
    """A response that nobody waits for says so later too."""
    told = asked(metadata={"case": "7"}, user="u", background=True)
    assert told.labels == {"case": "7", "user": "u", BACKGROUND: "1"}


def test_a_summary_of_reasoning_is_the_deliberation() -> None:
    """By its name of today and by the one before."""
    assert shows_progress(a_body(reasoning={"summary": "auto"}))
    assert shows_progress(a_body(reasoning={"generate_summary": "concise"}))
    assert not shows_progress(a_body(reasoning={"effort": "low"}))
    assert not shows_progress(a_body())


@pytest.mark.parametrize(
    ("fields", "at", "code"),
    [
        ({"include": ["message.output_text.logprobs"]}, "include", "unsupported_parameter"),
        ({"top_logprobs": 3}, "top_logprobs", "unsupported_parameter"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"context_management": [{"type": "compaction"}]}, "context_management", "unsupported_parameter"),
        ({"moderation": {"model": "m"}}, "moderation", "unsupported_parameter"),
        ({"stream_options": {}}, "stream_options", "invalid_value"),
        ({"background": True, "store": False}, "store", "invalid_value"),
        ({"metadata": {"attention_moa.x": "1"}}, "metadata", "invalid_value"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "no"}}, "tool_choice", "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": 7}}}}, "text.format.schema", None),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"temprature": 1}, "temprature", "unknown_parameter"),
    ],
)
def test_what_would_change_the_meaning_is_refused_by_name(fields: dict[str, Any], at: str, code: str | None) -> None:
    """And what is wrong, too."""
    assert param(**fields) == (at, code or "invalid_value")
