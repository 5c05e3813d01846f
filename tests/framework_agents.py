"""A function that tests of frameworks name as a model: ``python:tests.framework_agents:caller``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attention_moa.messages import CallRequest, Chunk, ToolCallDelta


def caller(messages: list[dict[str, Any]], request: CallRequest) -> Iterator[str | Chunk]:
    """Call the first tool, or say what it gave."""
    results = [str(message["content"]) for message in messages if message["role"] == "tool"]
    if results or request.tools is None:
        yield f"It is {results}."
    else:
        yield Chunk(tool_calls=(ToolCallDelta(0, "c1", request.tools.tools[0].name, '{"city": "Oslo"}'),))
