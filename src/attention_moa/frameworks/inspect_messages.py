"""What Inspect AI asks of a model, as an ensemble takes it, and the answer as Inspect AI takes it."""

# pyright: basic, reportMissingImports=false
# Inspect AI comes with an extra of its own: where the package is checked it is not there, and all of it is unknown.

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageTool,
    ContentImage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    StopReason,
)
from inspect_ai.tool import ToolCall as TheirToolCall
from inspect_ai.tool import ToolChoice, ToolFunction, ToolInfo

from attention_moa.answer_spec import AnswerSpec
from attention_moa.errors import ConfigError
from attention_moa.frameworks.told import told
from attention_moa.messages import (
    Conversation,
    FinishReason,
    ImagePart,
    Message,
    Part,
    ReplyFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
)
from attention_moa.records import Choice, RunRecord, UsageTotal
from attention_moa.sampled import thinking_of

_APPLIED = ("temperature", "top_p", "max_tokens", "seed", "presence_penalty", "frequency_penalty")
_REFUSED = (
    "best_of",
    "extra_body",
    "extra_headers",
    "logit_bias",
    "logprobs",
    "modalities",
    "prompt_logprobs",
    "reasoning_tokens",
    "top_k",
    "top_logprobs",
)
_CHOICES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "any": "required", "none": "none"}
_STOPS: dict[FinishReason | None, StopReason] = {
    "stop": "stop",
    "cut": "stop",
    "length": "max_tokens",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
}


class Asked(NamedTuple):
    """One request, as an ensemble takes it: the turns, what the answer may be, how it is drawn."""

    conversation: Conversation
    wanted: AnswerSpec
    sampling: Sampling


def read_request(
    messages: Sequence[ChatMessage], tools: Sequence[ToolInfo], choice: ToolChoice, config: GenerateConfig
) -> Asked:
    """Return what Inspect AI asks for.

    Args:
        messages: The conversation.
        tools: What may be called.
        choice: Whether any must be.
        config: Settings; what Inspect AI itself sees to (retries, timeouts, caches) is not looked at.

    Raises:
        ConfigError: Something that an ensemble cannot do is asked for; ignoring it would change the meaning.
    """
    for name in _REFUSED:
        if getattr(config, name, None):
            raise ConfigError("an ensemble does not take it: set it for its agents, in the ensemble's file", key=name)
    effort = config.reasoning_effort
    sampling = Sampling(
        **{name: value for name in _APPLIED if (value := getattr(config, name)) is not None},
        thinking=None if effort is None else thinking_of(effort),
    )
    wanted = AnswerSpec(
        tools=_tool_use(tools, choice, config.parallel_tool_calls),
        reply_format=_reply_format(config),
        stop=tuple(config.stop_seqs or ()),
        choices=config.num_choices or 1,
    )
    return Asked(tuple(map(_message, messages)), wanted, sampling)


def _message(message: ChatMessage) -> Message:
    if isinstance(message, ChatMessageTool):
        error = message.error.message if message.error is not None else None
        parts = (TextPart(error),) if error else tuple(_parts(message.content))
        return Message("tool", parts, tool_call_id=message.tool_call_id)
    calls = (message.tool_calls or ()) if isinstance(message, ChatMessageAssistant) else ()
    return Message(
        message.role,
        tuple(_parts(message.content)),
        tool_calls=tuple(ToolCall(call.id, call.function, json.dumps(call.arguments)) for call in calls),
    )


def _parts(content: str | list[Any]) -> Iterator[Part]:
    if isinstance(content, str):
        yield TextPart(content)
        return
    for part in content:
        if isinstance(part, ContentText):
            yield TextPart(part.text)
        elif isinstance(part, ContentImage):
            yield ImagePart(url=part.image)
        elif not isinstance(part, ContentReasoning):
            raise ConfigError(f"an ensemble takes text and images, no {part.type}", key="content")


def _tool_use(tools: Sequence[ToolInfo], choice: ToolChoice, is_parallel: bool | None) -> ToolUse | None:
    if not tools:
        return None
    only = choice.name if isinstance(choice, ToolFunction) else None
    return ToolUse(
        tuple(
            ToolSpec(tool.name, description=tool.description, parameters=tool.parameters.model_dump(exclude_none=True))
            for tool in tools
        ),
        choice="required" if only is not None else _CHOICES[choice],
        only=only,
        is_parallel=is_parallel,
    )


def _reply_format(config: GenerateConfig) -> ReplyFormat | None:
    wanted = config.response_schema
    if wanted is None:
        return None
    return ReplyFormat(
        "json_schema",
        name=wanted.name,
        description=wanted.description or "",
        schema=wanted.json_schema.model_dump(exclude_none=True),
        is_strict=wanted.strict,
    )


def output_of(record: RunRecord, name: str) -> ModelOutput:
    """Return a run's answer, what all of its calls used, and what is worth knowing of it.

    Args:
        record: A run that has ended with an answer.
        name: The model's.
    """
    first = _choice(record.text or "", record.tool_calls, record.finish_reason, name)
    more = [choice for choice in record.choices if isinstance(choice, Choice)]  # what is lost is among the losses
    return ModelOutput(
        model=name,
        choices=[first, *(_choice(one.text, one.tool_calls, one.finish_reason, name) for one in more)],
        usage=_usage(record.usage),
        time=record.wall_s,
        metadata=told(record) | {"lost_choices": len(record.choices) - len(more)},
        response_id=record.run_id,
    )


def _choice(text: str, calls: Sequence[ToolCall], finish: FinishReason | None, name: str) -> ChatCompletionChoice:
    message = ChatMessageAssistant(
        content=text, tool_calls=[_call(call) for call in calls] or None, model=name, source="generate"
    )
    return ChatCompletionChoice(message=message, stop_reason=_STOPS.get(finish, "unknown"))


def _call(call: ToolCall) -> TheirToolCall:
    """Return a call with its arguments read; what cannot be read is told, so that the model hears of it."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError as error:
        return TheirToolCall(call.id, call.name, {}, parse_error=f"the arguments are not JSON: {error}")
    if not isinstance(arguments, dict):
        return TheirToolCall(call.id, call.name, {}, parse_error="the arguments are not a JSON object")
    return TheirToolCall(call.id, call.name, arguments)


def _usage(usage: UsageTotal) -> ModelUsage:
    """Return the sums; Inspect AI counts what came out of a cache apart from the other input."""
    return ModelUsage(
        input_tokens=usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        input_tokens_cache_read=usage.cached_tokens,
        input_tokens_cache_write=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        total_cost=None if usage.unpriced_calls else usage.cost_usd,
    )
