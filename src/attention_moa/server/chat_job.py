"""What a chat completion's body asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attention_moa.answer_spec import AnswerSpec
from attention_moa.errors import ConfigError
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
)
from attention_moa.server.chat_body import (
    AllowedChoice,
    AssistantTurn,
    ChatBody,
    ImageBody,
    NamedTool,
    ObjectFormat,
    RefusalBody,
    SchemaFormat,
    TextBody,
    ToolChoice,
    ToolTurn,
    Turn,
)
from attention_moa.server.errors import bad_request
from attention_moa.server.fields import CHAT_IGNORED, refuse_field, set_ones
from attention_moa.server.translate import Asked, config_fault, effort_of

_MOST_LABELS = 16
_MOST_KEY = 64
_MOST_VALUE = 512


def asked_of(body: ChatBody) -> Asked:
    """Return what a chat completion asks for.

    Args:
        body: The request.

    Raises:
        ApiError: 400: a field is wrong or refused; ``param`` names it.
    """
    _refuse(body)
    thinking, notes = effort_of(body.reasoning_effort)
    return Asked(
        conversation=_conversation(body.messages),
        wanted=AnswerSpec(tools=_tools(body), reply_format=_format(body), stop=_stop(body.stop)),
        sampling=Sampling(
            temperature=body.temperature,
            top_p=body.top_p,
            max_tokens=_most_tokens(body),
            seed=body.seed,
            presence_penalty=body.presence_penalty,
            frequency_penalty=body.frequency_penalty,
            thinking=thinking,
        ),
        settings=body.attention_moa,
        choices=body.n or 1,
        labels=labels_of(body.metadata, user=body.user, safety_identifier=body.safety_identifier),
        ignored=(*set_ones(body, CHAT_IGNORED), *_ignored(body)),
        notes=notes,
        names={"max_tokens": "max_completion_tokens" if body.max_tokens is None else "max_tokens"},
    )


def _refuse(body: ChatBody) -> None:
    """Raise for fields that some values make into something that is not done here."""
    for name, is_wanted in (
        ("logprobs", body.logprobs is True),
        ("top_logprobs", bool(body.top_logprobs)),
        ("logit_bias", bool(body.logit_bias)),
        ("audio", "audio" in (body.modalities or ())),
    ):
        if is_wanted:
            refuse_field(name)
    unknown = set(body.modalities or ()) - {"text"}
    if unknown:
        raise bad_request("modalities: answers are text alone", param="modalities", code="unsupported_parameter")
    if body.stream_options is not None and not body.stream:
        raise bad_request("stream_options go with stream: true alone", param="stream_options")


def _ignored(body: ChatBody) -> Iterator[str]:
    """Yield the fields further down that change nothing."""
    if body.stream_options is not None and body.stream_options.include_obfuscation:
        yield "stream_options.include_obfuscation"
    if body.parallel_tool_calls is not None and not body.tools:
        yield "parallel_tool_calls"
    turns = [turn for turn in body.messages if isinstance(turn, AssistantTurn)]
    for name in ("annotations", "parsed", "reasoning", "reasoning_content"):
        if any(getattr(turn, name) for turn in turns):
            yield f"messages.{name}"
    parts = [part for turn in body.messages if isinstance(turn.content, list) for part in turn.content]
    if any(isinstance(part, ImageBody) and part.image_url.detail is not None for part in parts):
        yield "messages.content.image_url.detail"
    for name in ("cache_control", "prompt_cache_breakpoint"):
        if any(getattr(part, name, None) is not None for part in parts):
            yield f"messages.content.{name}"


def _most_tokens(body: ChatBody) -> int | None:
    both = {most for most in (body.max_tokens, body.max_completion_tokens) if most is not None}
    if len(both) > 1:
        raise bad_request("max_tokens and max_completion_tokens differ: give one of them", param="max_tokens")
    return next(iter(both), None)


def _stop(stop: str | list[str] | None) -> tuple[str, ...]:
    texts = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if "" in texts:
        raise bad_request("stop: an empty text would end every answer", param="stop")
    return texts


def labels_of(metadata: dict[str, str] | None, **own: str | None) -> dict[str, str]:
    """Return what a client keeps with its run.

    Args:
        metadata: Its own names and texts.
        own: Fields of the API that are kept beside them; None for one that is not set.

    Raises:
        ApiError: 400: it is too much.
    """
    told = metadata or {}
    if len(told) > _MOST_LABELS:
        raise bad_request(f"metadata: {len(told)} names, and {_MOST_LABELS} are the most", param="metadata")
    for name, text in told.items():
        if len(name) > _MOST_KEY:
            message = f"metadata: the name {name[:20]!r}… has {len(name)} characters, and {_MOST_KEY} are the most"
            raise bad_request(message, param="metadata")
        if len(text) > _MOST_VALUE:
            message = f"metadata.{name}: {len(text)} characters, and {_MOST_VALUE} are the most"
            raise bad_request(message, param=f"metadata.{name}")
    return {**{name: text[:_MOST_VALUE] for name, text in own.items() if text}, **told}


def _format(body: ChatBody) -> ReplyFormat | None:
    asked = body.response_format
    if isinstance(asked, ObjectFormat):
        return ReplyFormat("json_object")
    if not isinstance(asked, SchemaFormat):
        return None
    told, param = asked.json_schema, "response_format.json_schema.schema"
    if told.schema is None:
        raise bad_request(f"{param} is missing", param=param, code="missing_required_parameter")
    wanted = ReplyFormat(
        "json_schema",
        name=told.name,
        description=told.description or "",
        schema=told.schema,
        is_strict=told.strict,
    )
    return checked_format(wanted, param)


def checked_format(wanted: ReplyFormat, param: str) -> ReplyFormat:
    """Return a format whose schema can be checked against.

    Args:
        wanted: The format.
        param: What the API calls the schema.

    Raises:
        ApiError: 400: it is no schema, or one that is too large.
    """
    from attention_moa.json_check import require_schema  # only requests with a schema load the library

    try:
        require_schema(wanted)
    except ConfigError as error:
        raise config_fault(error, param) from error
    return wanted


def _tools(body: ChatBody) -> ToolUse | None:
    choice = body.tool_choice
    if not body.tools:
        if choice not in (None, "none", "auto"):
            raise bad_request("tool_choice: there are no tools", param="tool_choice")
        return None
    specs = [
        ToolSpec(
            name=tool.function.name,
            description=tool.function.description or "",
            parameters=tool.function.parameters,
            is_strict=tool.function.strict,
        )
        for tool in body.tools
    ]
    return use_of(specs, choice=choice, is_parallel=body.parallel_tool_calls)


def use_of(specs: Sequence[ToolSpec], *, choice: ToolChoice | None, is_parallel: bool | None) -> ToolUse:
    """Return which tools may be called, and whether any must be.

    Args:
        specs: All tools.
        choice: As the API says it; None leaves it to the model.
        is_parallel: Whether one reply may make several calls; None leaves that to the endpoint.

    Raises:
        ApiError: 400: two tools have one name, or the choice names one that is not there.
    """
    names = [spec.name for spec in specs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise bad_request(f"tools: two of them are called {twice!r}", param="tools")
    if isinstance(choice, NamedTool):
        _require_tools([choice.function.name], names)
        return ToolUse(tuple(specs), "required", choice.function.name, is_parallel)
    if isinstance(choice, AllowedChoice):
        allowed = [tool.function.name for tool in choice.allowed_tools.tools]
        _require_tools(allowed, names)
        kept = tuple(spec for spec in specs if spec.name in allowed)
        return ToolUse(kept, choice.allowed_tools.mode, None, is_parallel)
    return ToolUse(tuple(specs), choice or "auto", None, is_parallel)


def _require_tools(wanted: Sequence[str], known: Sequence[str]) -> None:
    if not wanted:
        raise bad_request("tool_choice: it allows no tool", param="tool_choice")
    for name in wanted:
        if name not in known:
            there = f"there are {', '.join(known)}"
            raise bad_request(f"tool_choice: there is no tool {name[:64]!r}: {there[:500]}", param="tool_choice")


def _conversation(turns: Sequence[Turn]) -> Conversation:
    called: set[str] = set()
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        message = _message(turn, f"messages[{index}]")
        if message.tool_call_id is not None and message.tool_call_id not in called:
            param = f"messages[{index}].tool_call_id"
            raise bad_request(f"{param}: no earlier message calls a tool with this id", param=param)
        called |= {call.id for call in message.tool_calls}
        messages.append(message)
    return tuple(messages)


def _message(turn: Turn, at: str) -> Message:
    content = _content(turn.content)
    if isinstance(turn, ToolTurn):
        return Message("tool", content, name=turn.name, tool_call_id=turn.tool_call_id)
    if not isinstance(turn, AssistantTurn):
        return Message("user" if turn.__struct_config__.tag == "user" else "system", content, name=turn.name)
    calls = tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in turn.tool_calls or ())
    if turn.refusal:
        content = (*content, TextPart(turn.refusal))
    if not content and not calls:
        raise bad_request(f"{at}: an assistant's message has a content or tool_calls", param=f"{at}.content")
    return Message("assistant", content, name=turn.name, tool_calls=calls)


def _content(content: str | Sequence[TextBody | ImageBody | RefusalBody] | None) -> tuple[Part, ...]:
    if content is None:
        return ()
    return (TextPart(content),) if isinstance(content, str) else tuple(map(_part, content))


def _part(part: TextBody | ImageBody | RefusalBody) -> Part:
    if isinstance(part, ImageBody):
        return ImagePart(url=part.image_url.url)
    return TextPart(part.text if isinstance(part, TextBody) else part.refusal)
