"""What the body of a Responses request asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from attention_moa.answer_spec import AnswerSpec
from attention_moa.messages import Conversation, ReplyFormat, Sampling, ToolSpec, ToolUse, system
from attention_moa.server.chat_body import (
    AllowedChoice,
    AllowedTools,
    FunctionName,
    NamedTool,
    ObjectFormat,
    ToolChoice,
)
from attention_moa.server.chat_job import checked_format, labels_of, use_of
from attention_moa.server.errors import bad_request
from attention_moa.server.fields import set_ones
from attention_moa.server.responses_body import (
    AllowedFunctions,
    InputImage,
    Item,
    MessageItem,
    NamedFunction,
    ReasoningItem,
    ResponsesBody,
    SchemaTextFormat,
)
from attention_moa.server.responses_document import BACKGROUND, INSTRUCTIONS, PREVIOUS
from attention_moa.server.responses_input import read_input, turns_of
from attention_moa.server.translate import Asked, effort_of

IGNORED = (
    "include",
    "max_tool_calls",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "service_tier",
    "store",
    "truncation",
)
"""Fields of Responses that change nothing; some of them are refused for other values than these."""

_NOT_INCLUDED = "message.output_text.logprobs"
_RESERVED = "attention_moa."


class Past(NamedTuple):
    """What a response goes on from.

    Args:
        response_id: As the request names it.
        conversation: Its turns and its answer, without its instructions.
    """

    response_id: str
    conversation: Conversation


def asked_of(body: ResponsesBody, past: Past | None) -> Asked:
    """Return what a request asks for.

    Args:
        body: The request.
        past: The response that it goes on from; None for a conversation of its own.

    Raises:
        ApiError: 400: a field is wrong or refused; ``param`` names it.
    """
    _refuse(body)
    items = read_input(body.input)
    thinking, notes = effort_of(body.reasoning.effort if body.reasoning is not None else None)
    return Asked(
        conversation=_conversation(body, items, past),
        wanted=AnswerSpec(tools=_tools(body), reply_format=_format(body)),
        sampling=Sampling(
            temperature=body.temperature, top_p=body.top_p, max_tokens=body.max_output_tokens, thinking=thinking
        ),
        settings=body.attention_moa,
        labels=_labels(body),
        ignored=(*set_ones(body, IGNORED), *_ignored(body, items)),
        notes=notes,
        names={"max_tokens": "max_output_tokens", "thinking": "reasoning.effort"},
        place="input",
    )


def shows_progress(body: ResponsesBody) -> bool:
    """Return whether a request asks for a summary of reasoning: it gets the deliberation."""
    asked = body.reasoning
    return asked is not None and (asked.summary is not None or asked.generate_summary is not None)


def _refuse(body: ResponsesBody) -> None:
    """Raise for fields that some values make into something that is not done here."""
    if _NOT_INCLUDED in (body.include or ()):
        message = f"include: {_NOT_INCLUDED} is not supported: several models write"
        raise bad_request(message, param="include", code="unsupported_parameter")
    if body.stream_options is not None and not body.stream:
        raise bad_request("stream_options go with stream: true alone", param="stream_options")
    if body.background and body.store is False:
        raise bad_request("background: a response that nobody waits for is kept: leave out store", param="store")
    if any(name.startswith(_RESERVED) for name in body.metadata or ()):
        raise bad_request(f"metadata: names that begin with {_RESERVED} are the server's own", param="metadata")


def _ignored(body: ResponsesBody, items: tuple[Item | str, ...]) -> Iterator[str]:
    """Yield the fields further down that change nothing."""
    reasoning, text, options = body.reasoning, body.text, body.stream_options
    for name, is_set in (
        ("stream_options.include_obfuscation", options is not None and bool(options.include_obfuscation)),
        ("parallel_tool_calls", body.parallel_tool_calls is not None and not body.tools),
        ("top_logprobs", body.top_logprobs is not None),
        ("text.verbosity", text is not None and text.verbosity is not None),
        ("reasoning.context", reasoning is not None and reasoning.context is not None),
        ("reasoning.mode", reasoning is not None and reasoning.mode is not None),
        ("input.reasoning", any(isinstance(item, ReasoningItem) for item in items)),
    ):
        if is_set:
            yield name
    yield from _ignored_parts(items)


def _ignored_parts(items: tuple[Item | str, ...]) -> Iterator[str]:
    messages = [item for item in items if isinstance(item, MessageItem)]
    parts = [part for item in messages if not isinstance(item.content, str) for part in item.content]
    if any(isinstance(part, InputImage) and part.detail is not None for part in parts):
        yield "input.content.detail"
    if any(getattr(part, "prompt_cache_breakpoint", None) is not None for part in parts):
        yield "input.content.prompt_cache_breakpoint"


def _conversation(body: ResponsesBody, items: tuple[Item | str, ...], past: Past | None) -> Conversation:
    turns = turns_of(items, past.conversation if past is not None else ())
    return turns if not body.instructions else (system(body.instructions), *turns)


def _labels(body: ResponsesBody) -> dict[str, str]:
    labels = labels_of(body.metadata, user=body.user, safety_identifier=body.safety_identifier)
    if body.instructions:
        labels[INSTRUCTIONS] = "1"
    if body.previous_response_id is not None:
        labels[PREVIOUS] = body.previous_response_id
    if body.background:
        labels[BACKGROUND] = "1"
    return labels


def _format(body: ResponsesBody) -> ReplyFormat | None:
    asked = body.text.format if body.text is not None else None
    if isinstance(asked, ObjectFormat):
        return ReplyFormat("json_object")
    if not isinstance(asked, SchemaTextFormat):
        return None
    wanted = ReplyFormat(
        "json_schema",
        name=asked.name,
        description=asked.description or "",
        schema=asked.schema,
        is_strict=asked.strict,
    )
    return checked_format(wanted, "text.format.schema")


def _tools(body: ResponsesBody) -> ToolUse | None:
    choice = body.tool_choice
    if not body.tools:
        if choice not in (None, "none", "auto"):
            raise bad_request("tool_choice: there are no tools", param="tool_choice")
        return None
    specs = [
        ToolSpec(name=tool.name, description=tool.description or "", parameters=tool.parameters, is_strict=tool.strict)
        for tool in body.tools
    ]
    return use_of(specs, choice=_choice(choice), is_parallel=body.parallel_tool_calls)


def _choice(choice: Literal["none", "auto", "required"] | NamedFunction | AllowedFunctions | None) -> ToolChoice | None:
    """Return a choice in the form that chat completions have."""
    if isinstance(choice, NamedFunction):
        return NamedTool(function=FunctionName(name=choice.name))
    if isinstance(choice, AllowedFunctions):
        tools = [NamedTool(function=FunctionName(name=tool.name)) for tool in choice.tools]
        return AllowedChoice(allowed_tools=AllowedTools(mode=choice.mode, tools=tools))
    return choice
