"""What a pydantic-ai agent asks of a model, as an ensemble takes it: conversation, wanted answer, sampling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ImageUrl,
    InstructionPart,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    NativeToolCallPart,
    NativeToolReturnPart,
    SystemPromptPart,
    TextContent,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.messages import TextPart as TheirTextPart
from pydantic_ai.settings import ModelSettings, ToolOrOutput

from attention_moa.answer_spec import AnswerSpec
from attention_moa.messages import (
    Conversation,
    ImagePart,
    Message,
    Part,
    ReplyFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolSpec,
    ToolUse,
    system,
)
from attention_moa.sampled import thinking_of

if TYPE_CHECKING:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.tools import ToolDefinition

_APPLIED = ("temperature", "top_p", "max_tokens", "seed", "presence_penalty", "frequency_penalty")
_REFUSED = ("top_k", "logit_bias", "extra_body", "extra_headers")
IGNORED: frozenset[Literal["timeout", "max_retries", "service_tier", "citations"]] = frozenset(
    ("timeout", "max_retries", "service_tier", "citations")
)
"""Settings that change nothing of what an ensemble says; the library warns of those that somebody may count on."""

_Choice = Literal["auto", "none", "required"]


class Asked(NamedTuple):
    """One request of an agent, as an ensemble takes it.

    Args:
        conversation: The turns.
        wanted: What the answer may do and must look like.
        sampling: For the agents that write the answer.
        ignored: The settings that were set and have no effect.
    """

    conversation: Conversation
    wanted: AnswerSpec
    sampling: Sampling
    ignored: tuple[str, ...]


def read_request(
    messages: Sequence[ModelMessage],
    instructions: Iterable[InstructionPart],
    settings: ModelSettings | None,
    parameters: ModelRequestParameters,
) -> Asked:
    """Return what an agent asks for.

    Args:
        messages: The history, prepared by ``Model.prepare_messages``.
        instructions: The agent's instructions, the output's form included.
        settings: Prepared by ``Model.prepare_request``.
        parameters: So are these.

    Raises:
        UserError: Something that an ensemble cannot do is asked for; ignoring it would change the meaning.
    """
    told = cast("dict[str, Any]", settings or {})
    if refused := [name for name in _REFUSED if told.get(name) is not None]:
        raise UserError(f"an ensemble does not take {refused[0]!r}: set it for its agents, in the ensemble's file")
    thinking = parameters.thinking
    sampling = Sampling(
        **{name: value for name in _APPLIED if (value := told.get(name)) is not None},
        thinking=thinking_of(thinking) if isinstance(thinking, str) else thinking,
    )
    wanted = AnswerSpec(
        tools=_tool_use(settings or {}, parameters),
        reply_format=_reply_format(parameters),
        stop=tuple(told.get("stop_sequences") or ()),
    )
    ignored = tuple(sorted(name for name in IGNORED if told.get(name) is not None))
    return Asked(_conversation(messages, instructions), wanted, sampling, ignored)


# --------------------------------------------------------------------------------------------------------- conversation


def _conversation(messages: Sequence[ModelMessage], instructions: Iterable[InstructionPart]) -> Conversation:
    """Return the turns, the instructions after the system prompts that lead them."""
    turns: list[Message] = []
    for message in messages:
        turns += _asking(message) if isinstance(message, ModelRequest) else _replying(message)
    leading = next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns))
    turns[leading:leading] = [system(part.content) for part in instructions]
    return tuple(turns)


def _asking(request: ModelRequest) -> Iterator[Message]:
    """Yield the turns of a request; what tools returned beside their text comes last, as the user's."""
    files: list[UserContent] = []
    for part in request.parts:
        yield _turn(part, files)
    if files:
        yield Message("user", tuple(_parts(files)))


def _turn(part: ModelRequestPart, files: list[UserContent]) -> Message:
    if isinstance(part, SystemPromptPart):
        return system(part.content)
    if isinstance(part, UserPromptPart):
        return Message("user", tuple(_parts([part.content] if isinstance(part.content, str) else part.content)))
    if isinstance(part, ToolReturnPart):
        text, more = part.model_response_str_and_user_content()
        files += more
        return Message("tool", (TextPart(text),), tool_call_id=part.tool_call_id)
    raise UserError(f"a {part.part_kind!r} part has no form here: prepare the messages with Model.prepare_messages")


