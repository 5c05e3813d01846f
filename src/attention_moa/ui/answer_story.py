"""An answer of a run as it is told piece by piece. Pure."""

from __future__ import annotations

from attention_moa.messages import ToolCall, ToolCallDelta


class AnswerStory:
    """One of a run's answers so far.

    Args:
        choice: Which of them, from 0.
    """

    def __init__(self, choice: int) -> None:
        """Start empty."""
        self.choice = choice
        self.is_final = False
        self.reset_why = ""
        self._pieces: list[str] = []
        self._calls: dict[int, list[str]] = {}

    @property
    def text(self) -> str:
        """All of it so far."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools that it calls, as far as they have come."""
        return tuple(ToolCall(*self._calls[index]) for index in sorted(self._calls))

    @property
    def shown(self) -> tuple[str, tuple[ToolCall, ...], bool]:
        """All of it that is shown: text, tool calls, and whether it is final."""
        return self.text, self.tool_calls, self.is_final

    def add(self, text: str, calls: tuple[ToolCallDelta, ...] = ()) -> None:
        """Take in a piece."""
        if text:
            self._pieces.append(text)
        for call in calls:
            known = self._calls.setdefault(call.index, ["", "", ""])
            for place, part in enumerate((call.id, call.name, call.arguments)):
                known[place] += part

    def reset(self, why: str = "") -> None:
        """Take it that what was told does not stand.

        Args:
            why: One line; empty for no particular reason.
        """
        self._pieces, self._calls, self.reset_why = [], {}, why

    def settle(self, text: str | None, *, is_final: bool) -> None:
        """Take in the whole text; None for what was told so far.

        Args:
            text: What the answer is.
            is_final: Whether it is what was asked for; not the best that a run had that did not finish.
        """
        if text is not None:
            self._pieces = [text]
        self.is_final = is_final

    def copy(self) -> AnswerStory:
        """Return another one that is equal and goes its own way."""
        other = AnswerStory(self.choice)
        other.is_final, other.reset_why = self.is_final, self.reset_why
        other._pieces = [self.text]
        other._calls = {index: list(parts) for index, parts in self._calls.items()}
        return other
