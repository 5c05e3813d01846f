"""The object of the Responses API: what it says of its request, and of the run. Pure.

Everything in it comes from what a run is (its ensemble, conversation, wanted answer, labels), so that an old one looks
as it did then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec, summary_chain
from attention_moa.messages import Conversation, ReplyFormat, ToolCall, ToolSpec, ToolUse
from attention_moa.records import RunRecord, UsageTotal
from attention_moa.server.errors import ApiError
from attention_moa.server.usage import RunBody, run_body, usage_with_estimates

INSTRUCTIONS = "attention_moa.instructions"
"""The label of a run whose first turn is its request's instructions: the next response does not go on with them."""

PREVIOUS = "attention_moa.previous_response_id"
"""The label with the response that a run goes on from."""

BACKGROUND = "attention_moa.background"
"""The label of a run that nobody waits for."""

_PREFIX = "resp_"
_OWN = (INSTRUCTIONS, PREVIOUS, BACKGROUND, "user", "safety_identifier")
_SERVER_ERROR = "server_error"
_ERRORS = {429: "rate_limit_exceeded", 422: "invalid_prompt"}
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Shown(Struct, frozen=True, kw_only=True):
    """What a response says of its request.

    Args:
        model: As the request named it.
        spec: What runs.
        conversation: What it is asked.
        wanted: How the answer is wanted.
        labels: What the client keeps with it, and what is kept for the API.
        created_at: ISO 8601.
    """

    model: str
    spec: EnsembleSpec
    conversation: Conversation
    wanted: AnswerSpec
    labels: dict[str, str]
    created_at: str


def shown_of(record: RunRecord) -> Shown:
    """Return what the response of a run says of its request."""
    return Shown(
        model=record.ensemble.name,
        spec=record.ensemble,
        conversation=record.conversation,
        wanted=record.wanted,
        labels=record.labels,
        created_at=record.created_at,
    )


def response_id(run_id: str) -> str:
    """Return a response's id."""
    return _PREFIX + run_id


def run_id_of(response_id: str) -> str:
    """Return the id of the run that a response is of; one that is no response's stays as it is, and is not found."""
    return response_id.removeprefix(_PREFIX)


def open_document(shown: Shown, run_id: str) -> dict[str, Any]:
    """Return a response that is under way."""
    return _document(shown, run_id, status="in_progress", output=[])


def is_whole(record: RunRecord) -> bool:
    """Return whether an answer came to its end by itself."""
    return record.finish_reason not in _INCOMPLETE


def whole_document(shown: Shown, record: RunRecord, output: Sequence[Any], run: RunBody) -> dict[str, Any]:
    """Return a response with its answer.

    Args:
        shown: What it says of its request.
        record: The run, over.
        output: Its items.
        run: What happened in it.
    """
    reason = _INCOMPLETE.get(record.finish_reason or "")
    document = _document(shown, record.run_id, status="incomplete" if reason else "completed", output=output)
    return document | _ended(record, run) | {"incomplete_details": {"reason": reason} if reason else None}


def failed_document(shown: Shown, record: RunRecord, output: Sequence[Any], error: ApiError) -> dict[str, Any]:
    """Return a response without an answer, or whose answer does not stand.

    Args:
        shown: What it says of its request.
        record: What there is of the run.
        output: What was told of an answer.
        error: What went wrong.
    """
    status = "cancelled" if record.state == "cancelled" else "failed"
    told = {"code": _ERRORS.get(error.status, _SERVER_ERROR), "message": error.message}
    run = run_body([record], ignored=(), notes=(), plan=None)
    document = _document(shown, record.run_id, status=status, output=output) | _ended(record, run)
    return document | {"error": None if status == "cancelled" else told}


def output_of(record: RunRecord) -> list[dict[str, Any]]:
    """Return the items of a run's answer: its text, then its tool calls.

    Args:
        record: A run that has its answer.
    """
    status = "completed" if is_whole(record) else "incomplete"
    items = [message_item(record.run_id, record.text, status=status)] if record.text else []
    calls = enumerate(record.tool_calls)
    return [*items, *(call_item(record.run_id, index, call, status=status) for index, call in calls)]


