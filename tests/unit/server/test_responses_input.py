"""Items of a Responses request as turns."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.messages import Conversation, ImagePart, Message, TextPart, ToolCall, assistant, system, user
from attention_moa.server.errors import ApiError
from attention_moa.server.responses_input import answered, read_input, turns_of

CALL = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "blue"}
CALLED = ToolCall("c1", "look", "{}")


def turns(*items: dict[str, Any]) -> Conversation:
    """Return what items become."""
    return turns_of(read_input(items))


def fault(*items: Any) -> ApiError:
    """Return why items are refused."""
    with pytest.raises(ApiError) as refused:
        turns(*items)
    return refused.value


def test_a_text_is_a_turn_of_the_user() -> None:
    """The shortest request."""
    assert turns_of(read_input("Why?")) == (user("Why?"),)


def test_messages_keep_their_roles_with_a_type_and_without() -> None:
    """A developer's is a system prompt by its newer name."""
    told = turns(
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Why?"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "So.", "annotations": []}], "id": "msg_1"},
    )
    assert told == (system("Be brief."), user("Why?"), assistant("So."))


def test_an_image_is_part_of_a_users_turn() -> None:
    """Its address is loaded later, by the one place that loads any."""
    url = "data:image/png;base64,AAAA"
    content = [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": url, "detail": "low"},
    ]
    assert turns({"role": "user", "content": content}) == (
        Message("user", (TextPart("What is it?"), ImagePart(url=url))),
    )


def test_words_and_calls_of_one_answer_are_one_turn_whatever_was_thought_between() -> None:
    """Reasoning that is passed back is not read again."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    second = CALL | {"call_id": "c2"}
    told = turns(
        {"role": "user", "content": "?"}, {"role": "assistant", "content": "Let me see."}, thought, CALL, second
    )
    calls = (CALLED, ToolCall("c2", "look", "{}"))
    assert told[1:] == (Message("assistant", (TextPart("Let me see."),), tool_calls=calls),)


def test_a_tools_output_answers_its_call() -> None:
    """As a text, or as pieces of text."""
    again = OUTPUT | {"output": [{"type": "input_text", "text": "blue"}]}
    for output in (OUTPUT, again):
        assert turns(CALL, output) == (
            Message("assistant", tool_calls=(CALLED,)),
            Message("tool", (TextPart("blue"),), tool_call_id="c1"),
        )


def test_what_goes_on_from_an_earlier_answer_may_answer_its_calls_and_adds_no_calls_to_it() -> None:
    """A call that comes anew is a turn of its own."""
    past = answered((user("?"),), "Let me see.", (CALLED,))
    assert turns_of(read_input([OUTPUT]), past)[-1].tool_call_id == "c1"
    assert turns_of(read_input([CALL | {"call_id": "c2"}]), past)[1].tool_calls == (CALLED,)


def test_an_answer_without_words_is_a_turn_of_calls_alone() -> None:
    """An empty text is none."""
    assert answered((), "", (CALLED,)) == (Message("assistant", tool_calls=(CALLED,)),)


def test_an_earlier_refusal_is_what_the_assistant_said() -> None:
    """It stands in the conversation."""
    assert turns({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}) == (assistant("No."),)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"type": "computer_call"}, "input[1].type"),
        ({"type": "item_reference", "id": "msg_1"}, "input[1].type"),
        ({"role": "user"}, "input[1].content"),
        ({"role": "critic", "content": "x"}, "input[1].role"),
        ({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}, "input[1].content[0].type"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "file:///x"}]},
            "input[1].content[0].image_url",
        ),
        ({"role": "user", "content": "x", "nonsense": 1}, "input[1].nonsense"),
        ({"role": "assistant", "content": [{"type": "input_image", "image_url": "http://x/"}]}, "input[1].content"),
        (OUTPUT, "input[1].call_id"),
        ("text", None),
        ({}, "input[1].type"),
    ],
)
def test_an_item_that_is_wrong_is_refused_by_name(item: Any, param: str | None) -> None:
    """The first fault is told."""
    told = fault({"role": "user", "content": "x"}, item)
    assert told.status == 400
    assert told.param == (param or "input[1]")


def test_an_item_of_a_wrong_kind_is_told_with_the_right_ones() -> None:
    """All that there are, not those of a message alone."""
    right = "message, function_call, function_call_output or reasoning"
    assert (
        fault({"type": "computer_call"}).message == f"input[0].type: 'computer_call' is not right here: write {right}"
    )
    assert "did you mean arguments?" in fault(CALL | {"argumnts": ""}).message
