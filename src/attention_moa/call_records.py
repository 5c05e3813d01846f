"""What each call of a run leaves behind: prompt, reply, attempts, and what it cost."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.messages import (
    Conversation,
    FinishReason,
    ReplyFormat,
    Sampling,
    Stage,
    TokenChances,
    ToolCall,
    ToolUse,
    Usage,
)

CallState: TypeAlias = Literal["finished", "lost", "cancelled"]


class UsageTotal(Struct, frozen=True, kw_only=True):
    """Tokens of many calls. Counts add up what is known; ``unknown_calls`` says how many calls told nothing.

    Args:
        calls: Attempts that were sent, failed ones included.
        unknown_calls: Those of them whose tokens are not known: the sums are then a lower bound.
        input_tokens: Prompt tokens, cached ones included.
        cached_tokens: Prompt tokens out of a cache.
        cache_write_tokens: Prompt tokens written to a cache.
        output_tokens: Generated tokens, reasoning included.
        reasoning_tokens: Generated tokens that are thinking.
        cost_usd: What the attempts cost whose price is known.
        unpriced_calls: Attempts whose cost is not known: the cost is then a lower bound.
    """

    calls: int = 0
    unknown_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0


class Attempt(Struct, frozen=True, kw_only=True):
    """One try of a call.

    Args:
        started_s: Seconds from the run's start.
        ended_s: Seconds from the run's start.
        first_token_s: Seconds from the run's start; None where no token came.
        error: The error's class name; None for the try that gave the reply.
        message: The error's text.
        usage: Tokens of this try.
        cost_usd: What it cost; None where that is not known.
        waited_s: Seconds that it waited for its turn (concurrency, rates, a pause) before it started.
    """

    started_s: float
    ended_s: float
    first_token_s: float | None = None
    error: str | None = None
    message: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    waited_s: float = 0.0


class CallRecord(Struct, frozen=True, kw_only=True):
    """One call, whole: the prompt as it was sent, the reply, the attempts, the times.

    Args:
        call_id: Unique in the run, and equal in every run of the ensemble: ``1.critique.qwen.gemma``.
        stage: What it was for.
        layer: From 1.
        agent: Who spoke.
        peer: The author, for a pairwise critique.
        model: ``provider:model``.
        sampling: As sent.
        messages: The prompt, as sent.
        state: How it ended.
        reads: The calls whose texts the prompt holds: the edges of the dataflow.
        queued_s: Seconds from the run's start when its inputs were there.
        ended_s: Seconds from the run's start.
        attempts: All tries, in order.
        text: The reply; None where there is none.
        thinking: The model's thinking.
        finish_reason: Why the reply ended.
        reply_model: The model that the endpoint says it used.
        notes: What was adapted, trimmed or found.
        fingerprint: The key of everything that shaped the reply; None where nothing was ready to be sent.
        error: Why a lost call failed: the error's class name.
        message: The error's text.
        replayed_from: The run whose journal the reply came from; None for a call that was sent.
        logprobs: How likely the reply's tokens were, place by place; empty unless asked for and told.
        tools: The caller's tools, as sent; None where none were.
        reply_format: The form that the reply had to have, as sent; None where any would do.
        tool_calls: The tools that the reply calls.
    """

    call_id: str
    stage: Stage
    layer: int
    agent: str
    model: str
    sampling: Sampling
    messages: Conversation
    state: CallState
    reads: tuple[str, ...]
    queued_s: float
    ended_s: float
    attempts: tuple[Attempt, ...]
    peer: str | None = None
    text: str | None = None
    thinking: str = ""
    finish_reason: FinishReason | None = None
    reply_model: str | None = None
    notes: tuple[str, ...] = ()
    fingerprint: str | None = None
    error: str | None = None
    message: str | None = None
    replayed_from: str | None = None
    logprobs: tuple[TokenChances, ...] = ()
    tools: ToolUse | None = None
    reply_format: ReplyFormat | None = None
    tool_calls: tuple[ToolCall, ...] = ()
