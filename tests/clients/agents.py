"""The scripted model behind the server that real clients talk to: it adds, calls tools, tells results, fills schemas.

What it writes follows from what it is asked alone. It knows the question by its form, wherever it stands in a prompt:
the last sum of two numbers is added up, and the last ``in CITY?`` names a city.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from attention_moa.messages import CallRequest, Chunk, ToolCallDelta, ToolSpec, ToolUse, Usage

Messages = list[dict[str, Any]]
Schema = dict[str, Any]

_SUM = re.compile(r"(\d+) \+ (\d+)\?")
_CITY = re.compile(r"in (\w+)\?")
_RESULT = re.compile(r"31 degrees(?:, dry| in \w+)")


class Facts(NamedTuple):
    """What is asked for: a sum, a city; what a tool said; each empty where there is none of it."""

    numbers: tuple[str, str] | None
    city: str | None
    result: str | None


async def speak(messages: Messages, request: CallRequest) -> AsyncIterator[Chunk]:
    """Reply as the request wants it: a tool's call, what a tool said, JSON, or a text."""
    prompt = "\n".join(str(message["content"]) for message in messages)
    facts = Facts(
        *(found[-1] if found else None for found in (form.findall(prompt) for form in (_SUM, _CITY, _RESULT)))
    )
    if request.tools and request.tools.choice != "none" and (tool := _wanted(request.tools, facts)):
        schema = tool.parameters or {"type": "object"}
        arguments = json.dumps(_fill(schema, facts, schema))
        middle = len(arguments) // 2
        yield Chunk(tool_calls=(ToolCallDelta(0, "call_1", tool.name, arguments[:middle]),))
        yield Chunk(tool_calls=(ToolCallDelta(0, arguments=arguments[middle:]),))
        text = ""
    elif request.reply_format:
        schema = request.reply_format.schema or {"type": "object"}
        text = json.dumps(_fill(schema, facts, schema))
    else:
        text = _said(facts)
    for piece in re.findall(r"\S+\s*", text):
        yield Chunk(text=piece)
    yield Chunk(usage=Usage(input_tokens=len(prompt.split()), output_tokens=len(text.split()) + 1))


def _wanted(tools: ToolUse, facts: Facts) -> ToolSpec | None:
    """Return the tool to call: the named one, else the first; None where its result is there already."""
    if tools.choice == "auto" and facts.result:
        return None
    return next((tool for tool in tools.tools if tools.only in (None, tool.name)), None)


def _said(facts: Facts) -> str:
    if facts.result:
        return f"It has {facts.result}."
    if facts.numbers:
        first, second = map(int, facts.numbers)
        return f"{first} + {second} = {first + second}"
    return "I have no more to say than this."


def _fill(schema: Schema, facts: Facts, root: Schema) -> Any:
    """Return the least that follows a schema, with the question's numbers and names in it."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return _fill((root.get("$defs") or {})[name], facts, root)
    if "enum" in schema:
        return schema["enum"][0]
    for choices in ("anyOf", "oneOf", "allOf"):
        if choices in schema:
            return _fill(schema[choices][0], facts, root)
    if schema.get("type") == "object":
        return {name: _fill(inner, facts, root) for name, inner in (schema.get("properties") or {}).items()}
    plain: dict[Any, Any] = {
        "array": [],
        "integer": sum(map(int, facts.numbers)) if facts.numbers else 1,
        "number": 0.5,
        "boolean": True,
        "null": None,
    }
    kind = schema.get("type")
    return plain.get(kind if isinstance(kind, str) else None, facts.city or "text")
