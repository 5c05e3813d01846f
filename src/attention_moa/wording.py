"""What a call said, as far as it may become the run's answer: its text, its tool calls, and where it ends. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from attention_moa.messages import FinishReason, Reply, ToolCall
from attention_moa.records import Answer, Refinement, Residual, Summary

Written: TypeAlias = Answer | Refinement | Summary | Residual
"""A part of a layer that may become the answer."""

_DECISIONS = ("VERDICT", "CHOICE")
"""What the line begins with in which a writer says whether the run goes on, or whose replies do."""

_FENCED = re.compile(r"\A`{3,}[ \t]*\w*[ \t]*\n(.*?)\n?[ \t]*`{3,}\Z", re.DOTALL)


class Wording(NamedTuple):
    """What a call said.

    Args:
        text: What it says; empty only where it calls tools.
        call_id: The call.
        tool_calls: The caller's tools that it calls.
        is_truncated: Whether the text hit its token limit.
    """

    text: str
    call_id: str
    tool_calls: tuple[ToolCall, ...] = ()
    is_truncated: bool = False

    @property
    def quoted(self) -> str:
        """The text as others read it, tool calls as lines at its end."""
        return quoted(self.text, self.tool_calls)

    @property
    def finish_reason(self) -> FinishReason:
        """Why it ends, as an answer."""
        if self.is_truncated:
            return "length"
        return "tool_calls" if self.tool_calls else "stop"


def wording_of(part: Written) -> Wording:
    """Return what a part of a layer says."""
    calls = () if isinstance(part, Refinement) else part.tool_calls
    return Wording(part.text, part.call_id, calls, part.is_truncated)


def answer_of(wording: Wording, name: str) -> Answer:
    """Return what was said as an answer among others.

    Args:
        wording: What was said.
        name: Whose it is called.
    """
    calls = wording.tool_calls
    return Answer(
        agent=name, text=wording.text, call_id=wording.call_id, is_truncated=wording.is_truncated, tool_calls=calls
    )


def said(reply: Reply, call_id: str, text: str | None = None) -> Wording:
    """Return what a reply says.

    Args:
        reply: The reply.
        call_id: Its call.
        text: What counts of its text; None for all of it.
    """
    return Wording(reply.text if text is None else text, call_id, reply.tool_calls, reply.is_truncated)


def quoted(text: str, calls: Iterable[ToolCall]) -> str:
    """Return a text as others read it: tool calls are lines at its end, since whoever reads cannot make them.

    Args:
        text: Empty for calls alone.
        calls: The tool calls that came with it.
    """
    lines = "\n".join(f"Call of the tool {call.name}: {call.arguments}" for call in calls)
    return "\n\n".join(part for part in (text, lines) if part)


def end_at(text: str, stops: Sequence[str]) -> int | None:
    """Return where a text ends: before the first of some texts that is whole; None where it holds none of them.

    Of several the one that ends first counts, as it does for who reads along; of those the one that begins first.

    Args:
        text: Any text.
        stops: What ends it.
    """
    found = [(place + len(stop), place) for stop in stops if stop and (place := text.find(stop)) >= 0]
    return min(found)[1] if found else None


def cut(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of some texts, without white space at its end; as it is where it holds none."""
    end = end_at(text, stops)
    return text if end is None else text[:end].rstrip()


def without_fence(text: str) -> str:
    """Return what stands in a code block where a text is one code block and nothing else; any other text as it is."""
    found = _FENCED.match(text)
    return text if found is None or "```" in found[1] else found[1].strip()


def without_decision(text: str) -> str:
    """Return a reply under way without the line that opens it where it decides something: that is not for people.

    Nothing as long as the text may still become such a line.

    Args:
        text: A reply from its beginning, as far as it has come.
    """
    first, newline, rest = text.lstrip().partition("\n")
    if newline and any(word in first.upper() for word in _DECISIONS):
        return rest
    return "" if any(word.startswith(first[: len(word)].upper()) for word in _DECISIONS) else text
