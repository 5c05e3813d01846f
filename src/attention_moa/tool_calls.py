"""Pieces of tool calls as models stream them -> whole calls: ids given where none came, no half characters. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from attention_moa.messages import ToolCall, ToolCallDelta, ToolUse, whole_characters

_ID_DIGITS = 24


class ToolCallJoiner:
    """Puts the pieces of one reply's tool calls together, and says how they are to be handed on.

    The pieces that it hands on, joined by index, are exactly the calls that it gives at the end.

    Args:
        seed: Unique for the call that the reply belongs to: ids that an endpoint leaves out are made from it.
    """

    def __init__(self, seed: str) -> None:
        """Start without a piece."""
        self._seed = seed
        self._parts: dict[int, _Parts] = {}

    def add(self, pieces: Iterable[ToolCallDelta]) -> tuple[ToolCallDelta, ...]:
        """Return the pieces as they may be handed on; the first one of each call has an id.

        Args:
            pieces: As they came.
        """
        return tuple(self._add(piece) for piece in pieces)

    def end(self) -> tuple[ToolCallDelta, ...]:
        """Return what is to be handed on when the reply is whole: a call without arguments has an empty object of them.

        Source: ours; clients parse the arguments of every call.
        """
        last = tuple(ToolCallDelta(index, arguments=parts.rest()) for index, parts in self._parts.items())
        return tuple(self._add(piece) for piece in last if piece.arguments)

    def calls(self) -> tuple[ToolCall, ...]:
        """Return the calls so far, in the order of their indices."""
        return tuple(self._parts[index].call() for index in sorted(self._parts))

    def _add(self, piece: ToolCallDelta) -> ToolCallDelta:
        parts = self._parts.get(piece.index)
        call_id = ""
        if parts is None:
            call_id = whole_characters(piece.id) or self._made_id(piece.index)
            parts = self._parts[piece.index] = _Parts(call_id)
        name = whole_characters(piece.name)
        arguments = parts.whole(piece.arguments)
        parts.names.append(name)
        parts.arguments.append(arguments)
        return ToolCallDelta(piece.index, call_id, name, arguments)

    def _made_id(self, index: int) -> str:
        return f"call_{hashlib.sha256(f'{self._seed} {index}'.encode()).hexdigest()[:_ID_DIGITS]}"


class _Parts:
    """One call, so far."""

    def __init__(self, call_id: str) -> None:
        self._id = call_id
        self._half = ""
        self.names: list[str] = []
        self.arguments: list[str] = []

    def whole(self, arguments: str) -> str:
        """Return a piece without halves of characters; a half at its end waits for the next piece."""
        text = self._half + arguments
        self._half = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        return whole_characters(text.removesuffix(self._half) if self._half else text)

    def rest(self) -> str:
        """Return what the arguments lack where nothing more comes."""
        half, self._half = self._half, ""
        return whole_characters(half) or ("" if any(self.arguments) else "{}")

    def call(self) -> ToolCall:
        return ToolCall(self._id, "".join(self.names), "".join(self.arguments))


def notes_on_calls(calls: Sequence[ToolCall], tools: ToolUse) -> Iterator[str]:
    """Yield what is odd about a reply's tool calls, for the record: nothing of it is mended.

    Args:
        calls: The reply's.
        tools: What it was allowed and told to call.
    """
    known = {tool.name for tool in tools.tools}
    for call in calls:
        if call.name not in known:
            yield f"it calls {call.name!r}, which is no tool of the request"
        if not _is_object(call.arguments):
            yield f"the arguments of its call of {call.name!r} are no JSON object"
    if tools.choice == "required" and not calls:
        yield "it had to call a tool, and called none"
    if tools.only is not None and any(call.name != tools.only for call in calls):
        yield f"it had to call {tools.only!r}, and called another tool"
    if tools.is_parallel is False and len(calls) > 1:
        yield f"it was to make one tool call at a time, and made {len(calls)}"


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
