"""Tools and reply formats on the wire: to OpenAI-compatible endpoints as they are, to others as each can take them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from pydantic_ai.messages import PartDeltaEvent, PartStartEvent
from pydantic_ai.messages import ToolCallPart as TheirCall
from pydantic_ai.messages import ToolCallPartDelta as TheirDelta
from pydantic_ai.models.test import TestModel

from attention_moa.agents import ModelSettings
from attention_moa.errors import RefusedError
from attention_moa.messages import (
    CallRequest,
    Chunk,
    Message,
    ReplyFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
    ToolUse,
)
from attention_moa.providers.http import SharedHttp
from attention_moa.providers.remote import RemoteProvider
from attention_moa.providers.remote_models import build_model
from attention_moa.providers.remote_tools import CallPieces, Wishes, render_wishes
from tests.asking import a_request, chunks_of, run
from tests.fake_openai import Behaviour, FakeOpenAI, chunk, says, sends, streams, whole
from tests.machine import require_module

PLACE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Place",
    "type": "object",
    "properties": {"city": {"type": "string", "title": "City", "minLength": 1, "default": "Bern"}},
    "required": ["city"],
}
WEATHER = ToolSpec("weather", "The weather somewhere.", PLACE)
CLOCK = ToolSpec("clock", is_strict=True)
BOTH = ToolUse((WEATHER, CLOCK))
SENT = [
    {"type": "function", "function": {"name": "weather", "description": "The weather somewhere.", "parameters": PLACE}},
    {"type": "function", "function": {"name": "clock", "strict": True}},
]
MANY = {f"p{number}": {"type": ["string", "null"]} for number in range(3)}
NAMED = ReplyFormat("json_schema", "place", "A place.", PLACE, is_strict=True)


def asked(request: CallRequest, behaviour: Behaviour | None = None, model: str = "openai:m") -> dict[str, Any]:
    """Return the body of a request as an OpenAI-compatible endpoint saw it, and the notes under ``notes``."""

    async def scenario() -> dict[str, Any]:
        async with FakeOpenAI(behaviour or says("Hello.")) as server:
            provider = RemoteProvider(ModelSettings(model=model, base_url=server.base_url), api_key="k")
            chunks = await chunks_of(provider, request)
            await provider.aclose()
            return {**server.requests[0].body, "notes": chunks[-1].notes}

    return run(scenario)


def told(behaviour: Behaviour, **fields: Any) -> list[Chunk]:
    """Return the reply of an endpoint to a request with tools."""

    async def scenario() -> list[Chunk]:
        async with FakeOpenAI(behaviour) as server:
            provider = RemoteProvider(ModelSettings(model="openai:m", base_url=server.base_url), api_key="k" * 20)
            chunks = await chunks_of(provider, a_request(tools=BOTH, **fields))
            await provider.aclose()
            return chunks

    return run(scenario)


def body_for(model: str, request: CallRequest) -> dict[str, Any]:
    """Return what is sent to any API of a vendor's own, which then refuses it."""
    require_module(model.partition(":")[0].replace("google", "google.genai"))

    async def scenario() -> dict[str, Any]:
        bodies: list[dict[str, Any]] = []

        async def refuse(request: web.Request) -> web.Response:
            bodies.append(await request.json())
            return web.json_response({"error": {"message": "no"}}, status=400)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", refuse)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        provider = RemoteProvider(ModelSettings(model=model, base_url=address), api_key="k")
        try:
            with pytest.raises(RefusedError):
                await chunks_of(provider, request)
        finally:
            await provider.aclose()
            await runner.cleanup()
        (body,) = bodies
        return body

    return run(scenario)


def wishes_of(model: str, request: CallRequest) -> Wishes:
    """Return what of a request's wishes goes to a vendor's own API."""
    require_module(model.partition(":")[0].replace("google", "google.genai").replace("mistral", "mistralai"))

    async def scenario() -> Wishes:
        http = SharedHttp()
        remote = build_model(ModelSettings(model=model), "k", http.client())
        async with remote.provider:
            found = render_wishes(request, remote.model)
        await http.aclose()
        return found

    return run(scenario)