def message_item(run_id: str, text: str | None, *, status: str) -> dict[str, Any]:
    """Return the item of an answer's text; None for one of which nothing is there yet."""
    content = [] if text is None else [text_part(text)]
    return {"type": "message", "id": f"msg_{run_id}", "role": "assistant", "status": status, "content": content}


def text_part(text: str) -> dict[str, Any]:
    """Return the one piece of an answer's text."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def call_item(run_id: str, index: int, call: ToolCall, *, status: str) -> dict[str, Any]:
    """Return the item of a tool call."""
    own = {"type": "function_call", "id": f"fc_{run_id}_{index}", "status": status}
    return own | {"call_id": call.id, "name": call.name, "arguments": call.arguments}


def reasoning_item(run_id: str, text: str | None, *, status: str) -> dict[str, Any]:
    """Return the item of what is shown of the deliberation; None where nothing is there yet."""
    summary = [] if text is None else [{"type": "summary_text", "text": text}]
    return {"type": "reasoning", "id": f"rs_{run_id}", "summary": summary, "status": status}


def _document(shown: Shown, run_id: str, *, status: str, output: Sequence[Any]) -> dict[str, Any]:
    writer = (summary_chain(shown.spec) if shown.spec.strategy != "single" else shown.spec.agents)[0]
    labels, tools = shown.labels, shown.wanted.tools
    effort = "none" if writer.thinking is False else None if writer.thinking is True else writer.thinking
    return {
        "id": response_id(run_id),
        "object": "response",
        "created_at": int(datetime.fromisoformat(shown.created_at).timestamp()),
        "completed_at": None,
        "status": status,
        "background": BACKGROUND in labels,
        "error": None,
        "incomplete_details": None,
        "instructions": shown.conversation[0].text if INSTRUCTIONS in labels else None,
        "max_output_tokens": writer.max_tokens,
        "max_tool_calls": None,
        "metadata": {name: text for name, text in labels.items() if name not in _OWN},
        "model": shown.model,
        "output": list(output),
        "parallel_tool_calls": tools is None or tools.is_parallel is not False,
        "previous_response_id": labels.get(PREVIOUS),
        "reasoning": {"effort": effort, "summary": None},
        "safety_identifier": labels.get("safety_identifier"),
        "service_tier": "default",
        "store": True,
        "temperature": writer.temperature,
        "text": {"format": _format(shown.wanted.reply_format)},
        "tool_choice": _choice(tools),
        "tools": [] if tools is None else [_tool(tool) for tool in tools.tools],
        "top_logprobs": 0,
        "top_p": writer.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": labels.get("user"),
    }


def _ended(record: RunRecord, run: RunBody) -> dict[str, Any]:
    """Return what is known once a run is over."""
    completed_at = int(datetime.fromisoformat(record.created_at).timestamp() + record.wall_s)
    return {"completed_at": completed_at, "usage": _usage(usage_with_estimates(record)), "attention_moa": run}


def _usage(usage: UsageTotal) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": usage.cache_write_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _format(wanted: ReplyFormat | None) -> dict[str, Any]:
    if wanted is None:
        return {"type": "text"}
    if wanted.kind == "json_object":
        return {"type": "json_object"}
    told = {"name": wanted.name, "description": wanted.description or None, "schema": wanted.schema or {}}
    return {"type": "json_schema", **told, "strict": wanted.is_strict}


def _choice(tools: ToolUse | None) -> str | dict[str, str]:
    if tools is None:
        return "auto"
    return tools.choice if tools.only is None else {"type": "function", "name": tools.only}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    told = {"name": tool.name, "description": tool.description or None, "parameters": tool.parameters}
    return {"type": "function", **told, "strict": tool.is_strict}
