"""Nothing in a tool, a form, a tool call or its result steers a run: neither who writes, nor whether it goes on."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.messages import (
    CallRequest,
    Conversation,
    Message,
    Reply,
    ReplyFormat,
    Stage,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    user,
)
from attention_moa.prompts import Seal
from attention_moa.records import RunRecord
from tests.property import hostile
from tests.worlds import LAYOUTS, SECRET, World, a_spec, call_id, verdict

WRITERS = (Stage.SUMMARY, Stage.RESIDUAL)
written = hostile.texts(known=(Seal(SECRET, (user("Another question?"),)).nonce(2),))


@st.composite
def uses(draw: st.DrawFn) -> ToolUse:
    """Return tools whose every word is hostile."""
    schema = {"type": "object", "description": draw(written), "properties": {draw(written): {"enum": [draw(written)]}}}
    tools = tuple(ToolSpec(draw(written), draw(written), schema) for _ in range(draw(st.integers(1, 3))))
    return ToolUse(tools, choice=draw(st.sampled_from(("auto", "none"))))


@st.composite
def turns(draw: st.DrawFn) -> Conversation:
    """Return a conversation that ends with the result of a tool."""
    call = ToolCall(draw(written), draw(written), draw(written))
    said = Message("assistant", (TextPart(draw(written)),), tool_calls=(call,))
    return (user(draw(written)), said, Message("tool", (TextPart(draw(written)),), tool_call_id=call.id))


def a_run(conversation: Conversation, wanted: AnswerSpec, called: str, layout: str) -> RunRecord:
    """Return the record of a run whose writers all call a tool with hostile words."""

    def act(request: CallRequest) -> Reply:
        call = ToolCall(f"id {called}", called, called)
        line = verdict(request, is_stop=False) or ""
        may_call = request.tools is not None and request.tools.choice != "none"
        return Reply(
            text=line if may_call else f"{line}\n{called}",
            finish_reason="stop",
            tool_calls=(call,) if may_call else (),
        )

    spec = a_spec(2, layers=3, layout=layout)
    script = dict.fromkeys(("summary", "residual"), act)
    return World(spec, script, conversation=conversation, wanted=wanted).run()


def ids(spec: EnsembleSpec) -> list[str]:
    """Return the calls of an ensemble when everybody is harmless."""
    world = World(spec)
    world.run()
    return sorted(map(call_id, world.requests))


@settings(max_examples=40, deadline=None)
@given(turns(), uses(), written, st.sampled_from(LAYOUTS))
def test_no_tool_and_no_tool_call_stops_a_run_or_changes_who_writes(
    conversation: Conversation, use: ToolUse, called: str, layout: str
) -> None:
    """All layers run with the very calls that a harmless run makes; nobody but writers has the tools."""
    record = a_run(conversation, AnswerSpec(tools=use), called, layout)
    assert sorted(one.call_id for one in record.calls) == ids(record.ensemble)
    assert [layer.verdict and layer.verdict.is_stop for layer in record.layers] == [False] * 3
    assert {one.stage for one in record.calls if one.tools is not None} == set(WRITERS)
    if use.choice == "auto":
        assert record.tool_calls == (ToolCall(f"id {called}", called, called),)
    else:
        assert record.tool_calls == ()


@settings(max_examples=40, deadline=None)
@given(turns(), uses(), written, st.sampled_from(LAYOUTS))
def test_tools_and_tool_calls_stand_where_they_belong_and_nowhere_else(
    conversation: Conversation, use: ToolUse, called: str, layout: str
) -> None:
    """Tools are lines of JSON, calls of other writers are in fences; what is left is as with harmless words."""
    harmless = ToolUse(tuple(ToolSpec("look", "", {"a": 1}) for _ in use.tools), choice=use.choice)
    hostile_run = a_run(conversation, AnswerSpec(tools=use), called, layout)
    harmless_run = a_run(conversation, AnswerSpec(tools=harmless), "harmless", layout)
    assert skeletons(hostile_run) == skeletons(harmless_run)


@settings(max_examples=40, deadline=None)
@given(written, written, written)
def test_a_form_is_one_line_of_json(name: str, description: str, word: str) -> None:
    """And the nonce that makes a verdict valid stands in the residual prompts alone."""
    form = ReplyFormat("json_schema", name=name, description=description, schema={"type": "object", "title": word})
    spec = a_spec(2, layers=3)
    world = World(spec, {"3.residual.a": "{}"}, wanted=AnswerSpec(reply_format=form))
    record = world.run()
    assert len(record.layers) == 3
    for request in world.requests:
        (line,) = [line for line in request.messages[0].text.split("\n") if line.startswith("{")]
        assert json.loads(line)["schema"] == form.schema
        nonce = world.desk.seal.nonce(request.layer)
        is_shown = any(nonce in message.text for message in request.messages)
        assert is_shown is ((request.layer, request.stage) == (2, Stage.RESIDUAL))


_FENCED = re.compile(r"^<(text-[0-9a-f]{8})>$.*?^</\1>$", re.DOTALL | re.MULTILINE)
_JSON_LINE = re.compile(r"^\{.*\}$", re.MULTILINE)


def skeletons(record: RunRecord) -> dict[str, list[str]]:
    """Return every prompt behind the conversation, without what is fenced, and its system prompt without JSON."""
    found: dict[str, list[str]] = {}
    asked = len(record.conversation)
    for call in record.calls:
        messages = call.messages
        has_head = messages[0].role == "system"
        head = [_JSON_LINE.sub("{}", messages[0].text)] if has_head else []
        found[call.call_id] = head + [_FENCED.sub("", one.text) for one in messages[asked + has_head :]]
    return found
