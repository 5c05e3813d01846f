"""What observers were told of a run's answers, put together as a client does it."""

from __future__ import annotations

from collections.abc import Iterable

from attention_moa.events import AnswerDelta, AnswerReset, Event
from attention_moa.messages import ToolCall, ToolCallDelta


def told(events: Iterable[Event], choice: int = 0) -> str:
    """Return the text that a client has of an answer in the end."""
    return "".join(pieces(events, choice))


def pieces(events: Iterable[Event], choice: int = 0) -> list[str]:
    """Return the pieces of text that a client has of an answer in the end."""
    return [event.text for event in _standing(events, choice)]


def calls(events: Iterable[Event], choice: int = 0) -> tuple[ToolCall, ...]:
    """Return the tool calls that a client has of an answer in the end."""
    found: dict[int, list[ToolCallDelta]] = {}
    for event in _standing(events, choice):
        for piece in event.tool_calls:
            found.setdefault(piece.index, []).append(piece)
    return tuple(_call(parts) for _, parts in sorted(found.items()))


def resets(events: Iterable[Event], choice: int = 0) -> list[str]:
    """Return why a client was told to forget what it had of an answer, each time."""
    return [event.message for event in events if isinstance(event, AnswerReset) and event.choice == choice]


def _standing(events: Iterable[Event], choice: int) -> list[AnswerDelta]:
    deltas: list[AnswerDelta] = []
    for event in events:
        if isinstance(event, AnswerDelta) and event.choice == choice:
            assert event.text or event.tool_calls, "a piece with nothing in it"
            deltas.append(event)
        elif isinstance(event, AnswerReset) and event.choice == choice:
            assert deltas, "there was nothing to forget"
            deltas.clear()
    return deltas


def _call(parts: list[ToolCallDelta]) -> ToolCall:
    return ToolCall(parts[0].id, "".join(part.name for part in parts), "".join(part.arguments for part in parts))
