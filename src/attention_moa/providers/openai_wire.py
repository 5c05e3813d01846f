"""Tools and reply formats as OpenAI's chat interface has them: the caller's words as they are. Pure."""

from __future__ import annotations

from typing import Any

from attention_moa.messages import ReplyFormat, ToolSpec, ToolUse


def render_wishes(tools: ToolUse | None, reply_format: ReplyFormat | None) -> dict[str, Any]:
    """Return the fields of a request's body that tell of tools and of the reply's format; none where there are none.

    Source: the API reference of OpenAI's chat completions.
    """
    body: dict[str, Any] = {}
    if tools is not None and tools.tools:
        body["tools"] = render_tools(tools)
        body["tool_choice"] = render_choice(tools)
        if tools.is_parallel is not None:
            body["parallel_tool_calls"] = tools.is_parallel
    if reply_format is not None:
        body["response_format"] = render_format(reply_format)
    return body


def render_tools(tools: ToolUse) -> list[dict[str, Any]]:
    """Return tools as OpenAI's chat interface has them; what is not set is left out."""
    return [{"type": "function", "function": _function(tool)} for tool in tools.tools]


def _function(tool: ToolSpec) -> dict[str, Any]:
    more = {"description": tool.description or None, "parameters": tool.parameters, "strict": tool.is_strict}
    return {"name": tool.name, **{name: value for name, value in more.items() if value is not None}}


def render_choice(tools: ToolUse) -> str | dict[str, Any]:
    """Return whether tools must be called, as OpenAI's chat interface has it."""
    return tools.choice if tools.only is None else {"type": "function", "function": {"name": tools.only}}


def render_format(reply_format: ReplyFormat) -> dict[str, Any]:
    """Return a reply format as OpenAI's chat interface has it; a schema without a name gets one, which is asked for."""
    if reply_format.kind == "json_object":
        return {"type": "json_object"}
    more = {"description": reply_format.description or None, "strict": reply_format.is_strict}
    named = {"name": reply_format.name or "reply", "schema": reply_format.schema or {}}
    return {
        "type": "json_schema",
        "json_schema": named | {name: value for name, value in more.items() if value is not None},
    }
