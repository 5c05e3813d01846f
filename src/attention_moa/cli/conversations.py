"""Conversation files: the ``messages`` of the OpenAI API, as JSON, to our turns and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import cast, get_args

from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, ImagePart, Message, Part, Role, TextPart, ToolCall

_ROLES: tuple[Role, ...] = get_args(Role)


def parse_conversation(text: str, source: str) -> Conversation:
    """Return the turns of a conversation file.

    Args:
        text: JSON: a list of messages, or an object with such a list under ``messages``. A message has a ``role`` and
            a ``content``, which is a text or a list of ``text`` and ``image_url`` parts.
        source: The file's name, for errors.

    Raises:
        ConfigError: It is not JSON, or not such a list; the text names the file, the message and the field.

    Source: the request body of OpenAI's chat completions API.
    """
    try:
        document: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})", key=source) from error
    except RecursionError as error:
        raise ConfigError("not a conversation: nested too deep", key=source) from error
    messages = cast("dict[str, object]", document).get("messages") if isinstance(document, dict) else document
    if not isinstance(messages, list) or not messages:
        raise ConfigError('no messages: write [{"role": "user", "content": "…"}]', key=source)
    return tuple(
        _message(item, f"{source}, messages[{index}]") for index, item in enumerate(cast("list[object]", messages))
    )


def render_conversation(turns: Sequence[Message]) -> str:
    """Return turns of text as a conversation file that ``parse_conversation`` reads back."""
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    return json.dumps(messages, ensure_ascii=False, indent=2) + "\n"


def _message(item: object, at: str) -> Message:
    fields = _table(item, at)
    role = fields.get("role")
    role = "system" if role == "developer" else role
    if role not in _ROLES:
        raise ConfigError(f"{_shown(role)} is no role: write one of {', '.join(_ROLES)}", key=f"{at}.role")
    calls = tuple(_tool_calls(fields.get("tool_calls"), f"{at}.tool_calls"))
    content = _content(fields.get("content"), f"{at}.content", may_be_empty=bool(calls))
    return Message(
        role=role,
        content=content,
        name=_optional(fields, "name", at),
        tool_calls=calls,
        tool_call_id=_optional(fields, "tool_call_id", at),
    )


def _content(value: object, at: str, *, may_be_empty: bool) -> tuple[Part, ...]:
    if isinstance(value, str):
        return (TextPart(_text(value, at)),)
    if value is None and may_be_empty:
        return ()
    if not isinstance(value, list):
        raise ConfigError(f"{_shown(value)} is no content: write a text, or a list of parts", key=at)
    return tuple(_part(item, f"{at}[{index}]") for index, item in enumerate(cast("list[object]", value)))


def _part(item: object, at: str) -> Part:
    fields = _table(item, at)
    kind = fields.get("type")
    if kind == "text":
        return TextPart(_text(fields.get("text"), f"{at}.text"))
    if kind == "image_url":
        image = fields.get("image_url")
        url = cast("dict[str, object]", image).get("url") if isinstance(image, dict) else image
        place = f"{at}.image_url.url"
        address = _text(url, place)
        if not address.startswith(("http://", "https://", "data:image/")):
            raise ConfigError(f"{_shown(url)} is no image: write an http(s) or a data:image/… address", key=place)
        return ImagePart(url=address)
    raise ConfigError(f"{_shown(kind)} is no kind of part: write text or image_url", key=f"{at}.type")


def _tool_calls(value: object, at: str) -> Iterator[ToolCall]:
    if value is None:
        return
    if not isinstance(value, list):
        raise ConfigError(f"{_shown(value)} is no list of tool calls", key=at)
    for index, item in enumerate(cast("list[object]", value)):
        place = f"{at}[{index}]"
        fields = _table(item, place)
        function = _table(fields.get("function"), f"{place}.function")
        yield ToolCall(
            id=_text(fields.get("id"), f"{place}.id"),
            name=_text(function.get("name"), f"{place}.function.name"),
            arguments=_text(function.get("arguments"), f"{place}.function.arguments"),
        )


def _table(value: object, at: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{_shown(value)} is no object: write {{…}}", key=at)
    return cast("dict[str, object]", value)


def _text(value: object, at: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{_shown(value)} is no text", key=at)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ConfigError("half a character (a lone surrogate): write the text in UTF-8", key=at) from error
    return value


def _optional(fields: dict[str, object], name: str, at: str) -> str | None:
    value = fields.get(name)
    return None if value is None else _text(value, f"{at}.{name}")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
