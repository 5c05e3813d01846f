"""The items of a Responses request as the turns of a conversation. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from attention_moa.messages import Conversation, ImagePart, Message, Part, TextPart, ToolCall, user
from attention_moa.server.errors import bad_request
from attention_moa.server.responses_body import (
    CallItem,
    InputImage,
    InputText,
    Item,
    MessageItem,
    OutputItem,
    OutputText,
    Refusal,
)
from attention_moa.server.wire import fault

_Content = InputText | OutputText | Refusal | InputImage


def read_input(given: str | Sequence[Any]) -> tuple[Item | str, ...]:
    """Return the items of a request, checked.

    Args:
        given: A text, or items as they came; one without a ``type`` is a message.

    Raises:
        ApiError: 400: an item is wrong, or of a kind that is not taken; ``param`` names it.
    """
    if isinstance(given, str):
        return (given,)
    return tuple(_item(one, f"input[{index}]") for index, one in enumerate(given))


def _item(one: object, at: str) -> Item:
    told = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
    if told.get("type") is None and "role" in told:
        one = {**told, "type": "message"}
    try:
        item: Item = msgspec.convert(one, type=Item)
    except msgspec.ValidationError as error:
        raise fault(str(error), Item, at=at) from None
    return item


def turns_of(items: Iterable[Item | str], past: Conversation = ()) -> Conversation:
    """Return the conversation that items go on with: a turn's words and its tool calls are one message.

    Args:
        items: What comes next.
        past: The turns before.

    Raises:
        ApiError: 400: what a tool gave belongs to no call, or a turn of the assistant shows an image.
    """
    turns = list(past)
    called = {call.id for turn in past for call in turn.tool_calls}
    for index, item in enumerate(items):
        if isinstance(item, str):
            turns.append(user(item))
        elif isinstance(item, MessageItem):
            turns.append(_message(item, f"input[{index}]"))
        elif isinstance(item, CallItem):
            called.add(item.call_id)
            _add_call(turns, ToolCall(item.call_id, item.name, item.arguments), is_first=len(turns) == len(past))
        elif isinstance(item, OutputItem):
            turns.append(_output(item, called, f"input[{index}].call_id"))
    return tuple(turns)


def _add_call(turns: list[Message], call: ToolCall, *, is_first: bool) -> None:
    """Put a call to the turn that made it; one that follows no words of the assistant is a turn of its own."""
    last = turns[-1] if turns else None
    if is_first or last is None or last.role != "assistant":
        turns.append(Message("assistant", tool_calls=(call,)))
    else:
        turns[-1] = msgspec.structs.replace(last, tool_calls=(*last.tool_calls, call))


def _output(item: OutputItem, called: set[str], param: str) -> Message:
    if item.call_id not in called:
        raise bad_request(f"{param}: no function_call before it has the id {item.call_id[:80]!r}", param=param)
    texts = [item.output] if isinstance(item.output, str) else [part.text for part in item.output]
    return Message("tool", tuple(map(TextPart, texts)), tool_call_id=item.call_id)


def _message(item: MessageItem, at: str) -> Message:
    role = "system" if item.role == "developer" else item.role
    if isinstance(item.content, str):
        return Message(role, (TextPart(item.content),))
    parts = tuple(_part(part) for part in item.content)
    if role != "user" and any(isinstance(part, ImagePart) for part in parts):
        raise bad_request(f"{at}.content: only a turn of the user shows images", param=f"{at}.content")
    return Message(role, parts)


def _part(part: _Content) -> Part:
    if isinstance(part, InputImage):
        return ImagePart(url=part.image_url)
    return TextPart(part.refusal if isinstance(part, Refusal) else part.text)


def answered(past: Conversation, text: str | None, calls: Sequence[ToolCall]) -> Conversation:
    """Return a conversation with its answer.

    Args:
        past: The turns before.
        text: The answer; None or empty where it only calls tools.
        calls: The tools that it calls.
    """
    parts = (TextPart(text),) if text else ()
    return (*past, Message("assistant", parts, tool_calls=tuple(calls)))
