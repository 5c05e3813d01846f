"""What goes to a model and what comes back: messages, requests, chunks, replies, usage.

All of these are frozen ``msgspec`` structs: cheap to make by the thousand, hashable where their parts are, and the
codec turns them into JSON and back without a line of its own.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from msgspec import Struct

_SURROGATE = re.compile("[\ud800-\udfff]")

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "tool_calls", "cut"]
"""Why a reply ended. ``cut`` is ours: we closed the stream because the rest was not wanted."""


class Stage(StrEnum):
    """The five stages of a layer, in their order (paper, section 3); then those that only baselines have.

    ``SELECT``: which answers go on. ``EXTRACT``: what a layer has that the one before had not. ``REPAIR`` comes behind
    the last layer, where an answer has not the form that it must have.
    """

    ANSWER = "answer"
    CRITIQUE = "critique"
    REFINE = "refine"
    SUMMARY = "summary"
    RESIDUAL = "residual"
    SELECT = "select"
    EXTRACT = "extract"
    REPAIR = "repair"


class TextPart(Struct, frozen=True, tag="text"):
    """A piece of text in a message."""

    text: str


class ImagePart(Struct, frozen=True, tag="image", kw_only=True):
    """An image in a message: its bytes, or an address that the loader still has to fetch.

    Args:
        media_type: The IANA type of ``data`` (``image/png``); empty while only ``url`` is known.
        data: The image's bytes; empty while only ``url`` is known.
        url: Where the image came from, or None.
    """

    media_type: str = ""
    data: bytes = b""
    url: str | None = None


Part: TypeAlias = TextPart | ImagePart


class ToolCall(Struct, frozen=True):
    """A call of a caller's tool that an assistant turn makes: kept and handed on, never executed here.

    Args:
        id: What the tool's result names as the call that it answers.
        name: The tool's.
        arguments: JSON as the model wrote it; that it parses is not sure.
    """

    id: str
    name: str
    arguments: str


class Message(Struct, frozen=True):
    """One turn of a conversation.

    Args:
        role: Who speaks.
        content: The parts in their order.
        name: The participant's name where the caller gave one.
        tool_calls: Tool calls of an assistant turn.
        tool_call_id: For role ``tool``: the call that this text answers.
    """

    role: Role
    content: tuple[Part, ...] = ()
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text parts joined by blank lines; images are left out."""
        return "\n\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def has_images(self) -> bool:
        """Whether any part is an image."""
        return any(isinstance(part, ImagePart) for part in self.content)


Conversation: TypeAlias = tuple[Message, ...]
"""All turns so far, the last one the user's query: the paper's ``x``."""


CONNECT_TIMEOUT_S = 10.0
"""Most seconds for a connection to open where nothing else is said."""


def whole_characters(text: str) -> str:
    """Return a text with halves of characters joined or, where the other half is missing, replaced.

    A JSON reply may hold surrogates, and a stream may cut a character in two. Such a text cannot be encoded: it could
    neither be sent on nor saved.

    Args:
        text: Any text.
    """
    if _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class ToolSpec(Struct, frozen=True, omit_defaults=True):
    """A tool that the caller has, as a model is told of it.

    Args:
        name: What calls name it by.
        description: What it does, for the model; empty where the caller says nothing.
        parameters: The JSON schema of its arguments; None for a tool without any.
        is_strict: Whether arguments must follow the schema exactly; None leaves that to the endpoint.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    is_strict: bool | None = None


class ToolUse(Struct, frozen=True, omit_defaults=True):
    """The tools that may be called, and whether any must be.

    Args:
        tools: In the caller's order.
        choice: ``auto`` leaves it to the model; ``none``: they are known and not called; ``required``: at least one is.
        only: With ``required``: the name of the tool that must be called; None for any.
        is_parallel: Whether one reply may make several calls; None leaves that to the endpoint.
    """

    tools: tuple[ToolSpec, ...]
    choice: Literal["auto", "none", "required"] = "auto"
    only: str | None = None
    is_parallel: bool | None = None


class ReplyFormat(Struct, frozen=True, omit_defaults=True):
    """What form a reply must have.

    Args:
        kind: ``json_object`` for any JSON object, ``json_schema`` for JSON that follows ``schema``.
        name: The schema's; empty where the caller gives none.
        description: What it is for; empty where the caller says nothing.
        schema: The JSON schema; None with ``json_object``.
        is_strict: Whether the endpoint should make sure of it while it writes; None leaves that to the endpoint.
    """

    kind: Literal["json_object", "json_schema"]
    name: str = ""
    description: str = ""
    schema: dict[str, Any] | None = None
    is_strict: bool | None = None


class ToolCallDelta(Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call as it arrives; it goes on from the last piece of the same index.

    Args:
        index: Which call of the reply, from 0.
        id: The call's id; empty in pieces that go on.
        name: The tool's name, or its next part; empty in most pieces that go on.
        arguments: The next part of the arguments' JSON.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


def system(text: str) -> Message:
    """Return a system turn of one text."""
    return Message("system", (TextPart(text),))


def user(text: str) -> Message:
    """Return a user turn of one text."""
    return Message("user", (TextPart(text),))


def assistant(text: str) -> Message:
    """Return an assistant turn of one text."""
    return Message("assistant", (TextPart(text),))


class Sampling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a reply is drawn. None means: not sent, the endpoint's own default holds.

    Args:
        temperature: From 0 up.
        top_p: Nucleus mass, 0 to 1.
        max_tokens: Most tokens of a reply.
        seed: For endpoints that draw reproducibly.
        stop: Texts that end a reply.
        presence_penalty: As the OpenAI API has it, -2 to 2.
        frequency_penalty: As the OpenAI API has it, -2 to 2.
        thinking: True or False switches a model's thinking on or off where it can be switched; ``low``, ``medium`` or
            ``high`` set its effort.
        top_logprobs: How many of the likeliest tokens to tell in each place of the reply, with their log-probabilities.
        extra_body: Fields that go into the request's body as they are.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    thinking: bool | Literal["low", "medium", "high"] | None = None
    top_logprobs: int | None = None
    extra_body: dict[str, Any] | None = None


class CallRequest(Struct, frozen=True, kw_only=True):
    """One request to one model, complete: a provider needs nothing else.

    Args:
        agent: Name of the agent that speaks; providers with slots pin it to one.
        model: ``provider:model`` as in the ensemble.
        messages: The prompt.
        sampling: How the reply is drawn.
        stage: What the call is for.
        layer: From 1.
        peer: The author whose answer is criticised, for stage critique; None elsewhere and for panel calls.
        shared_messages: How many of the first messages later calls of this agent will begin with again: a provider with
            explicit cache points sets one there. 0 where nothing is shared.
        connect_timeout_s: Most seconds for a connection to open.
        is_streamed: Whether to ask the endpoint for a stream.
        tools: The caller's tools, for a call that may call them; None for a call that knows of none.
        reply_format: The form that the reply must have; None for any text.
    """

    agent: str
    model: str
    messages: Conversation
    sampling: Sampling
    stage: Stage
    layer: int = 1
    peer: str | None = None
    shared_messages: int = 0
    connect_timeout_s: float = CONNECT_TIMEOUT_S
    is_streamed: bool = True
    tools: ToolUse | None = None
    reply_format: ReplyFormat | None = None


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one call as the endpoint counted them. None means: it did not say, and stays unknown.

    Args:
        input_tokens: All prompt tokens, cached ones included.
        cached_tokens: Prompt tokens that came out of a cache.
        cache_write_tokens: Prompt tokens that were written to a cache at a price of their own.
        output_tokens: All generated tokens, reasoning included.
        reasoning_tokens: Generated tokens that are thinking, not text.
    """

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None


