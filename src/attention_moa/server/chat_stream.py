"""A completion's stream: the events of its runs as the chunks that clients read. Pure.

What is sent cannot be taken back: where it turns out not to stand, the stream ends with an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from attention_moa.events import AnswerDelta, AnswerReset, Event
from attention_moa.messages import ToolCallDelta
from attention_moa.server.chat_reply import (
    ChunkChoice,
    CompletionChunk,
    Delta,
    Final,
    Finish,
    FunctionDelta,
    Head,
    ToolDelta,
)
from attention_moa.server.config import ProgressStyle
from attention_moa.server.errors import ApiError
from attention_moa.server.progress import progress_line
from attention_moa.server.sse import DONE, comment, data
from attention_moa.server.usage import RunBody, UsageBody


class _Told:
    """What was sent of one answer."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.has_calls = False

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def is_anything(self) -> bool:
        return self.has_calls or bool(self.pieces)


class ChatStream:
    """The chunks of one completion.

    Args:
        head: What each chunk begins with.
        choices: How many answers there are to be.
        progress: How the deliberation is shown.
        has_tools: Whether the answer may be tool calls alone.
        has_usage: Whether the last chunk tells the usage.
    """

    def __init__(self, head: Head, *, choices: int, progress: ProgressStyle, has_tools: bool, has_usage: bool) -> None:
        """Start with nothing sent."""
        self._head = head
        self._progress = progress
        self._has_tools = has_tools
        self._has_usage = has_usage
        self._told = [_Told() for _ in range(choices)]

    def begin(self) -> bytes:
        """Return the first bytes: a comment, so that there is something at once, and each answer's role."""
        role = Delta(role="assistant", content=None if self._has_tools else "", refusal=None)
        return comment(self._head.id) + b"".join(self._chunk(index, role) for index in range(len(self._told)))

    def of(self, event: Event, first: int) -> bytes:
        """Return the chunks of an event; nothing where it is not shown.

        Args:
            event: Of one of the runs.
            first: The index of that run's first answer.

        Raises:
            ApiError: What was sent of an answer does not stand.
        """
        if isinstance(event, AnswerDelta):
            return self._piece(first + event.choice, event.text, event.tool_calls)
        if isinstance(event, AnswerReset) and self._told[first + event.choice].is_anything:
            raise _broke_off(event.message, event.run_id)
        line = None if self._progress == "off" else progress_line(event)
        if line is None:
            return b""
        if self._progress == "comments":
            return comment(line)
        return self._chunk(first, Delta(reasoning_content=f"{line}\n"))

    def end(self, finals: Sequence[Final], *, usage: UsageBody, run: RunBody) -> bytes:
        """Return what is left of the answers, why each ended, what happened, the usage, and the end's mark.

        Args:
            finals: The answers as they stand.
            usage: Tokens of all calls.
            run: What happened.

        Raises:
            ApiError: What was sent of an answer is not how it stands.
        """
        rest = b"".join(self._rest(final, run.run_id) for final in finals)
        ends = [self._chunk(final.index, Delta(), finish=final.finish) for final in finals[:-1]]
        last = self._chunk(finals[-1].index, Delta(), finish=finals[-1].finish, run=run)
        counted = self._document((), usage=usage) if self._has_usage else b""
        return rest + b"".join(ends) + last + counted + DONE

    def _piece(self, index: int, text: str, calls: Sequence[ToolCallDelta]) -> bytes:
        told, sent = self._told[index], b""
        if text:
            told.pieces.append(text)
            sent = self._chunk(index, Delta(content=text))
        if calls:
            told.has_calls = True
            sent += self._chunk(index, Delta(tool_calls=tuple(map(_tool_delta, calls))))
        return sent

    def _rest(self, final: Final, run_id: str) -> bytes:
        """Return what was not sent of an answer; nothing where all of it was."""
        told = self._told[final.index]
        text = told.text
        if not final.text.startswith(text) or (told.has_calls and not final.tool_calls):
            raise _broke_off("another text stands in its place", run_id)
        calls = () if told.has_calls else tuple(_whole_calls(final))
        return self._piece(final.index, final.text[len(text) :], calls)

    def _chunk(self, index: int, delta: Delta, *, finish: Finish | None = None, run: RunBody | None = None) -> bytes:
        return self._document((ChunkChoice(index=index, delta=delta, finish_reason=finish),), run=run)

    def _document(
        self, choices: tuple[ChunkChoice, ...], *, usage: UsageBody | None = None, run: RunBody | None = None
    ) -> bytes:
        head = self._head
        chunk = CompletionChunk(
            id=head.id,
            created=head.created,
            model=head.model,
            system_fingerprint=head.fingerprint,
            choices=choices,
            usage=usage if self._has_usage else UNSET,
            attention_moa=UNSET if run is None else run,
        )
        return data(chunk)


def error_message(error: ApiError) -> bytes:
    """Return the message that ends a stream which cannot go on; official clients raise it."""
    content: Mapping[str, Any] = error.body
    return data(content)


def _broke_off(why: str, run_id: str) -> ApiError:
    message = f"the answer broke off: {why}. What was sent of it does not stand; GET /v1/runs/{run_id} has the answer"
    return ApiError(502, message, type="upstream_error", code="answer_broke_off", run_id=run_id)


def _whole_calls(final: Final) -> Iterator[ToolCallDelta]:
    for index, call in enumerate(final.tool_calls):
        yield ToolCallDelta(index, call.id, call.name, call.arguments)


def _tool_delta(piece: ToolCallDelta) -> ToolDelta:
    """Return a piece of a call; its first has the id, the kind and the name."""
    return ToolDelta(
        index=piece.index,
        id=piece.id or UNSET,
        type="function" if piece.id else UNSET,
        function=FunctionDelta(piece.name or UNSET, piece.arguments if piece.arguments or piece.id else UNSET),
    )
