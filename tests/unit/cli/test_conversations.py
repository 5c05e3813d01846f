"""Conversation files: the messages of the OpenAI API, read and written."""

from __future__ import annotations

import json

import pytest

from attention_moa.cli.conversations import parse_conversation, render_conversation
from attention_moa.errors import ConfigError
from attention_moa.messages import ImagePart, Message, TextPart, ToolCall, assistant, system, user

PIXEL = "data:image/png;base64,AAAA"


def test_turns_of_text_are_read() -> None:
    """A list of messages, or an object that holds one; ``developer`` is the newer word for ``system``."""
    messages = [{"role": "developer", "content": "s"}, {"role": "user", "content": "u", "name": "ann"}]
    turns = (system("s"), Message("user", (TextPart("u"),), name="ann"))
    assert parse_conversation(json.dumps(messages), "f") == turns
    assert parse_conversation(json.dumps({"model": "x", "messages": messages}), "f") == turns


@pytest.mark.parametrize("image", [{"url": PIXEL, "detail": "low"}, PIXEL])
def test_parts_and_images_are_read(image: object) -> None:
    """Images keep their addresses; nothing is fetched here."""
    content = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": image}]
    (turn,) = parse_conversation(json.dumps([{"role": "user", "content": content}]), "f")
    assert turn.content == (TextPart("what is it?"), ImagePart(url=PIXEL))


def test_tool_turns_are_read() -> None:
    """Calls of a caller's tools stay in the conversation."""
    call = {"id": "c1", "type": "function", "function": {"name": "sum", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
    ]
    asked, answered = parse_conversation(json.dumps(messages), "f")
    assert asked == Message("assistant", tool_calls=(ToolCall("c1", "sum", "{}"),))
    assert answered == Message("tool", (TextPart("3"),), tool_call_id="c1")


def test_what_is_written_reads_back_equal() -> None:
    """A saved chat goes on from where it was."""
    turns = (system('be "brief"'), user("näh?\n"), assistant("🌇"))
    assert parse_conversation(render_conversation(turns), "f") == turns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["f: not JSON", "line 1, column 2"]),
        ("[" * 100_000, ["f: not a conversation: nested too deep"]),
        ("[]", ["f: no messages"]),
        ("3", ["f: no messages"]),
        ('{"messages": "hi"}', ["f: no messages"]),
        ('["hi"]', ['f, messages[0]: "hi" is no object']),
        ('[{"content": "x"}]', ["f, messages[0].role: null is no role", "system, user, assistant, tool"]),
        ('[{"role": "bot", "content": "x"}]', ['messages[0].role: "bot" is no role']),
        ('[{"role": "user"}]', ["messages[0].content: null is no content"]),
        ('[{"role": "user", "content": [3]}]', ["messages[0].content[0]: 3 is no object"]),
        ('[{"role": "user", "content": [{"type": "audio"}]}]', ['content[0].type: "audio" is no kind of part']),
        ('[{"role": "user", "content": [{"type": "text"}]}]', ["messages[0].content[0].text: null is no text"]),
        (
            '[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "/etc/passwd"}}]}]',
            ['messages[0].content[0].image_url.url: "/etc/passwd" is no image', "data:image/"],
        ),
        (
            '[{"role": "user", "content": [{"type": "image_url"}]}]',
            ["messages[0].content[0].image_url.url: null is no text"],
        ),
        ('[{"role": "user", "content": "x", "name": 3}]', ["messages[0].name: 3 is no text"]),
        ('[{"role": "assistant", "tool_calls": 3}]', ["messages[0].tool_calls: 3 is no list"]),
        ('[{"role": "assistant", "tool_calls": [{"id": "x"}]}]', ["messages[0].tool_calls[0].function: null"]),
        ('[{"role": "user", "content": "\\ud800"}]', ["messages[0].content: half a character"]),
        (json.dumps([{"role": "x" * 99}]), ["…"]),
    ],
)
def test_each_fault_names_the_message_and_the_field(text: str, words: list[str]) -> None:
    """One line says where, what, and what belongs there."""
    with pytest.raises(ConfigError) as caught:
        parse_conversation(text, "f")
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)
