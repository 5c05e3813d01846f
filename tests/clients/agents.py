"""The scripted model behind the server that real clients talk to: it adds, calls tools, tells results, fills schemas.

What it writes follows from what it is asked alone. It knows the question by its form, wherever it stands in a prompt:
the last sum of two numbers is added up, and the last ``in CITY?`` names a city.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from attention_moa.messages import CallRequest, Chunk, ToolCallDelta, ToolSpec, ToolUse, Usage

Messages = list[dict[str, Any]]
Schema = dict[str, Any]

_SUM = re.compile(r"(\d+) \+ (\d+)\?")
_CITY = re.compile(r"in (\w+)\?")
_RESULT = re.compile(r"31 degrees(?:, dry| in \w+)")


async def speak(messages: Messages, request: CallRequest) -> AsyncIterator[Chunk]:
    """Reply as the request wants it: a tool's call, what a tool said, JSON, or a text."""
    prompt = "\n".join(str(message["content"]) for message in messages)
    if request.tools and request.tools.choice != "none" and (tool := _wanted(request.tools, prompt)):
        arguments = json.dumps(_fill(tool.parameters or {}, prompt, tool.parameters or {}))
        middle = len(arguments) // 2
        yield Chunk(tool_calls=(ToolCallDelta(0, "call_1", tool.name, arguments[:middle]),))
        yield Chunk(tool_calls=(ToolCallDelta(0, arguments=arguments[middle:]),))
        text = ""
    elif request.reply_format:
        schema = request.reply_format.schema or {"type": "object"}
        text = json.dumps(_fill(schema, prompt, schema))
    else:
        text = _said(prompt)
    for piece in re.findall(r"\S+\s*", text):
        yield Chunk(text=piece)
    yield Chunk(usage=Usage(input_tokens=len(prompt.split()), output_tokens=len(text.split()) + 1))


def _wanted(tools: ToolUse, prompt: str) -> ToolSpec | None:
    """Return the tool to call: the named one, else the first; None where its result is there already."""
    if tools.choice == "auto" and _RESULT.search(prompt):
        return None
    return next((tool for tool in tools.tools if tools.only in (None, tool.name)), None)


def _said(prompt: str) -> str:
    if results := _RESULT.findall(prompt):
        return f"It has {results[-1]}."
    if sums := _SUM.findall(prompt):
        first, second = map(int, sums[-1])
        return f"{first} + {second} = {first + second}"
    return "I have no more to say than this."


def _fill(schema: Schema, prompt: str, root: Schema) -> Any:  # noqa: ANN401 - any JSON
    """Return the least that follows a schema, with the question's numbers and names in it."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _fill((root.get("$defs") or {})[name], prompt, root)
    if "enum" in schema:
        return schema["enum"][0]
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return _fill(schema[choices][0], prompt, root)
    if schema.get("type") == "object":
        return {name: _fill(inner, prompt, root) for name, inner in (schema.get("properties") or {}).items()}
    sums, cities = _SUM.findall(prompt), _CITY.findall(prompt)
    plain: dict[Any, Any] = {
        "array": [],
        "integer": sum(map(int, sums[-1])) if sums else 1,
        "number": 0.5,
        "boolean": True,
        "null": None,
    }
    return plain.get(schema.get("type"), cities[-1] if cities else "text")