def _parts(content: Iterable[UserContent]) -> Iterator[Part]:
    for item in content:
        if isinstance(item, str):
            yield TextPart(item)
        elif isinstance(item, TextContent):
            yield TextPart(item.content)
        elif isinstance(item, ImageUrl):
            yield ImagePart(url=item.url)
        elif isinstance(item, BinaryContent) and item.is_image:
            yield ImagePart(media_type=item.media_type, data=item.data)
        elif not isinstance(item, CachePoint):  # an ensemble sets its own
            raise UserError(f"an ensemble takes text and images, no {type(item).__name__}")


def _replying(response: ModelResponse) -> Iterator[Message]:
    """Yield what the model said and called; nothing where it only thought."""
    texts: list[Part] = []
    calls: list[ToolCall] = []
    for part in response.parts:
        if isinstance(part, TheirTextPart):
            texts.append(TextPart(part.content))
        elif isinstance(part, ToolCallPart):
            calls.append(ToolCall(part.tool_call_id, part.tool_name, part.args_as_json_str()))
        elif not isinstance(part, (ThinkingPart, NativeToolCallPart, NativeToolReturnPart)):
            raise UserError(f"a {part.part_kind!r} part of an earlier reply has no form in an ensemble's conversation")
    if texts or calls:
        yield Message("assistant", tuple(texts), tool_calls=tuple(calls))


# -------------------------------------------------------------------------------------------------------- wanted answer


def _reply_format(parameters: ModelRequestParameters) -> ReplyFormat | None:
    if parameters.output_mode == "prompted":
        return ReplyFormat("json_object")
    wanted = parameters.output_object
    if parameters.output_mode != "native" or wanted is None:
        return None
    return ReplyFormat(
        "json_schema",
        name=wanted.name or "answer",
        description=wanted.description or "",
        schema=wanted.json_schema,
        is_strict=wanted.strict,
    )


def _tool_use(settings: ModelSettings, parameters: ModelRequestParameters) -> ToolUse | None:
    tools = parameters.declared_tool_defs
    if not tools:
        return None
    choice, names = _choice(settings, parameters)
    only = next(iter(names)) if choice == "required" and len(names) == 1 else None
    kept = [tool for name, tool in tools.items() if only is not None or not names or name in names]
    return ToolUse(
        tuple(_spec(tool) for tool in kept), choice=choice, only=only, is_parallel=settings.get("parallel_tool_calls")
    )


def _choice(settings: ModelSettings, parameters: ModelRequestParameters) -> tuple[_Choice, frozenset[str]]:
    """Return whether tools are called, and which may be; no names stand for all."""
    free: _Choice = "auto" if parameters.allow_text_output else "required"
    outputs = frozenset(tool.name for tool in parameters.output_tools)
    chosen = settings.get("tool_choice")
    if chosen is None or chosen == "auto":
        return free, frozenset()
    if chosen == "required":
        return "required", frozenset(tool.name for tool in parameters.declared_function_tools)
    if isinstance(chosen, ToolOrOutput):
        names = frozenset(chosen.function_tools) | outputs
        return (free if names else "none"), _known(names, parameters)
    if chosen == "none" or not chosen:
        return (free if outputs else "none"), outputs
    return "required", _known(frozenset(chosen), parameters)


def _known(names: frozenset[str], parameters: ModelRequestParameters) -> frozenset[str]:
    """Return those of the names that are tools.

    Raises:
        UserError: None of them is.
    """
    known = names & parameters.declared_tool_defs.keys()
    if names and not known:
        raise UserError(f"tool_choice names no tool that there is: {', '.join(sorted(names))}")
    return known


def _spec(tool: ToolDefinition) -> ToolSpec:
    return ToolSpec(
        tool.name, description=tool.description or "", parameters=tool.parameters_json_schema, is_strict=tool.strict
    )
