"""Tools and reply formats for llama.cpp's server; a model whose template knows no tools calls one through a grammar.

Most small models know no tools, and their templates drop them without a word. Where a tool must be called, such a model
is told of the tools in its last turn, and its reply is forced into the form of a call. Where it only may call one it
cannot, and a note says so.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

from attention_moa.errors import BadReplyError
from attention_moa.messages import CallRequest, FinishReason, ToolCallDelta, ToolSpec, ToolUse
from attention_moa.providers.openai_wire import render_tools, render_wishes

_OPENING = re.compile(r'\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')


class Wishes(NamedTuple):
    """What of tools and format is sent.

    Args:
        body: Fields of the request's body.
        told: What is added to the last turn; empty for nothing.
        notes: What could not be sent, and what was done in its place.
        is_call: Whether the reply's text will be a call, as JSON.
    """

    body: dict[str, Any]
    told: str = ""
    notes: tuple[str, ...] = ()
    is_call: bool = False


def render_for(request: CallRequest, *, has_tools: bool, is_loose: bool = False) -> Wishes:
    """Return what of a request's tools and format is sent.

    Args:
        request: The request.
        has_tools: Whether the model's template knows tools.
        is_loose: Leave out the schemas, which cannot all be made grammars.
    """
    tools, wanted = request.tools, request.reply_format
    notes: tuple[str, ...] = ()
    if is_loose and wanted is not None:
        wanted, notes = None, ("the reply's format was not enforced: its schema cannot be made a grammar",)
    if has_tools or tools is None or not tools.tools:
        return Wishes(render_wishes(tools, wanted), "", notes)
    if tools.choice == "required":
        note = "the model's template knows no tools: it was told of them in words, and its reply had to be a call"
        form = _call_format(tools, is_loose=is_loose)
        return Wishes({"response_format": form}, _told(tools), (note,), is_call=True)
    if tools.choice == "auto":
        notes += ("the model's template knows no tools: it could not call any",)
    return Wishes(render_wishes(None, wanted), "", notes)


def _told(tools: ToolUse) -> str:
    described = msgspec.json.encode([tool["function"] for tool in render_tools(_callable(tools))]).decode()
    form = 'Call a tool now. Reply with JSON alone, {"name": …, "arguments": …}, in words of these tools:'
    return f"\n\n{form}\n{described}"


def _callable(tools: ToolUse) -> ToolUse:
    """Return the tools without those that must not be called."""
    wanted = tuple(tool for tool in tools.tools if tools.only in {None, tool.name})
    return ToolUse(wanted)


def _call_format(tools: ToolUse, *, is_loose: bool) -> dict[str, Any]:
    calls = [_call_schema(tool, is_loose=is_loose) for tool in _callable(tools).tools]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}


def _call_schema(tool: ToolSpec, *, is_loose: bool) -> dict[str, Any]:
    arguments = tool.parameters or {"type": "object", "properties": {}}
    if is_loose or b'"$ref"' in msgspec.json.encode(arguments):
        arguments = {"type": "object"}  # within another schema its references would lead elsewhere
    properties = {"name": {"const": tool.name}, "arguments": arguments}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


class CallText:
    """A call that arrives as JSON, piece by piece: ``{"name": "clock", "arguments": {}}``."""

    def __init__(self) -> None:
        """Start before the first piece."""
        self._text = ""
        self._has_name = False

    def take(self, text: str) -> tuple[ToolCallDelta, ...]:
        """Return what a piece adds to the call: first its name, then its arguments."""
        self._text += text
        name = "" if self._has_name else self._name()
        if not self._has_name:
            return ()
        # What begins with the last brace may be the end of the whole, which is not part of the arguments.
        at = self._text.rfind("}")
        arguments, self._text = (self._text, "") if at < 0 else (self._text[:at], self._text[at:])
        return (ToolCallDelta(0, "", name, arguments),) if name or arguments else ()

    def require_whole(self, finish: FinishReason | None) -> None:
        """Raise ``BadReplyError`` unless the call has come to its end."""
        if not self._has_name or self._text.strip() != "}":
            hint = ": raise max_tokens" if finish == "length" else ""
            raise BadReplyError(f"the call of a tool is cut{hint}", retryable=finish != "length")

    def _name(self) -> str:
        """Return the tool's name once it is here, and go on behind it."""
        opening = _OPENING.match(self._text)
        if opening is None:
            return ""
        self._has_name = True
        self._text = self._text[opening.end() :]
        return msgspec.json.decode(opening[1], type=str)
