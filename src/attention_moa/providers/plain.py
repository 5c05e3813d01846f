"""A request in plain words, for functions and programs that know nothing of ours. Pure; nothing is left out."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from attention_moa.messages import CallRequest, Conversation, ImagePart, Message, Sampling


def render_plain(messages: Conversation) -> list[dict[str, Any]]:
    """Return a conversation as plain dicts.

    Args:
        messages: The prompt.

    Returns:
        For each turn ``role`` and ``content``, the text. Where the turn has them, also ``images`` (``data:`` addresses;
        ``[image 1]`` stands in the text in the place of the first), ``name``, ``tool_calls`` (each with ``id``,
        ``name``, ``arguments``) and ``tool_call_id``.
    """
    return [_turn(message) for message in messages]


def render_sampling(sampling: Sampling) -> dict[str, Any]:
    """Return the sampling settings that are set, by name."""
    settings: dict[str, Any] = msgspec.to_builtins(sampling)
    return settings


def render_wishes(request: CallRequest) -> dict[str, Any]:
    """Return ``tools`` and ``reply_format`` of a request where they are set, as plain dicts."""
    wishes = {"tools": request.tools, "reply_format": request.reply_format}
    return {name: msgspec.to_builtins(wish) for name, wish in wishes.items() if wish is not None}


def _turn(message: Message) -> dict[str, Any]:
    texts: list[str] = []
    images: list[str] = []
    for part in message.content:
        if isinstance(part, ImagePart):
            images.append(_address(part))
            texts.append(f"[image {len(images)}]")
        else:
            texts.append(part.text)
    turn: dict[str, Any] = {"role": message.role, "content": "\n\n".join(texts)}
    more: dict[str, Any] = {
        "images": images,
        "name": message.name,
        "tool_calls": [msgspec.to_builtins(call) for call in message.tool_calls],
        "tool_call_id": message.tool_call_id,
    }
    return turn | {key: value for key, value in more.items() if value}


def _address(image: ImagePart) -> str:
    if not image.data:
        return image.url or ""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"