class TokenChances(Struct, frozen=True):
    """How likely the tokens were in one place of a reply.

    Args:
        token: The one that was drawn.
        logprob: Its natural logarithm of probability, 0 at most; ``LEAST_LOGPROB`` where the endpoint gives no number.
        top: The likeliest tokens there, each with its log-probability, the likeliest first.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


LEAST_LOGPROB = -9999.0
"""What OpenAI's API tells of a token that is next to impossible; JSON has no minus infinity."""


class RateHint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an endpoint says is left of its limits; None where it does not say.

    Args:
        remaining_requests: Requests that may be sent before the reset.
        remaining_tokens: Tokens that may be used before the reset.
        reset_s: Seconds until what is used up is there again; where nothing is used up, until all of it is.
    """

    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_s: float | None = None

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left of the one or the other."""
        return 0 in {self.remaining_requests, self.remaining_tokens}


class Chunk(Struct, frozen=True, kw_only=True):
    """A piece of a reply as it arrives. The last chunk of a whole reply carries ``finish_reason``.

    A stream that ends without any ``finish_reason`` was cut by the other side and is an error.

    Args:
        text: Text that goes on from the last chunk's.
        thinking: Thinking that goes on from the last chunk's.
        finish_reason: Why the reply ended; None while it goes on.
        usage: Tokens of the whole call; None while unknown.
        model: The model that the endpoint says it used.
        notes: What the provider had to change in the request, for the record.
        rate: What the endpoint says is left of its limits; None where it does not say.
        logprobs: How likely the tokens were, place by place; goes on from the last chunk's.
        tool_calls: Pieces of tool calls; each goes on from the last piece of its index.
    """

    text: str = ""
    thinking: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    notes: tuple[str, ...] = ()
    rate: RateHint | None = None
    logprobs: tuple[TokenChances, ...] = ()
    tool_calls: tuple[ToolCallDelta, ...] = ()


class Reply(Struct, frozen=True, kw_only=True):
    """A whole, usable reply.

    Args:
        text: What the model says, thinking taken out; empty only where it calls tools.
        finish_reason: Why it ended; ``length`` means that the text is truncated, and is shown.
        usage: Tokens of the call.
        thinking: The model's thinking, kept apart; empty where there is none.
        model: The model that the endpoint says it used; None where it does not say.
        notes: What was changed or found on the way, for the record.
        logprobs: How likely its tokens were, place by place; empty unless asked for and told.
        tool_calls: The tools that it calls, in the model's order.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage = Usage()
    thinking: str = ""
    model: str | None = None
    notes: tuple[str, ...] = ()
    logprobs: tuple[TokenChances, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def is_truncated(self) -> bool:
        """Whether the reply hit its token limit."""
        return self.finish_reason == "length"
