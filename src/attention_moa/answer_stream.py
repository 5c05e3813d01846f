"""What observers are told of an answer while it is written, and that it is in the end exactly the answer.

Several attempts may write one answer, one after the other or two side by side; one of them leads and is told. Where it
breaks off, another goes on from what was told if it says the same so far, else what was told is taken back first. When
the answer is known, what is still missing of it is told; where it is another text, that is told anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from attention_moa.messages import ToolCall, ToolCallDelta


class Tell(NamedTuple):
    """How observers are told: of a piece of the answer, and that what they were told does not stand, and why."""

    piece: Callable[[str, tuple[ToolCallDelta, ...]], None]
    reset: Callable[[str], None]


class AnswerStream:
    """One answer as it is told.

    Args:
        tell: How.
    """

    def __init__(self, tell: Tell) -> None:
        """Start with nothing told."""
        self._tell = tell
        self._texts: list[str] = []
        self._calls: dict[int, list[ToolCallDelta]] = {}
        self._leader: Telling | None = None
        self._so_far = ""
        self._why = ""

    def attempt(self) -> Telling:
        """Return the place where an attempt to write the answer says what is sure of it."""
        return Telling(self)

    def settle(self, text: str, calls: Sequence[ToolCall], *, why: str) -> None:
        """Tell what is missing of the answer, now that it is known; or all of it, where something else was told.

        Args:
            text: The answer's.
            calls: The answer's tool calls.
            why: Why it is another one, where it is; an attempt that broke off says so itself.
        """
        rest = self._rest_of(calls)
        if rest is None or not text.startswith("".join(self._texts)):
            self.drop(self._why or why)
            rest = _as_pieces(enumerate(calls))
        self._say(text[sum(map(len, self._texts)) :], rest)
        self._leader = None

    def drop(self, why: str) -> None:
        """Tell that what was told does not stand; nothing where nothing was told."""
        if self._texts or self._calls:
            self._texts, self._calls = [], {}
            self._tell.reset(why)

    def hear(self, attempt: Telling, text: str, pieces: tuple[ToolCallDelta, ...]) -> None:
        """Tell what an attempt says where it leads; one that nobody leads may take over.

        Args:
            attempt: Who says it; it holds all that it has said.
            text: What it says now.
            pieces: The pieces of tool calls that it says now.
        """
        if self._leader is None:
            self._follow(attempt)
        elif self._leader is attempt:
            self._say(text, pieces)

    def broke(self, attempt: Telling, why: str) -> None:
        """Take it that an attempt says no more and gave no answer; what was told stands until another text comes."""
        if self._leader is attempt:
            self.release(why)

    def release(self, why: str) -> None:
        """Let another attempt lead: whatever was told, its writer gave no answer.

        Args:
            why: In one line.
        """
        if self._leader is not None:
            self._leader, self._so_far, self._why = None, "".join(self._texts), why

    def _follow(self, attempt: Telling) -> None:
        """Let an attempt lead as soon as it says more than was told, or something else."""
        if not self._calls and attempt.agrees_with(self._so_far):
            if attempt.compared < len(self._so_far):
                return
        else:
            self.drop(self._why)
            attempt.compared = 0
        done = attempt.compared
        self._leader, self._so_far, self._why = attempt, "", ""
        self._say(attempt.said[done:], attempt.pieces)

    def _say(self, text: str, pieces: tuple[ToolCallDelta, ...]) -> None:
        if not text and not pieces:
            return
        if text:
            self._texts.append(text)
        for piece in pieces:
            self._calls.setdefault(piece.index, []).append(piece)
        self._tell.piece(text, pieces)

    def _rest_of(self, calls: Sequence[ToolCall]) -> tuple[ToolCallDelta, ...] | None:
        """Return what was not told of tool calls; None where other calls were told."""
        told = [(index, _joined(pieces)) for index, pieces in sorted(self._calls.items())]
        if len(told) > len(calls):
            return None
        rest: list[ToolCallDelta] = []
        for (index, so_far), call in zip(told, calls, strict=False):
            is_same = (so_far.id, so_far.name) == (call.id, call.name) and call.arguments.startswith(so_far.arguments)
            if not is_same:
                return None
            rest.append(ToolCallDelta(index, arguments=call.arguments[len(so_far.arguments) :]))
        first = told[-1][0] + 1 if told else 0
        more = _as_pieces(enumerate(calls[len(told) :], first))
        return (*(piece for piece in rest if piece.arguments), *more)


class Telling:
    """One attempt at an answer.

    Args:
        stream: The answer.
    """

    def __init__(self, stream: AnswerStream) -> None:
        """Start with nothing said."""
        self._stream = stream
        self._texts: list[str] = []
        self._pieces: list[ToolCallDelta] = []
        self._length = 0
        self._told: str | None = None
        self.compared = 0

    @property
    def said(self) -> str:
        """All that it has said."""
        return "".join(self._texts)

    @property
    def pieces(self) -> tuple[ToolCallDelta, ...]:
        """All pieces of tool calls that it has said."""
        return tuple(self._pieces)

    def add(self, text: str, pieces: tuple[ToolCallDelta, ...]) -> None:
        """Say what is sure now; nothing is told twice."""
        if text or pieces:
            self._texts.append(text)
            self._pieces.extend(pieces)
            self._length += len(text)
            self._stream.hear(self, text, pieces)

    def broke(self, why: str) -> None:
        """Say no more: the attempt failed.

        Args:
            why: In one line.
        """
        self._stream.broke(self, why)

    def agrees_with(self, told: str) -> bool:
        """Return whether all that was said goes along with a text; what agreed before is not compared again."""
        if told is not self._told:
            self._told, self.compared = told, 0
        end = min(self._length, len(told))
        if self.compared < end:
            new = self._said_from(self.compared)[: end - self.compared]
            if new != told[self.compared : end]:
                return False
            self.compared = end
        return True

    def _said_from(self, start: int) -> str:
        """Return what was said from a place on, mostly the last piece."""
        return self._texts[-1] if self._length - len(self._texts[-1]) == start else self.said[start:]


def _joined(pieces: Sequence[ToolCallDelta]) -> ToolCall:
    call_id, name, arguments = (
        "".join(getattr(piece, part) for piece in pieces) for part in ("id", "name", "arguments")
    )
    return ToolCall(call_id, name, arguments)


def _as_pieces(calls: Iterable[tuple[int, ToolCall]]) -> tuple[ToolCallDelta, ...]:
    return tuple(ToolCallDelta(index, call.id, call.name, call.arguments) for index, call in calls)