@pytest.mark.parametrize("is_streamed", [True, False])
@pytest.mark.parametrize(
    ("tools", "choice"),
    [
        (BOTH, "auto"),
        (ToolUse(BOTH.tools, "none"), "none"),
        (ToolUse(BOTH.tools, "required"), "required"),
        (ToolUse(BOTH.tools, "required", "clock"), {"type": "function", "function": {"name": "clock"}}),
        (ToolUse(BOTH.tools, "auto", is_parallel=False), "auto"),
    ],
)
def test_tools_go_to_an_openai_compatible_endpoint_as_they_are(
    tools: ToolUse, choice: object, is_streamed: bool
) -> None:
    """Schemas are not rewritten, and what the caller did not set is not sent."""
    body = asked(a_request(tools=tools, is_streamed=is_streamed))
    assert body["tools"] == SENT
    assert body["tool_choice"] == choice
    assert body.get("parallel_tool_calls") is tools.is_parallel
    assert "response_format" not in body
    assert body["notes"] == ()


def test_a_tool_among_no_others_is_named_too() -> None:
    """One that must be called is not any."""
    body = asked(a_request(tools=ToolUse((CLOCK,), "required", "clock", is_parallel=True)))
    assert body["tool_choice"] == {"type": "function", "function": {"name": "clock"}}
    assert body["parallel_tool_calls"] is True


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (ReplyFormat("json_object"), {"type": "json_object"}),
        (
            NAMED,
            {
                "type": "json_schema",
                "json_schema": {"name": "place", "description": "A place.", "schema": PLACE, "strict": True},
            },
        ),
        (
            ReplyFormat("json_schema", schema=PLACE, is_strict=False),
            {"type": "json_schema", "json_schema": {"name": "reply", "schema": PLACE, "strict": False}},
        ),
        (
            ReplyFormat("json_schema", name="place", schema={}),
            {"type": "json_schema", "json_schema": {"name": "place", "schema": {}}},
        ),
    ],
)
def test_a_format_goes_to_an_openai_compatible_endpoint_as_it_is(wanted: ReplyFormat, sent: object) -> None:
    """Beside fields of the ensemble's own, and over one of the same name."""
    sampling = Sampling(extra_body={"id_slot": 2, "response_format": {"type": "text"}})
    body = asked(a_request(reply_format=wanted, sampling=sampling))
    assert body["response_format"] == sent
    assert body["id_slot"] == 2
    assert "tools" not in body
    assert body["notes"] == ()


def test_no_tools_at_all_are_not_sent() -> None:
    """Endpoints refuse an empty list."""
    assert "tools" not in asked(a_request(tools=ToolUse(())))


def test_calls_results_and_names_of_earlier_turns_are_sent_as_they_are() -> None:
    """Arguments that are no JSON too: it was the model that wrote them."""
    messages = (
        Message("user", (TextPart("Where?"),), name="ann"),
        Message("assistant", (TextPart("Wait."),), "bob", (ToolCall("c1", "weather", '{"city":'),)),
        Message("tool", (TextPart("Sunny."),), tool_call_id="c1"),
        Message("assistant", (), None, (ToolCall("c2", "clock", ""), ToolCall("c3", "clock", "{ }"))),
        Message("tool", (TextPart("Noon."),), tool_call_id="c2"),
        Message("tool", (TextPart("One."),), tool_call_id="c3"),
    )
    turns = asked(a_request(*messages))["messages"]
    assert [turn.get("name") for turn in turns] == ["ann", "bob", None, None, None, None]
    assert (turns[0]["content"], turns[1]["content"]) == ("Where?", "Wait.")
    calls = [call for turn in turns for call in turn.get("tool_calls", ())]
    assert [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("c1", "weather", '{"city":'),
        ("c2", "clock", ""),
        ("c3", "clock", "{ }"),
    ]
    assert [turn["tool_call_id"] for turn in turns if turn["role"] == "tool"] == ["c1", "c2", "c3"]


