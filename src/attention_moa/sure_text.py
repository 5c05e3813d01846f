"""How much of a reply under way is sure to stand in the answer, whatever comes behind it. Pure.

A whole reply goes through ``replies.require_usable``, a residual's through ``stopping.parse_verdict``, an answer
through ``wording.cut`` and ``tokens.within_tokens``. Here the same is done piece by piece, each step holding back what
it cannot know yet: white space that may be the end, the beginning of a fence mark or of a stop, thinking, a verdict
line, all that is near a limit. What a step hands on never has to be taken back; what it holds at the end is told with
the answer itself. No step goes back over what it has handed on, and none looks twice at a text that grows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from attention_moa.messages import whole_characters
from attention_moa.replies import split_thinking
from attention_moa.stopping import VerdictLines
from attention_moa.tokens import MARGIN_TOKENS, TokenCount
from attention_moa.wording import end_at

_LETTERS = 32
"""Of a tag that a model garbled; one with more is not near any tag."""

_OPENED = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_OPENINGS = ("<think>", "<thinking>", "<reasoning>")
_CLOSINGS = ("</think>", "</thinking>")
_HARMONY = "<|channel|>analysis<|message|>"
_HARMONY_OPENINGS = (_HARMONY, f"<|start|>assistant{_HARMONY}")
_HARMONY_FINAL = re.compile(r"<\|end\|>(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>")
_HARMONY_ENDS = ("<|return|>", "<|end|>")
_PLAIN_HARMONY, _PLAIN_FINAL = "analysis", re.compile("assistantfinal")
_LONGEST_MARK = 64
"""Characters of the longest mark between thinking and text."""

_UNOPENED_END = re.compile(r"^[ \t]*</(?:think|thinking)>[ \t]*\n", re.IGNORECASE | re.MULTILINE)
_OTHER_MARK = re.compile(r"<think|```", re.IGNORECASE)


class Step(Protocol):
    """Hands on what it is sure of."""

    def feed(self, text: str) -> str:
        """Return what is sure now that a text goes on so."""
        ...


class SureText:
    """The part of one reply that is sure to stand in the answer.

    Args:
        tags: The words that fence quoted text in the reply's prompt.
        nonce: The secret word of its verdict lines; None for a reply without a verdict.
        stops: Texts that end the answer.
        most_tokens: Tokens at which the answer is cut; None where nothing is cut here.
        is_unopened: Whether the model is known to close thinking that it never opened.
    """

    def __init__(
        self,
        *,
        tags: Sequence[str] = (),
        nonce: str | None = None,
        stops: Sequence[str] = (),
        most_tokens: int | None = None,
        is_unopened: bool = False,
    ) -> None:
        """Start before the first piece."""
        self._verdict = None if nonce is None else VerdictLines(nonce)
        self._stops = _Stops(stops)
        self._length = None if most_tokens is None else _Length(most_tokens)
        found: tuple[Step | None, ...] = (
            _Characters(),
            _Blanks(),
            _Marks(tags) if tags else None,
            _Thinking(is_unopened=is_unopened),
            self._verdict,
            _Blanks(),
            self._stops,
            _Blanks(),
            self._length,
        )
        self._steps = tuple(step for step in found if step is not None)
        self._has_text = False

    def feed(self, piece: str) -> str:
        """Return what is sure now and was not before.

        Args:
            piece: Text that goes on from the last piece.
        """
        text = piece
        self._has_text = self._has_text or bool(text.strip())
        for step in self._steps:
            if not text:
                return ""
            text = step.feed(text)
        return text

    @property
    def passed_stop(self) -> int | None:
        """How many characters came behind a text that ends the answer; None where none of these came."""
        return self._stops.passed

    @property
    def may_call(self) -> bool:
        """Whether tool calls that come now are sure to stand: not before a verdict, nor behind the answer's end."""
        if self._stops.passed is not None or (self._length is not None and self._length.is_near):
            return False
        return self._verdict is None or not self._has_text or self._verdict.is_going_on


def closes_unopened(text: str) -> bool:
    """Return whether a whole reply closes thinking that it never opened: its model's next ones will do so too.

    Args:
        text: As the model sent it.
    """
    if "</think" not in text.lower() or _OPENED.match(text.lstrip()) is not None:
        return False
    return _UNOPENED_END.search(text) is not None and bool(split_thinking(text).thinking)


class _Characters:
    """Holds back half a character."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        text = self._half + text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return whole_characters(text.removesuffix(self._half) if self._half else text)


class _Blanks:
    """Leaves out white space at the start, and holds back what may be at the end."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._has_begun = False

    def feed(self, text: str) -> str:
        if not self._has_begun:
            text = text.lstrip()
        sure = text.rstrip()
        if not sure:
            self._held.append(text)
            return ""
        self._has_begun = True
        before, self._held = "".join(self._held), [text[len(sure) :]]
        return before + sure


class _Marks:
    """Leaves out whole fence marks, and holds back what may be one, or a garbled one at the very end.

    What comes in never ends in white space, so that a line of a mark alone shows as one as soon as more text comes.
    """

    def __init__(self, tags: Sequence[str]) -> None:
        mark = rf"</?(?:{'|'.join(map(re.escape, tags))})>"
        kinds = {tag.partition("-")[0] for tag in tags}
        begun = "|".join(sorted({kind[:end] for kind in kinds for end in range(1, len(kind) + 1)}))
        self._mark = re.compile(rf"^[ \t]*{mark}[ \t]*\n|{mark}", re.MULTILINE)
        self._open = re.compile(rf"</?(?:(?:{begun})|(?:{'|'.join(sorted(kinds))})-[0-9a-f]{{0,{_LETTERS}}}>?)?\Z")
        self._held = ""
        self._is_line_start = True

    def feed(self, text: str) -> str:
        text = self._held + text
        end = self._sure_end(text)
        sure, self._held = text[:end], text[end:]
        if not sure:
            return ""
        lead = "" if self._is_line_start else "-"  # so that ``^`` is only where a line really begins
        self._is_line_start = sure.endswith("\n")
        return self._mark.sub("", lead + sure)[len(lead) :]

    def _sure_end(self, text: str) -> int:
        place = text.rfind("<")
        if place < 0 or self._open.match(text, place) is None:
            return len(text)
        blank = len(text[:place].rstrip(" \t"))
        is_whole_line = text[blank - 1] == "\n" if blank else self._is_line_start
        return blank if is_whole_line else place


