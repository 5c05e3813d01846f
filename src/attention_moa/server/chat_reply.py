"""What ``POST /v1/chat/completions`` gives: the objects of OpenAI's API, with ``attention_moa`` beside them.

Source: OpenAI's API, as its official clients read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from attention_moa.messages import FinishReason, ToolCall
from attention_moa.records import Choice, RunRecord
from attention_moa.server.usage import RunBody, UsageBody

Finish: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class Head(Struct, frozen=True):
    """What all documents of one completion begin with."""

    id: str
    created: int
    model: str
    fingerprint: str


class CalledFunction(Struct, frozen=True):
    """Which tool is called with what."""

    name: str
    arguments: str


class CalledTool(Struct, frozen=True, kw_only=True):
    """A tool call."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class AnswerMessage(Struct, frozen=True, kw_only=True):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    annotations: tuple[Any, ...] = ()
    tool_calls: tuple[CalledTool, ...] | UnsetType = UNSET


class AnswerChoice(Struct, frozen=True, kw_only=True):
    """One of the answers."""

    index: int
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Finish


class Completion(Struct, frozen=True, kw_only=True):
    """The response without a stream."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[AnswerChoice, ...]
    usage: UsageBody
    system_fingerprint: str
    attention_moa: RunBody


class FunctionDelta(Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call's function."""

    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET


class ToolDelta(Struct, frozen=True, kw_only=True):
    """A piece of a tool call; it goes on from the last of the same index."""

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: FunctionDelta


class Delta(Struct, frozen=True, kw_only=True):
    """A piece of an answer."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType | None = UNSET
    reasoning_content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET
    tool_calls: tuple[ToolDelta, ...] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """A piece of one of the answers."""

    index: int
    delta: Delta
    logprobs: None = None
    finish_reason: Finish | None = None


class CompletionChunk(Struct, frozen=True, kw_only=True):
    """One message of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: tuple[ChunkChoice, ...]
    usage: UsageBody | UnsetType | None = UNSET
    attention_moa: RunBody | UnsetType = UNSET


class Final(Struct, frozen=True):
    """An answer as it stands at a run's end.

    Args:
        index: Which of the answers, from 0.
        text: May be empty where tools are called.
        finish: Why it ended.
        tool_calls: The tools that it calls.
    """

    index: int
    text: str
    finish: Finish
    tool_calls: tuple[ToolCall, ...]


def finals_of(records: Mapping[int, RunRecord], each: int) -> Iterator[Final]:
    """Yield the answers of some runs; one that was lost is left out, the run's losses say so.

    Args:
        records: The runs, by their numbers; several are whole runs of one request.
        each: How many answers each run was to write.
    """
    for number, record in records.items():
        yield Final(
            number * each,
            record.text or "",
            _finish(record.finish_reason, is_truncated=record.is_truncated),
            record.tool_calls,
        )
        for index, choice in enumerate(record.choices, number * each + 1):
            if isinstance(choice, Choice):
                yield Final(index, choice.text, _finish(choice.finish_reason), choice.tool_calls)


def completion_of(head: Head, finals: Sequence[Final], *, usage: UsageBody, run: RunBody) -> Completion:
    """Return the response of a request without a stream.

    Args:
        head: What it begins with.
        finals: The answers.
        usage: Tokens of all calls.
        run: What happened.
    """
    return Completion(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=tuple(map(_choice, finals)),
        usage=usage,
        system_fingerprint=head.fingerprint,
        attention_moa=run,
    )


def _choice(final: Final) -> AnswerChoice:
    calls = tuple(
        CalledTool(id=call.id, function=CalledFunction(call.name, call.arguments)) for call in final.tool_calls
    )
    message = AnswerMessage(content=final.text or (None if calls else ""), tool_calls=calls or UNSET)
    return AnswerChoice(index=final.index, message=message, finish_reason=final.finish)


def _finish(reason: FinishReason | None, *, is_truncated: bool = False) -> Finish:
    """Return why an answer ended in the API's words; what we cut, or what stands in, ended as it should."""
    if reason is None or reason == "cut":
        return "length" if is_truncated else "stop"
    return reason