def called(index: int, **function: str) -> dict[str, Any]:
    """Return a piece of a tool call as the API streams it."""
    more: dict[str, Any] = {"id": function.pop("id"), "type": "function"} if "id" in function else {}
    return {"index": index, **more, "function": function}


def test_pieces_of_calls_arrive_as_pieces() -> None:
    """Each as it came, numbered from 0 whatever comes before, the text beside them kept."""
    behaviour = streams(
        chunk({"content": "I look."}),
        chunk({"tool_calls": [called(0, id="c1", name="weather", arguments="")]}),
        chunk({"tool_calls": [called(0, arguments='{"city"')]}),
        chunk({"tool_calls": [called(0, arguments=': "Bern"}'), called(1, id="c2", name="clock", arguments="{}")]}),
        chunk(finish="tool_calls"),
        "[DONE]",
    )
    chunks = told(behaviour)
    assert "".join(each.text for each in chunks) == "I look."
    assert [piece for each in chunks for piece in each.tool_calls] == [
        ToolCallDelta(0, "c1", "weather"),
        ToolCallDelta(0, arguments='{"city"'),
        ToolCallDelta(0, arguments=': "Bern"}'),
        ToolCallDelta(1, "c2", "clock", "{}"),
    ]
    assert chunks[-1].finish_reason == "tool_calls"


def test_a_name_has_a_place_in_the_text_where_the_interface_has_none() -> None:
    """Before it; a turn without text has nowhere to put it."""
    messages = (
        Message("user", (TextPart("Where?"),), name="ann"),
        Message("assistant", (), "bob", (ToolCall("1", "clock", "{}"),)),
    )
    turns = (*messages, Message("tool", (TextPart("Noon."),), "clock", (), "1"))
    body = body_for("anthropic:claude-haiku-4-5", a_request(*turns, tools=ToolUse((CLOCK,))))
    assert body["messages"][0]["content"] == [{"text": "[ann] Where?", "type": "text"}]
    assert "bob" not in json.dumps(body)


TURNS = (
    Message("user", (TextPart("What time?"),)),
    Message("assistant", (TextPart("I look."),), None, (ToolCall("1", "clock", "{}"), ToolCall("2", "weather", "{}"))),
    Message("tool", (TextPart("Noon."),), None, (), "1"),
    Message("tool", (TextPart("Sun."),), None, (), "2"),
    Message("user", (TextPart("Criticise it."),)),
)


def test_turns_with_tools_are_text_for_an_endpoint_that_refuses_them_without_tools() -> None:
    """Agents advise and have none; whoever writes has them, and gets the turns as they are."""
    body = body_for("anthropic:claude-haiku-4-5", a_request(*TURNS))
    assert "tools" not in body
    sent = json.dumps(body["messages"])
    assert "tool_use" not in sent
    assert "tool_result" not in sent
    spoken = [(turn["role"], [part["text"] for part in turn["content"]]) for turn in body["messages"]]
    assert spoken == [
        ("user", ["What time?"]),
        ("assistant", ["I look.\n\nCall of the tool clock: {}\nCall of the tool weather: {}"]),
        ("user", ["Result of the tool clock:", "Noon."]),
        ("user", ["Result of the tool weather:", "Sun."]),
        ("user", ["Criticise it."]),
    ]
    native = json.dumps(body_for("anthropic:claude-haiku-4-5", a_request(*TURNS, tools=BOTH))["messages"])
    assert native.count('"type": "tool_use"') == 2
    assert native.count('"type": "tool_result"') == 2


def test_openai_compatible_endpoints_get_turns_with_tools_as_they_are() -> None:
    """They take them without tools."""
    assert [turn["role"] for turn in asked(a_request(*TURNS))["messages"]] == [turn.role for turn in TURNS]