class _Thinking:
    """Leaves thinking out, in the forms that ``replies.split_thinking`` knows."""

    def __init__(self, *, is_unopened: bool) -> None:
        self._is_unopened = is_unopened
        self._held = ""
        self._parts: list[str] = []
        self._has_thought = False
        self._is_harmony = False
        self._close: re.Pattern[str] | None = None
        self._phase: Callable[[_Thinking, str], str] = _Thinking._at_head  # unbound: nothing here holds itself

    def feed(self, text: str) -> str:
        return self._phase(self, text)

    def _at_head(self, text: str) -> str:
        """Decide whether thinking begins; what may yet become its mark is held."""
        text = (self._held + text).lstrip()
        self._held = ""
        opened = _OPENED.match(text)
        if opened is not None:
            return self._think(text[opened.end() :], re.compile(rf"</{opened[1]}>", re.IGNORECASE))
        if not self._has_thought:
            for opening in _HARMONY_OPENINGS:
                if text.startswith(opening):
                    self._is_harmony = True
                    return self._think(text[len(opening) :], _HARMONY_FINAL)
            if text.startswith(_PLAIN_HARMONY) and text[len(_PLAIN_HARMONY) :][:1].strip():
                self._is_harmony = True
                return self._think(text[len(_PLAIN_HARMONY) :], _PLAIN_FINAL)
        if not self._has_thought and (ended := _UNOPENED_END.match(text)) is not None:
            self._has_thought, self._phase = True, _Thinking._in_body
            return self._in_body(text[ended.end() :])
        if self._may_open(text):
            self._held = text
            return ""
        self._phase = (
            _Thinking._in_body if self._has_thought or not self._is_unopened else _Thinking._before_unopened_end
        )
        return self._phase(self, text)

    def _may_open(self, text: str) -> bool:
        lower = text.lower()
        if any(opening.startswith(lower) for opening in _OPENINGS):
            return True
        return not self._has_thought and (
            any(opening.startswith(text) for opening in (*_HARMONY_OPENINGS, _PLAIN_HARMONY))
            or any(closing.startswith(lower) for closing in _CLOSINGS)
        )

    def _think(self, text: str, close: re.Pattern[str]) -> str:
        self._close, self._phase = close, _Thinking._in_thought
        return self._in_thought(text)

    def _in_thought(self, text: str) -> str:
        """Look for the end of the thinking in what came, and in the end of what came before."""
        text = self._held + text
        found = None if self._close is None else self._close.search(text)
        if found is None:
            self._held = text[-_LONGEST_MARK:]
            return ""
        self._held, self._has_thought, self._phase = "", True, _Thinking._at_head
        return self._at_head(text[found.end() :]) if text[found.end() :].strip() else ""

    def _in_body(self, text: str) -> str:
        """Hand on all but what may be a mark at the very end of a reply in the harmony format."""
        if not self._is_harmony:
            return text
        text = self._held + text
        place = text.rfind("<")
        is_mark = place >= 0 and any(mark.startswith(text[place:]) for mark in _HARMONY_ENDS)
        end = place if is_mark else len(text)
        sure, self._held = text[:end], text[end:]
        return sure

    def _before_unopened_end(self, text: str) -> str:
        """Wait for the line that ends thinking which was opened in the prompt."""
        self._parts.append(text)
        text = self._held + text
        self._held = text[-_LONGEST_MARK:]
        if _UNOPENED_END.search(text) is None:
            return ""
        whole = "".join(self._parts)
        found = _UNOPENED_END.search(whole)
        if found is None or _OTHER_MARK.search(whole[: found.start()]) is not None:
            self._phase = _Thinking._nothing_sure
            return ""
        self._parts, self._held, self._has_thought, self._phase = [], "", True, _Thinking._in_body
        return self._in_body(whole[found.end() :])

    def _nothing_sure(self, _: str) -> str:
        return ""


class _Length:
    """Holds back what may be cut, since only the whole reply's count says where: all that comes near the limit."""

    def __init__(self, most_tokens: int) -> None:
        self._sure = most_tokens - MARGIN_TOKENS
        self._count = TokenCount()
        self.is_near = self._sure <= 0

    def feed(self, text: str) -> str:
        self.is_near = self.is_near or self._count.add(text) > self._sure
        return "" if self.is_near else text


class _Stops:
    """Ends the text before the first of some texts, and holds back what may become one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._firsts = {stop[0] for stop in self._stops}
        self._held = ""
        self.passed: int | None = None

    def feed(self, text: str) -> str:
        if self.passed is not None:
            self.passed += len(text)
            return ""
        if not self._stops:
            return text
        text = self._held + text
        end = end_at(text, self._stops)
        if end is not None:
            self.passed = len(text) - end
            return text[:end]
        end = self._sure_end(text)
        sure, self._held = text[:end], text[end:]
        return sure

    def _sure_end(self, text: str) -> int:
        for place in range(max(0, len(text) - self._longest + 1), len(text)):
            if text[place] in self._firsts and any(stop.startswith(text[place:]) for stop in self._stops):
                return place
        return len(text)
