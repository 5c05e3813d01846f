"""A conversation in plain words."""

from __future__ import annotations

from attention_moa.messages import (
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    user,
)
from attention_moa.providers.plain import render_plain, render_sampling, render_wishes
from tests.asking import a_request


def test_a_plain_turn_is_role_and_text_alone() -> None:
    """What is not there is not named."""
    assert render_plain((user("Hi."),)) == [{"role": "user", "content": "Hi."}]


def test_an_image_is_kept_with_its_place_in_the_text() -> None:
    """Its bytes as a data address; where there are none, the address that it came from."""
    here = ImagePart(media_type="image/png", data=b"png", url="https://example.org/a.png")
    there = ImagePart(url="https://example.org/b.png")
    (turn,) = render_plain((Message("user", (TextPart("Compare:"), here, there, TextPart("Well?"))),))
    assert turn["content"] == "Compare:\n\n[image 1]\n\n[image 2]\n\nWell?"
    assert turn["images"] == ["data:image/png;base64,cG5n", "https://example.org/b.png"]


def test_names_and_tool_calls_are_kept() -> None:
    """As plain dicts, both the call and what it answered."""
    asked = Message("assistant", (), None, (ToolCall("1", "look", "{}"),))
    told = Message("tool", (TextPart("42"),), "look", (), "1")
    assert render_plain((asked, told)) == [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "name": "look", "arguments": "{}"}]},
        {"role": "tool", "content": "42", "name": "look", "tool_call_id": "1"},
    ]


def test_only_settings_that_are_set_are_told() -> None:
    """None means: the default holds."""
    assert render_sampling(Sampling()) == {}
    assert render_sampling(Sampling(temperature=0.0, stop=("x",))) == {"temperature": 0.0, "stop": ("x",)}


def test_tools_and_a_format_are_told_where_they_are_set() -> None:
    """What is not set in them is left out."""
    assert render_wishes(a_request()) == {}
    tools = ToolUse((ToolSpec("clock"),), "required", "clock")
    asked = a_request(tools=tools, reply_format=ReplyFormat("json_object"))
    assert render_wishes(asked) == {
        "tools": {"tools": ({"name": "clock"},), "choice": "required", "only": "clock"},
        "reply_format": {"kind": "json_object"},
    }
