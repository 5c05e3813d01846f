"""A chat request as it comes over the wire, and what is wrong with it.

Source: the API reference of OpenAI's chat completions. Fields that are not named here (``temperature`` and the like)
are taken as real endpoints take them and change nothing but the draw.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from attention_moa.fleet.tokens import image_text, write_out

_NOTHING = b"null"
_MOST_LOGPROBS = 20


class BadRequestError(Exception):
    """The request is at fault; it is answered with this status and an error in OpenAI's form."""

    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        """Keep what the answer says."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


class _Image(Struct):
    url: str


class _Part(Struct):
    type: str
    text: str = ""
    image_url: _Image | None = None


class ChatMessage(Struct):
    """One message; see ``text``."""

    role: str
    content: str | list[_Part] | None = None
    tool_calls: Raw = Raw(_NOTHING)

    @property
    def text(self) -> str:
        """What a model would read of it: texts, images as 256 tokens each, tool calls as they are."""
        content = self.content
        parts = [content] if isinstance(content, str) else [_part_text(part) for part in content or ()]
        if (calls := bytes(self.tool_calls)) != _NOTHING:
            parts.append(calls.decode(errors="replace"))
        return "\n".join(parts)


class _StreamOptions(Struct):
    include_usage: bool = False


class _Function(Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Tool(Struct):
    function: _Function


class _Named(Struct):
    name: str


class _Choice(Struct):
    function: _Named


class _Schema(Struct):
    schema: dict[str, Any] | None = None


class _Form(Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _Body(Struct):
    model: str
    messages: Raw
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = 1
    logprobs: bool | None = False
    top_logprobs: int | None = None
    tools: list[_Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | _Choice | None = None
    response_format: _Form | None = None


class WantedCall(NamedTuple):
    """A call of a tool that must be made.

    Args:
        tool: Its name.
        parameters: The JSON schema of its arguments.
    """

    tool: str
    parameters: dict[str, Any]


class ChatRequest(NamedTuple):
    """A chat request that can be answered.

    Args:
        model: Whom it asks.
        digest: SHA-256 of its body.
        messages: As they were sent.
        prompt: As a model would read them.
        last: The text of the last message.
        max_tokens: Most tokens of the reply; None for no limit.
        is_streamed: Whether the reply is to be streamed.
        has_usage: Whether a stream is to end with the usage.
        top_logprobs: How many of the likeliest tokens to tell in each place; None for no log-probabilities at all.
        call: The tool that must be called; None where none must be.
        form: The JSON schema that the reply must follow; None for any text.
    """

    model: str
    digest: bytes
    messages: Raw
    prompt: bytes
    last: str
    max_tokens: int | None
    is_streamed: bool
    has_usage: bool
    top_logprobs: int | None = None
    call: WantedCall | None = None
    form: dict[str, Any] | None = None


_BODIES = msgspec.json.Decoder(_Body)
_MESSAGES = msgspec.json.Decoder(list[ChatMessage])


def parse_request(body: bytes) -> ChatRequest:
    """Return the request in a body.

    Raises:
        BadRequestError: It is not JSON, or a field is missing, of the wrong type or out of range.
    """
    try:
        found = _BODIES.decode(body)
        messages = _MESSAGES.decode(found.messages)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        missing = re.search(r"required field `(.*)`", what)
        param = missing[1] if missing else place.strip("`.") or None
        raise BadRequestError(400, f"{what} at {param or 'the top'}", code="invalid_type", param=param) from error
    except msgspec.DecodeError as error:
        raise BadRequestError(400, f"the body is not JSON: {error}", code="invalid_json") from error
    most = found.max_completion_tokens if found.max_completion_tokens is not None else found.max_tokens
    _require(bool(messages), "messages", "there is no message: send at least one")
    _require(most is None or most >= 1, "max_tokens", f"{most} is not 1 or more")
    _require(found.n in (None, 1), "n", f"{found.n} is not 1: one choice at a time")
    top = found.top_logprobs
    _require(top is None or 0 <= top <= _MOST_LOGPROBS, "top_logprobs", f"{top} is not from 0 to {_MOST_LOGPROBS}")
    _require(top is None or bool(found.logprobs), "top_logprobs", "they are told only with logprobs")
    options = found.stream_options
    return ChatRequest(
        model=found.model,
        digest=hashlib.sha256(body).digest(),
        messages=found.messages,
        prompt=write_out(messages),
        last=messages[-1].text,
        max_tokens=most,
        is_streamed=bool(found.stream),
        has_usage=options is not None and options.include_usage,
        top_logprobs=(top or 0) if found.logprobs else None,
        call=_call(found),
        form=_form(found.response_format),
    )


def _call(body: _Body) -> WantedCall | None:
    """Return the call that must be made: of the tool that is named, or of the first one."""
    tools, choice = body.tools or [], body.tool_choice
    _require(bool(tools) or choice in (None, "none"), "tool_choice", "there are no tools")
    if choice is None or choice in ("none", "auto"):
        return None
    name = choice.function.name if isinstance(choice, _Choice) else tools[0].function.name
    found = next((tool.function for tool in tools if tool.function.name == name), None)
    _require(found is not None, "tool_choice", f"there is no tool {name!r}")
    return WantedCall(name, (found.parameters if found else None) or {"type": "object"})


def _form(wanted: _Form | None) -> dict[str, Any] | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return {"type": "object"}
    schema = wanted.json_schema.schema if wanted.json_schema else None
    _require(schema is not None, "response_format.json_schema.schema", "a json_schema needs one")
    return schema


def _require(is_right: bool, param: str, message: str) -> None:
    if not is_right:
        raise BadRequestError(400, f"{param}: {message}", code="invalid_value", param=param)


def _part_text(part: _Part) -> str:
    return image_text(part.image_url.url) if part.image_url is not None else part.text
