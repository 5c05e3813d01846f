"""Tools and formats for llama.cpp's server, with a template that knows tools and with one that does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.errors import BadReplyError
from attention_moa.messages import ReplyFormat, ToolCallDelta, ToolSpec, ToolUse
from attention_moa.providers.embedded_tools import CallText, Wishes, render_for
from tests.asking import a_request

PLACE = {"type": "object", "properties": {"city": {"type": "string"}}}
BOTH = (ToolSpec("weather", "Of a place.", PLACE), ToolSpec("clock"))
FORM = ReplyFormat("json_object")


def call_schema(wishes: Wishes) -> Any:
    """Return the schema that a reply is forced into."""
    return wishes.body["response_format"]["json_schema"]["schema"]


def test_nothing_is_sent_where_nothing_is_asked() -> None:
    """With either kind of template."""
    for has_tools in (True, False):
        assert render_for(a_request(), has_tools=has_tools) == Wishes({})
        assert render_for(a_request(tools=ToolUse(())), has_tools=has_tools) == Wishes({})


def test_a_template_that_knows_tools_gets_them() -> None:
    """And the format."""
    asked = a_request(tools=ToolUse(BOTH, "required"), reply_format=FORM)
    wishes = render_for(asked, has_tools=True)
    assert set(wishes.body) == {"tools", "tool_choice", "response_format"}
    assert not wishes.is_call
    assert wishes.notes == ()


@pytest.mark.parametrize(("choice", "notes"), [("auto", 1), ("none", 0)])
def test_a_template_without_tools_gets_none_that_need_not_be_called(choice: Any, notes: int) -> None:
    """What could not be called is noted; the format goes along."""
    wishes = render_for(a_request(tools=ToolUse(BOTH, choice), reply_format=FORM), has_tools=False)
    assert wishes.body == {"response_format": {"type": "json_object"}}
    assert wishes.told == ""
    assert list(wishes.notes) == ["the model's template knows no tools: it could not call any"] * notes


def test_a_call_that_must_be_made_is_forced_by_a_schema() -> None:
    """Of all tools, or of the one that is named; the model is told of those."""
    wishes = render_for(a_request(tools=ToolUse(BOTH, "required"), reply_format=FORM), has_tools=False)
    assert wishes.is_call
    names = [one["properties"]["name"]["const"] for one in call_schema(wishes)["anyOf"]]
    assert names == ["weather", "clock"]
    assert '"name":"clock"' in wishes.told
    only = render_for(a_request(tools=ToolUse(BOTH, "required", "weather")), has_tools=False)
    assert call_schema(only)["properties"] == {"name": {"const": "weather"}, "arguments": PLACE}
    assert "clock" not in only.told
    assert "its reply had to be a call" in only.notes[0]


def test_a_schema_that_cannot_be_a_grammar_is_left_out() -> None:
    """A reference would lead elsewhere within another schema; where the server refuses one, none is sent."""
    referring = ToolSpec("tree", parameters={"$ref": "#/$defs/a", "$defs": {"a": {}}})
    wishes = render_for(a_request(tools=ToolUse((referring,), "required")), has_tools=False)
    assert call_schema(wishes)["properties"]["arguments"] == {"type": "object"}
    loose = render_for(a_request(tools=ToolUse(BOTH, "required")), has_tools=False, is_loose=True)
    assert [one["properties"]["arguments"] for one in call_schema(loose)["anyOf"]] == [{"type": "object"}] * 2
    formless = render_for(a_request(reply_format=FORM), has_tools=True, is_loose=True)
    assert formless == Wishes({}, "", ("the reply's format was not enforced: its schema cannot be made a grammar",))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(
    st.text(min_size=1, max_size=5),
    st.dictionaries(st.text(max_size=3), values, max_size=3),
    st.sampled_from((None, 1)),
    st.data(),
)
def test_a_call_that_arrives_as_json_is_read_piece_by_piece(
    name: str, arguments: dict[str, Any], indent: int | None, data: st.DataObject
) -> None:
    """However it is cut and laid out, the pieces make the name and the arguments."""
    text = json.dumps({"name": name, "arguments": arguments}, indent=indent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    bounds = [0, *cuts, len(text)]
    reader = CallText()
    pieces: list[ToolCallDelta] = []
    for start, end in zip(bounds, bounds[1:], strict=False):  # noqa: RUF007 - two lists side by side
        pieces.extend(reader.take(text[start:end]))
    reader.require_whole("stop")
    assert "".join(piece.name for piece in pieces) == name
    assert json.loads("".join(piece.arguments for piece in pieces)) == arguments
    assert all(piece.index == 0 for piece in pieces)


@pytest.mark.parametrize("text", ["", "{", '{"name": "clock"', '{"name": "clock", "arguments": {', "No."])
@pytest.mark.parametrize(("finish", "is_retryable"), [("length", False), ("stop", True)])
def test_a_call_that_is_cut_is_an_error(text: str, finish: Any, is_retryable: bool) -> None:
    """It never becomes a text, and where the limit was too low another try would be no better."""
    reader = CallText()
    reader.take(text)
    with pytest.raises(BadReplyError, match="the call of a tool is cut") as caught:
        reader.require_whole(finish)
    assert caught.value.retryable is is_retryable
