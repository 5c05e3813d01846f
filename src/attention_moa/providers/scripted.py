"""The shipped double: a provider that says what it is told to, for tests, dry runs and replays.

Examples:
    ``ScriptedProvider(["first reply", "second reply"])``, ``ScriptedProvider({"critique": "No.", "qwen": "Yes."})`` and
    ``ScriptedProvider(lambda request: f"{request.agent} at {request.stage}")``; ``ScriptedProvider(record)`` replays a
    recorded run call by call.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from msgspec import Struct

import attention_moa.errors
from attention_moa.errors import CallError, RefusedError
from attention_moa.messages import (
    CallRequest,
    Chunk,
    FinishReason,
    Reply,
    TokenChances,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from attention_moa.records import CallRecord, RunRecord


class Line(Struct, frozen=True, kw_only=True):
    """One scripted reply in every detail.

    Args:
        text: What is said; a sequence is said piece by piece.
        thinking: Thought before the text.
        finish_reason: None ends the stream without a word, as a cut connection does.
        usage: Tokens that are reported; None reports none.
        logprobs: How likely the tokens were, told with the end; whatever the request asks for.
        first_token_s: Seconds before the first piece.
        piece_s: Seconds before each further piece.
        error: Raised after the text; with an empty text, at once.
        tool_calls: Tools that are called after the text.
        call_pieces: Into how many pieces the arguments of each call are streamed.
    """

    text: str | Sequence[str] = ""
    thinking: str = ""
    finish_reason: FinishReason | None = "stop"
    usage: Usage | None = None
    logprobs: tuple[TokenChances, ...] = ()
    first_token_s: float = 0.0
    piece_s: float = 0.0
    error: Exception | None = None
    tool_calls: Sequence[ToolCall] = ()
    call_pieces: int = 1


class _Play(NamedTuple):
    """A line as it is played.

    Args:
        steps: Each chunk with the seconds before it.
        error: Raised at the end.
        error_s: Seconds before that.
    """

    steps: Sequence[tuple[float, Chunk]]
    error: Exception | None = None
    error_s: float = 0.0


Said: TypeAlias = str | Reply | Line | Exception | Sequence[Chunk]
"""What a script may hold: a text, a reply, a line in every detail, an error to raise, or the very chunks."""

_Playable: TypeAlias = Sequence[Said] | Mapping[str, Said] | Callable[[CallRequest], Said | Awaitable[Said]]

Script: TypeAlias = _Playable | RunRecord


class ScriptedProvider:
    """A provider that follows a script.

    ``requests`` holds every request that came, ``open_streams`` how many replies are under way: 0 when all is over.

    Args:
        script: A sequence is said in its order. A mapping is looked up by call id (``1.critique.qwen.gemma``), then
            ``stage.agent``, then agent, then stage. A function, plain or async, is asked. A record is replayed: its
            calls by call id, its losses as the errors that they were.
        pieces: Into how many pieces a text is streamed, and the arguments of a tool call.
        first_token_s: Seconds before the first piece, where a line does not say.
        piece_s: Seconds before each further piece, where a line does not say.
        usage: Tokens that are reported where the script does not say.
        sleep: Waits; a test may put a fake clock here.
    """

    def __init__(
        self,
        script: Script,
        *,
        pieces: int = 1,
        first_token_s: float = 0.0,
        piece_s: float = 0.0,
        usage: Usage | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Keep the script; nothing was asked yet."""
        self._script: _Playable = (
            {call.call_id: _recorded(call) for call in script.calls} if isinstance(script, RunRecord) else script
        )
        self._pieces = pieces
        self._first_token_s = first_token_s
        self._piece_s = piece_s
        self._usage = usage
        self._sleep = sleep
        self.requests: list[CallRequest] = []
        self.open_streams = 0
        self.is_closed = False

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield what the script says to this request.

        Raises:
            RefusedError: The script has nothing (more) to say.
            CallError: The script says so.
        """
        self.requests.append(request)
        self.open_streams += 1
        try:
            play = self._play(await self._said(request, len(self.requests) - 1))
            for seconds, chunk in play.steps:
                await self._wait(seconds)
                yield chunk
            if play.error is not None:
                await self._wait(play.error_s)
                # Whoever catches an error of ours notes on it whose it is: the script's own must stay as it is.
                raise copy(play.error) if isinstance(play.error, CallError) else play.error
        finally:
            self.open_streams -= 1

    async def aclose(self) -> None:
        """Note that it was closed; idempotent."""
        self.is_closed = True

    def _play(self, said: Said) -> _Play:
        """Return what is said, chunk by chunk."""
        if isinstance(said, Line):
            return _played(said)
        if isinstance(said, Exception):
            return _played(Line(error=said, first_token_s=self._first_token_s))
        if isinstance(said, str):
            said = Reply(text=said, finish_reason="stop", usage=self._usage or Usage())
        if not isinstance(said, Reply):
            return _Play([(0.0, chunk) for chunk in said])
        line = Line(
            text=_cut(said.text, self._pieces),
            thinking=said.thinking,
            finish_reason=said.finish_reason,
            usage=said.usage,
            logprobs=said.logprobs,
            first_token_s=self._first_token_s,
            piece_s=self._piece_s,
            tool_calls=said.tool_calls,
            call_pieces=self._pieces,
        )
        return _played(line)

    async def _wait(self, seconds: float) -> None:
        """Wait, or at least let others have their turn, as any real call does."""
        await (self._sleep(seconds) if seconds > 0 else asyncio.sleep(0))

    async def _said(self, request: CallRequest, index: int) -> Said:
        script = self._script
        if callable(script):
            said = script(request)
            return await said if inspect.isawaitable(said) else said
        if not isinstance(script, Sequence):
            return _looked_up(script, request)
        if index >= len(script):
            raise RefusedError(f"the script has {len(script)} replies and no more")
        return script[index]


def _looked_up(script: Mapping[str, Said], request: CallRequest) -> Said:
    parts = (str(request.layer), request.stage.value, request.agent, request.peer)
    call_id = ".".join(part for part in parts if part is not None)
    for name in (call_id, f"{request.stage.value}.{request.agent}", request.agent, request.stage.value):
        if name in script:
            return script[name]
    raise RefusedError(f"the script has no reply for {call_id}")


def _recorded(call: CallRecord) -> Said:
    """Return what a recorded call gave: its reply, or the error that ended it, not to be tried again."""
    last = call.attempts[-1] if call.attempts else None
    usage = last.usage if last else None
    if call.text is not None:
        return Line(
            text=call.text,
            thinking=call.thinking,
            finish_reason=call.finish_reason,
            usage=usage,
            logprobs=call.logprobs,
            tool_calls=call.tool_calls,
        )
    found: object = getattr(attention_moa.errors, (last.error if last else None) or "", None)
    kind = found if isinstance(found, type) and issubclass(found, CallError) else RefusedError
    return kind(last.message if last and last.message else "the call was cut off", retryable=False)


def _played(line: Line) -> _Play:
    """Return a line's thinking, its text, its tool calls and its end."""
    pieces = [line.text] if isinstance(line.text, str) else line.text
    chunks = [Chunk(thinking=line.thinking)] if line.thinking else []
    chunks += [Chunk(text=piece) for piece in pieces if piece]
    chunks += [Chunk(tool_calls=(piece,)) for piece in _call_pieces(line)]
    steps = [(line.piece_s if index else line.first_token_s, chunk) for index, chunk in enumerate(chunks)]
    # The end comes with the last piece; where there is none, when the first would.
    end_s = 0.0 if chunks else line.first_token_s
    if line.error is not None:
        return _Play(steps, line.error, end_s)
    end = Chunk(finish_reason=line.finish_reason, usage=line.usage, logprobs=line.logprobs)
    return _Play([*steps, (end_s, end)])


def _call_pieces(line: Line) -> Iterator[ToolCallDelta]:
    """Yield the pieces of a line's tool calls: the first of each names it, all have a part of the arguments."""
    for index, call in enumerate(line.tool_calls):
        first, *others = _cut(call.arguments, line.call_pieces)
        yield ToolCallDelta(index, call.id, call.name, first)
        yield from (ToolCallDelta(index, arguments=part) for part in others if part)


def _cut(text: str, pieces: int) -> list[str]:
    """Return a text in so many pieces of about one length."""
    bounds = [len(text) * n // pieces for n in range(pieces + 1)]
    return [text[start:end] for start, end in pairwise(bounds)]
