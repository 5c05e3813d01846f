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
    ReplyFormat,
    Stage,
    TokenChances,
    ToolCallDelta,
    ToolUse,
    Usage,
    whole_characters,
)
from attention_moa.prompts import Render, beside_tokens
from attention_moa.replies import require_usable
from attention_moa.run_log import RunLog
from attention_moa.sure_text import SureText, closes_unopened
from attention_moa.tool_calls import ToolCallJoiner, notes_on_calls

_MOST_STOPS = 4
"""Of one request, as OpenAI's API has it; with more the stream is cut here alone."""

_ALLOWANCE = 200
"""Characters behind the end of the answer that are let pass before its stream is closed."""


def name_of(layer: int, stage: Stage, agent: str, peer: str | None = None) -> str:
    """Return a call's name, equal in every run of the ensemble: ``1.critique.qwen.gemma``."""
    return ".".join(part for part in (str(layer), stage.value, agent, peer) if part is not None)


class Final(Struct, frozen=True, kw_only=True):
    """What is known of a call that is sure to write an answer when it starts: what of its text will stand.

    Args:
        nonce: The secret word of its verdict lines; None for a reply without a verdict.
        stops: Texts that end the answer.
        most_tokens: Tokens at which the answer is cut here; None where its endpoint holds all of the limit.
        is_told: Whether the answer is told while it is written; one whose form is checked first is not.
    """

    nonce: str | None = None
    stops: tuple[str, ...] = ()
    most_tokens: int | None = None
    is_told: bool = True


class Ask(Struct, frozen=True, kw_only=True):
    """What is asked of an agent.

    Args:
        agent: Who.
        stage: What for.
        layer: From 1.
        render: The prompt at a given length of quotes.
        reads: The calls whose texts the prompt holds.
        peer: The author, for a pairwise critique.
        watch: Makes what is told the text of an attempt piece by piece; where it returns True the stream is closed,
            since the rest is not wanted.
        tools: The caller's tools, for a call that may call them.
        reply_format: The form that the reply must have; None for any text.
        choice: Which of several answers it is for, from 0.
        final: Set where the call is sure to write that answer.
        sends_stops: Whether the endpoint is told where the answer ends, where that can be, so that it ends by itself
            and tells what it used. What it writes on is cut here all the same.
    """

    agent: AgentSpec
    stage: Stage
    layer: int
    render: Render
    reads: tuple[str, ...] = ()
    peer: str | None = None
    watch: Callable[[], Callable[[str], bool]] | None = None
    tools: ToolUse | None = None
    reply_format: ReplyFormat | None = None
    choice: int = 0
    final: Final | None = None
    sends_stops: bool = True

    @property
    def sent_stops(self) -> tuple[str, ...]:
        """The texts that end the answer, where the endpoint is told them.

        It looks for them in all that it writes: not where thinking or a verdict line comes first.
        """
        if self.final is None or self.final.nonce is not None or not self.sends_stops or self.agent.thinking:
            return ()
        stops = self.final.stops
        return stops if len(stops) + len(self.agent.stop or ()) <= _MOST_STOPS else ()

    @property
    def call_id(self) -> str:
        """The call's name, equal in every run of the ensemble: ``3.residual.qwen``, for a second answer with ``#2``."""
        name = name_of(self.layer, self.stage, self.agent.name, self.peer)
        return f"{name}#{self.choice + 1}" if self.choice else name

    @property
    def beside(self) -> int:
        """Tokens of the model's window that tools and form take."""
        return beside_tokens(self.tools, self.reply_format, has_small_vocabulary=self.agent.has_small_vocabulary)

    @property
    def key_parts(self) -> dict[str, Any]:
        """What shapes what is kept of the reply beside the request: the answer's number, and the texts that end it."""
        stops = self.final.stops if self.final is not None else ()
        found = {"choice": self.choice, "stops": stops}
        return {name: part for name, part in found.items() if part}


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
        self._answer = None if ask.final is None else AnswerSide(log, ask, ask.final, tags)
        self._watch = None if ask.watch is None else ask.watch()
        self.is_over = False
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._told, self._listened = 0, log.listened
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
        if self._watch is not None and chunk.text:
            self.is_over = self._watch(chunk.text)
        is_first = self.first_token_s is None
        if is_first:
            self.first_token_s = self._log.seconds()
            self._log.tell(CallFirstToken(**about_call(self._log, self._ask)))
        if self._log.has_deltas is True:  # not where the answer's pieces are enough
            self._tell_pieces(pieces)
        if self._answer is not None:
            self._answer.add(chunk.text, pieces)
            self.is_over = self.is_over or self._answer.is_over
        return is_first

    def _tell_pieces(self, called: tuple[ToolCallDelta, ...]) -> None:
        """Tell what came since it was told last; whoever began to listen since then is told all of it."""
        if self._listened != self._log.listened:
            self._listened, self._told = self._log.listened, 0
        text, thinking = (whole_characters("".join(parts[self._told :])) for parts in (self._texts, self._thoughts))
        self._told = len(self._texts)
        self._log.tell(CallDelta(**about_call(self._log, self._ask), text=text, thinking=thinking, tool_calls=called))

    def broke(self, why: str) -> None:
        """Take it that the attempt gave no reply: what it has told of the answer may not stand."""
        if self._answer is not None:
            self._answer.broke(why)

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
        if closes_unopened(self.text):
            self._log.unopened.add(self._ask.agent.model)
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


class AnswerSide:
    """What an attempt that writes an answer tells of it, and where it is to end."""

    def __init__(self, log: RunLog, ask: Ask, final: Final, tags: Sequence[str]) -> None:
        """Start before the first piece; ``tags`` are the words that fence quoted text in the prompt."""
        is_unopened = ask.agent.model in log.unopened
        self._sure = SureText(
            tags=tags,
            nonce=final.nonce,
            stops=final.stops,
            most_tokens=final.most_tokens,
            is_unopened=is_unopened,
        )
        self._telling = log.answer(ask.choice).attempt() if log.has_deltas and final.is_told else None
        self._held: list[ToolCallDelta] = []

    @property
    def is_over(self) -> bool:
        """Whether the answer has ended and its writer still writes on; one that ends soon tells what it used."""
        return (self._sure.passed_stop or 0) > _ALLOWANCE

    def add(self, text: str, pieces: tuple[ToolCallDelta, ...]) -> None:
        """Tell what is sure of the answer now that the reply goes on so."""
        sure = self._sure.feed(text)
        self._held.extend(pieces)
        if self._telling is not None and self._sure.may_call:
            self._telling.add(sure, tuple(self._held))
            self._held.clear()

    def broke(self, why: str) -> None:
        """Say no more."""
        if self._telling is not None:
            self._telling.broke(why)


def _why_ended(said: FinishReason | None, *, has_calls: bool) -> FinishReason:
    """Return a reply's reason as its calls have it: endpoints say ``stop`` where a certain tool had to be called."""
    if has_calls and said == "stop":
        return "tool_calls"
    return "stop" if said is None or (said == "tool_calls" and not has_calls) else said
