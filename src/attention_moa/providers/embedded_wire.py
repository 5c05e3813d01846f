"""What goes to llama.cpp's server and what comes back: requests, streamed events, errors, both ways."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from attention_moa.errors import (
    AuthError,
    BadReplyError,
    CallError,
    ContextTooLongError,
    RefusedError,
    ServerError,
    describe,
)
from attention_moa.messages import (
    CallRequest,
    Chunk,
    Conversation,
    FinishReason,
    Message,
    Sampling,
    ToolCallDelta,
    Usage,
)
from attention_moa.providers.embedded_tools import CallText, Wishes
from attention_moa.providers.logprobs import TokenLogprob, token_chances

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


def render_body(request: CallRequest, *, slot: int, wishes: Wishes | None = None) -> dict[str, Any]:
    """Return the JSON body of a request, for ``/v1/chat/completions``.

    Args:
        request: The request; only what its sampling sets is sent.
        slot: Which of the server's slots answers, from 0.
        wishes: Its tools and format, as they are sent; None for none.

    Raises:
        RefusedError: It has an image.

    Source: llama.cpp, the documentation of its server.
    """
    # Progress is asked for, and not shown, because the server notices that a caller is gone only when it writes to it:
    # without, a cancelled prompt would be read to its end.
    wishes = wishes or Wishes({})
    messages = render_messages(request.messages)
    messages[-1]["content"] += wishes.told
    fixed = {
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": True,
        "id_slot": slot,
    }
    return {**_sampling(request.sampling), **(request.sampling.extra_body or {}), **wishes.body, **fixed}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
        "stop": sampling.stop,
        "presence_penalty": sampling.presence_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "chat_template_kwargs": _thinking(sampling.thinking),
        "logprobs": True if sampling.top_logprobs is not None else None,
        "top_logprobs": sampling.top_logprobs,
    }
    return {name: value for name, value in plain.items() if value is not None}


def _thinking(thinking: bool | str | None) -> dict[str, Any] | None:
    """Return what chat templates look at to switch thinking on or off, or to set its effort."""
    if thinking is None:
        return None
    if isinstance(thinking, bool):
        return {"enable_thinking": thinking}
    return {"enable_thinking": True, "reasoning_effort": thinking}


def render_messages(messages: Conversation) -> list[dict[str, str]]:
    """Return the messages as chat templates of small models take them: text only, no two user turns in a row.

    Tool calls and their results become text: templates without tools drop them silently. So does a speaker's name,
    which most templates know nothing of.

    Raises:
        RefusedError: There is an image.
    """
    rendered: list[dict[str, str]] = []
    for message in messages:
        if message.has_images:
            raise RefusedError("the embedded model cannot see images: set has_images = false for its agent")
        role = "user" if message.role == "tool" else message.role
        if role == "user" and rendered and rendered[-1]["role"] == "user":
            rendered[-1]["content"] += f"\n\n{_text(message)}"
        else:
            rendered.append({"role": role, "content": _text(message)})
    return rendered


def _text(message: Message) -> str:
    if message.role == "tool":
        return f"Result of call {message.tool_call_id}:\n{message.text}"
    calls = [f"Call {call.id}: {call.name}({call.arguments})" for call in message.tool_calls]
    label = f"[{message.name}] " if message.name and message.text else ""
    return "\n".join(filter(None, (label + message.text, *calls)))


class _Fault(Struct):
    message: str = ""
    type: str = ""
    code: int = 500


class _Details(Struct):
    cached_tokens: int | None = None


class _Counts(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Delta(Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: tuple[_Call, ...] | None = None


class _Logprobs(Struct):
    content: tuple[TokenLogprob, ...] | None = None


class _Choice(Struct):
    delta: _Delta
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Event(Struct):
    choices: tuple[_Choice, ...] = ()
    usage: _Counts | None = None
    model: str | None = None
    error: _Fault | None = None


class ReplyReader:
    """Turns the events of one reply into chunks; what ends the reply is kept until its usage is known.

    Args:
        wishes: What was sent of tools and format.
    """

    def __init__(self, wishes: Wishes | None = None) -> None:
        """Start before the first event."""
        self._notes = wishes.notes if wishes else ()
        self._call = CallText() if wishes and wishes.is_call else None
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None
        self._model: str | None = None

    def take(self, payload: bytes) -> Chunk | None:
        """Return the text that an event brings; None where it brings none.

        Args:
            payload: The payload of one data line.

        Raises:
            CallError: The event is an error, or none that the protocol knows.
        """
        if payload == b"[DONE]":
            return None
        try:
            event = msgspec.json.decode(payload, type=_Event)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadReplyError(f"the embedded model sent an event that makes no sense: {describe(error)}") from error
        if event.error is not None:
            raise _error(event.error)
        self._model = event.model or self._model
        if event.usage is not None:
            self._usage = _usage(event.usage)
        return self._choice(event.choices[0]) if event.choices else None

    def last(self) -> Chunk | None:
        """Return the chunk that ends the reply; None where the server never said that it ended.

        Raises:
            BadReplyError: The reply had to be a call, and is none.
        """
        if self._finish is None:
            return None
        if self._call is not None:
            self._call.require_whole(self._finish)
            self._finish = "tool_calls"
        return Chunk(finish_reason=self._finish, usage=self._usage, model=self._model, notes=self._notes)

    def _choice(self, choice: _Choice) -> Chunk | None:
        if choice.finish_reason is not None:
            if choice.finish_reason not in _FINISH:
                raise BadReplyError(f"the embedded model ended for an unknown reason: {choice.finish_reason!r}")
            self._finish = _FINISH[choice.finish_reason]
        text, thinking = choice.delta.content or "", choice.delta.reasoning_content or ""
        told = choice.logprobs.content or () if choice.logprobs else ()
        calls = tuple(_piece(call) for call in choice.delta.tool_calls or ())
        if self._call is not None:
            text, calls = "", self._call.take(text)
        if not (text or thinking or told or calls):
            return None
        return Chunk(text=text, thinking=thinking, logprobs=token_chances(told), tool_calls=calls)


def _piece(call: _Call) -> ToolCallDelta:
    return ToolCallDelta(call.index, call.id or "", call.function.name or "", call.function.arguments or "")


def _usage(counts: _Counts) -> Usage:
    details = counts.prompt_tokens_details
    return Usage(
        input_tokens=counts.prompt_tokens,
        cached_tokens=details.cached_tokens if details else None,
        output_tokens=counts.completion_tokens,
    )


class _Abilities(Struct):
    supports_tools: bool = False


class _Properties(Struct):
    chat_template_caps: _Abilities = msgspec.field(default_factory=_Abilities)


def parse_has_tools(body: bytes) -> bool:
    """Return whether a model's template knows tools, of what its server tells of itself.

    Args:
        body: The answer to ``/props``.
    """
    try:
        return msgspec.json.decode(body, type=_Properties).chat_template_caps.supports_tools
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class _Refusal(Struct):
    error: _Fault


def parse_error(status: int, body: bytes) -> CallError:
    """Return the error that an HTTP answer other than 200 stands for.

    Args:
        status: The HTTP status.
        body: The answer's body, JSON or not.
    """
    try:
        fault = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        fault = _Fault(message=body[:200].decode(errors="replace"))
    fault.code = status
    return _error(fault)


def is_of_grammar(error: CallError) -> bool:
    """Return whether a request was refused because its schema cannot be made a grammar."""
    return isinstance(error, RefusedError) and any(word in str(error) for word in ("schema", "grammar", "parser"))


def _error(fault: _Fault) -> CallError:
    text = f"the embedded model: {fault.message or 'no reason given'} ({fault.code})"
    if fault.type == "exceed_context_size_error":
        return ContextTooLongError(text)
    if fault.code in {401, 403}:
        return AuthError(text)
    return ServerError(text) if fault.code >= 500 else RefusedError(text)