def test_calls_of_a_whole_reply_come_in_one_piece_each() -> None:
    """Without text there is none."""
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}},
        {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": ""}},
    ]
    reply = json.dumps(whole({"tool_calls": calls}, finish="tool_calls"))
    (only,) = told(sends(reply), is_streamed=False)
    assert only.text == ""
    assert only.tool_calls == (
        ToolCallDelta(0, "c1", "weather", '{"city": "Bern"}'),
        ToolCallDelta(1, "c2", "clock", ""),
    )
    assert only.finish_reason == "tool_calls"


def test_a_key_that_comes_back_in_a_call_is_taken_out() -> None:
    """Also where it comes in pieces."""
    behaviour = streams(
        chunk({"tool_calls": [called(0, id="c1", name="clock", arguments='{"a":"' + "k" * 9)]}),
        chunk({"tool_calls": [called(0, arguments="k" * 11 + '"}')]}),
        chunk(finish="tool_calls"),
        "[DONE]",
    )
    arguments = "".join(piece.arguments for each in told(behaviour) for piece in each.tool_calls)
    assert "k" not in arguments
    assert json.loads(arguments).keys() == {"a"}


def test_a_model_that_cannot_be_made_to_call_a_tool_is_asked_and_a_note_says_so() -> None:
    """Its endpoint would refuse the request."""
    request = a_request(tools=ToolUse((CLOCK,), "required", is_parallel=True))
    body = asked(request, model="openai:openai/gpt-oss-20b")
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", True)
    assert body["notes"] == ("tool_choice was not sent: the model cannot be made to call a tool",)


def test_anthropic_is_asked_in_its_own_form() -> None:
    """Tools, the choice and a schema."""
    tools = ToolUse(BOTH.tools, "required", "weather", is_parallel=False)
    body = body_for("anthropic:claude-haiku-4-5", a_request(tools=tools, reply_format=NAMED))
    assert [tool["name"] for tool in body["tools"]] == ["weather", "clock"]
    assert body["tool_choice"] == {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}
    assert body["output_config"]["format"]["schema"]["properties"].keys() == {"city"}


def test_a_model_that_is_made_to_call_a_tool_is_not_asked_to_think() -> None:
    """It refuses the two together, and the call is what the caller must have."""
    tools = ToolUse((CLOCK,), "required")
    request = a_request(tools=tools, sampling=Sampling(thinking="low", max_tokens=9000))
    body = body_for("anthropic:claude-haiku-4-5", request)
    assert body["tool_choice"]["type"] == "any"
    assert "thinking" not in body


def test_google_is_asked_in_its_own_form() -> None:
    """It takes tools or a format."""
    body = body_for("google:gemini-2.5-flash", a_request(tools=ToolUse(BOTH.tools, "required", is_parallel=False)))
    assert [tool["name"] for tool in body["tools"][0]["functionDeclarations"]] == ["weather", "clock"]
    assert body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"
    schema = body_for("google:gemini-2.5-flash", a_request(reply_format=NAMED))
    assert schema["generationConfig"]["responseJsonSchema"]["required"] == ["city"]
    plain = body_for("google:gemini-2.5-flash", a_request(reply_format=ReplyFormat("json_object")))
    assert plain["generationConfig"]["responseMimeType"] == "application/json"
    assert "contents" in plain
    assert "systemInstruction" not in plain
    both = wishes_of("google:gemini-2.5-flash", a_request(tools=BOTH, reply_format=NAMED))
    assert both.notes == ("the reply's format was not sent: the model takes tools or a format",)
    assert both.parameters.output_mode == "text"
    parallel = wishes_of("google:gemini-2.5-flash", a_request(tools=ToolUse(BOTH.tools, is_parallel=True)))
    assert parallel.notes == ("parallel_tool_calls was not sent: the model does not take it",)


