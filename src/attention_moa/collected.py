"""What one call asks of an agent, and what one attempt of it brings: its pieces, put together and told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from attention_moa.accounting import is_plausible
from attention_moa.agents import AgentSpec
from attention_moa.events import CallDelta, CallFirstToken
from attention_moa.messages import (
    CallRequest,
    Chunk,
    FinishReason,
    RateHint,
    Reply,
    Stage,
    TokenChances,
    ToolCallDelta,
    Usage,
    whole_characters,
)
from attention_moa.prompts import Render
from attention_moa.replies import require_usable
from attention_moa.run_log import RunLog
from attention_moa.tool_calls import ToolCallJoiner, notes_on_calls


def name_of(layer: int, stage: Stage, agent: str, peer: str | None = None) -> str:
    """Return a call's name, equal in every run of the ensemble: ``1.critique.qwen.gemma``."""
    return ".".join(part for part in (str(layer), stage.value, agent, peer) if part is not None)


class Ask(Struct, frozen=True, kw_only=True):
    """What is asked of an agent.

    Args:
        agent: Who.
        stage: What for.
        layer: From 1.
        render: The prompt at a given length of quotes.
        reads: The calls whose texts the prompt holds.
        peer: The author, for a pairwise critique.
        is_over: Told the text so far; True closes the stream, since the rest is not wanted.
    """

    agent: AgentSpec
    stage: Stage
    layer: int
    render: Render
    reads: tuple[str, ...] = ()
    peer: str | None = None
    is_over: Callable[[str], bool] | None = None

    @property
    def call_id(self) -> str:
        """The call's name, equal in every run of the ensemble."""
        return name_of(self.layer, self.stage, self.agent.name, self.peer)


def about_call(log: RunLog, ask: Ask) -> dict[str, Any]:
    """Return the fields that all events of a call have."""
    return {
        "run_id": log.run_id,
        "at_s": log.seconds(),
        "call_id": ask.call_id,
        "stage": ask.stage,
        "layer": ask.layer,
        "agent": ask.agent.name,
        "peer": ask.peer,
    }


class Collected:
    """The chunks of one attempt, put together, and the events that they make."""

    def __init__(self, log: RunLog, request: CallRequest, ask: Ask, *, tags: Sequence[str], waited_s: float) -> None:
        """Start empty, now; ``tags`` are the words that fence quoted text in the prompt."""
        self.waited_s = waited_s
        self._tools = request.tools if request.tools is not None and request.tools.choice != "none" else None
        self._joiner = ToolCallJoiner(f"{log.run_id} {ask.call_id}")
        self._has_stray_calls = False
        self._log = log
        self._ask = ask
        self._tags = tags
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._notes: list[str] = []
        self._logprobs: list[TokenChances] = []
        self._model: str | None = None
        self.started_s = log.seconds()
        self.first_token_s: float | None = None
        self.rate: RateHint | None = None
        self.error: str | None = None
        self.finish_reason: FinishReason | None = None
        self.usage = Usage()

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._texts)

    def add(self, chunk: Chunk) -> bool:
        """Put a chunk down; return whether it holds the first token."""
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.usage = chunk.usage or self.usage
        self._model = chunk.model or self._model
        self.rate = chunk.rate or self.rate
        self._notes.extend(chunk.notes)
        self._logprobs.extend(chunk.logprobs)
        pieces = self._called(chunk)
        if not (chunk.text or chunk.thinking or pieces):
            return False
        self._texts.append(chunk.text)
        self._thoughts.append(chunk.thinking)
        is_first = self.first_token_s is None
        if is_first:
            self.first_token_s = self._log.seconds()
            self._log.tell(CallFirstToken(**about_call(self._log, self._ask)))
        if self._log.has_deltas:
            text, thinking = whole_characters(chunk.text), whole_characters(chunk.thinking)
            self._log.tell(
                CallDelta(**about_call(self._log, self._ask), text=text, thinking=thinking, tool_calls=pieces)
            )
        return is_first

    def _called(self, chunk: Chunk) -> tuple[ToolCallDelta, ...]:
        """Put a chunk's pieces of tool calls down, and return them as they are handed on; none where none may come."""
        if self._tools is None:
            self._has_stray_calls = self._has_stray_calls or bool(chunk.tool_calls)
            return ()
        pieces = self._joiner.add(chunk.tool_calls)
        return pieces if chunk.finish_reason is None else (*pieces, *self._joiner.end())

    def require_plausible(self, request: CallRequest) -> None:
        """Take token counts that cannot be true of a request for unknown, with a note."""
        usage, more = self.usage, [part for part in (request.tools, request.reply_format) if part is not None]
        more_bytes = len(msgspec.json.encode(more))
        if not is_plausible(usage, request.messages, request.sampling.max_tokens, more_bytes=more_bytes):
            told = f"{usage.input_tokens or 0:,} prompt and {usage.output_tokens or 0:,} written tokens"
            self._notes.append(f"the endpoint told {told}, which cannot be: they count as unknown")
            self.usage = Usage()

    def reply(self) -> Reply:
        """Return the usable reply, without its prompt's fence marks; raise ``BadReplyError`` where there is none."""
        calls = self._joiner.calls()
        thoughts = "".join(self._thoughts)
        text, thinking = require_usable(self.text, thoughts, self.finish_reason, self._tags, has_calls=bool(calls))
        if self._tools is not None:
            self._notes.extend(notes_on_calls(calls, self._tools))
        if self._has_stray_calls:
            self._notes.append("it called tools where it had none to call: the calls were left out")
        if self._ask.agent.top_logprobs is not None and not self._logprobs:
            self._notes.append("log-probabilities were asked for, and none came")
        return Reply(
            text=text,
            thinking=thinking,
            finish_reason=_why_ended(self.finish_reason, has_calls=bool(calls)),
            usage=self.usage,
            model=self._model,
            notes=tuple(self._notes),
            logprobs=tuple(self._logprobs),
            tool_calls=calls,
        )


def _why_ended(said: FinishReason | None, *, has_calls: bool) -> FinishReason:
    """Return a reply's reason as its calls have it: endpoints say ``stop`` where a certain tool had to be called."""
    if has_calls and said == "stop":
        return "tool_calls"
    return "stop" if said is None or (said == "tool_calls" and not has_calls) else said