def test_groq_gets_a_format_that_the_library_does_not_know_it_to_take() -> None:
    """Its interface is OpenAI's."""
    body = body_for("groq:llama-3.3-70b", a_request(tools=BOTH, reply_format=NAMED))
    assert body["tools"] == SENT
    assert body["response_format"]["json_schema"]["schema"] == PLACE


@pytest.mark.parametrize(
    ("model", "wanted", "note"),
    [
        ("anthropic:claude-haiku-4-5", ReplyFormat("json_object"), "the model has no setting for it"),
        ("mistral:mistral-large-latest", NAMED, "the model has no setting for it"),
        (
            "anthropic:claude-haiku-4-5",
            ReplyFormat("json_schema", schema={"type": "object", "properties": MANY}),
            "the reply's format was not sent: ",
        ),
    ],
)
def test_a_format_that_a_model_cannot_be_asked_for_is_noted(model: str, wanted: ReplyFormat, note: str) -> None:
    """The text is checked all the same, by whoever asked."""
    found = wishes_of(model, a_request(reply_format=wanted))
    assert [each for each in found.notes if note in each]
    assert (found.parameters.output_mode, found.parameters.output_object) == ("text", None)


def test_a_model_that_knows_json_but_no_schema_is_asked_for_json() -> None:
    """And a note says so."""
    model = TestModel(profile={"supports_json_object_output": True})
    found = render_wishes(a_request(reply_format=NAMED), model)
    assert found.notes == ("the reply's schema was not sent: the model is asked for JSON alone",)
    assert found.parameters.output_mode == "prompted"
    assert render_wishes(a_request(reply_format=ReplyFormat("json_object")), model).notes == ()


def test_tools_that_cannot_be_told_strictly_are_told_so() -> None:
    """A schema that is right may be one that a library's strict form cannot say; and one that is wrong has no form."""
    strict = ToolSpec("t", parameters={"type": "object", "properties": MANY}, is_strict=True)
    found = wishes_of("anthropic:claude-haiku-4-5", a_request(tools=ToolUse((strict,))))
    assert [tool.strict for tool in found.parameters.function_tools] == [False]
    assert found.notes[0].startswith("strict was not sent: a schema has no place in the model's own form: ")
    wrong = ToolSpec("t", parameters={"type": "object", "properties": {"a": 3}})
    found = wishes_of("google:gemini-2.5-flash", a_request(tools=ToolUse((wrong,), "required")))
    assert (found.parameters.function_tools, found.settings) == ([], {})
    assert found.notes[0].startswith("tools were not sent: a schema has no place")


def test_a_model_without_tools_gets_none_and_a_note_says_so() -> None:
    """Nothing that was asked for is dropped in silence."""
    found = render_wishes(a_request(tools=BOTH), TestModel(profile={"supports_tools": False}))
    assert found.notes == ("tools were not sent: the model takes none",)
    assert found.parameters.function_tools == []


def test_a_model_that_always_thinks_and_then_cannot_be_made_to_call_is_asked() -> None:
    """Thinking cannot be switched off for it."""
    profile: Any = {"thinking_always_enabled": True, "supports_forced_tool_choice_with_thinking": False}
    found = render_wishes(a_request(tools=ToolUse((CLOCK,), "required")), TestModel(profile=profile))
    assert found.settings == {"tool_choice": "auto"}
    assert found.notes == ("tool_choice was not sent: the model cannot be made to call a tool",)


def test_pieces_that_nobody_began_add_nothing() -> None:
    """Nor does a piece with nothing in it; arguments that a library has parsed are text again."""
    pieces = CallPieces()
    assert pieces.of(PartDeltaEvent(index=3, delta=TheirDelta(args_delta="{}"))) == ()
    started = pieces.of(PartStartEvent(index=3, part=TheirCall("clock", {"a": "ü"}, tool_call_id="c1")))
    assert started == (ToolCallDelta(0, "c1", "clock", '{"a":"ü"}'),)
    assert pieces.of(PartDeltaEvent(index=3, delta=TheirDelta(tool_call_id="c1"))) == ()
