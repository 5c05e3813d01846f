"""From what a model sent to what may be used: thinking set apart, nothing empty, nothing half.

Some endpoints keep a model's thinking apart; others leave it in the text, between ``<think>`` marks or in the channel
names of the harmony format. Here it is taken out and kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from attention_moa.errors import BadReplyError
from attention_moa.messages import FinishReason, whole_characters

_OPENED = re.compile(r"\A\s*<(think|thinking|reasoning)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_UNOPENED = re.compile(
    r"\A((?:(?!<think|```).)*?)^[ \t]*</(?:think|thinking)>[ \t]*$", re.DOTALL | re.IGNORECASE | re.MULTILINE
)
_HARMONY = re.compile(
    r"\A\s*(?:analysis(?=\S)(.*?)assistantfinal"
    r"|(?:<\|start\|>assistant)?<\|channel\|>analysis<\|message\|>(.*?)"
    r"<\|end\|>(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>)",
    re.DOTALL,
)
_HARMONY_END = re.compile(r"<\|(?:return|end)\|>\s*\Z")
_END_MARK = re.compile(r"</?(?P<word>[a-z]+-[0-9a-f]*)(?P<close>>?)(?P<space>\s*)\Z")
_NEAR = 0.7
"""How much a garbled tag has in common with the true one: 6 letters of 8; of random pairs one in 50,000 has that."""


class SplitReply(NamedTuple):
    """A reply's ``text`` and its ``thinking``, both stripped of white space around."""

    text: str
    thinking: str


def split_thinking(text: str) -> SplitReply:
    """Return a reply with its thinking set apart.

    Known forms, all at the start of a reply, where models put them: ``<think> … </think>`` and its kin, several in a
    row or one left open (a truncated reply, all thinking); one that was opened in the prompt and closes on a line of
    its own; the ``analysis … assistantfinal`` of gpt-oss. A mark anywhere else is text: an answer may be about such
    marks.

    Args:
        text: As the model sent it.

    Returns:
        Text and thinking; either may be empty.

    Source: the model cards of Qwen3, DeepSeek-R1 and gpt-oss; paper.md, published settings.
    """
    thoughts: list[str] = []

    def keep(match: re.Match[str]) -> str:
        thoughts.append(match[match.lastindex or 1].strip())
        return ""

    text = _HARMONY.sub(keep, text, count=1)
    if thoughts:
        text = _HARMONY_END.sub("", text)
    while _OPENED.match(text):
        text = _OPENED.sub(keep, text, count=1)
    if not thoughts:
        text = _UNOPENED.sub(keep, text, count=1)
    return SplitReply(text.strip(), "\n\n".join(thought for thought in thoughts if thought))


def without_tags(text: str, tags: Sequence[str]) -> str:
    """Return a reply without the fence marks of its own prompt: a small model may copy them, and no reader wants them.

    A line that is a mark goes whole; of any other line the mark alone does, so that no words run together. So does a
    mark at the very end that a token limit cut, or that a small model copied wrong.

    Args:
        text: The reply.
        tags: The words of the fences in the prompt; nothing else is taken out.
    """
    text = _without_end(text, tags)
    if not any(tag in text for tag in tags):
        return text
    mark = rf"</?(?:{'|'.join(map(re.escape, tags))})>"
    return re.sub(rf"^[ \t]*{mark}[ \t]*(?:\n|\Z)|{mark}", "", text, flags=re.MULTILINE)


def _without_end(text: str, tags: Sequence[str]) -> str:
    """Return a text without the mark at its very end that a token limit cut or a small model garbled: ``</text-9``.

    Only what is near a mark of the prompt is one: another's mark is part of the reply.
    """
    end = _END_MARK.search(text)
    if end is None or not any(_is_near(end["word"], tag, is_cut=not end["close"]) for tag in tags):
        return text
    return text[: end.start()] + end["space"]


def _is_near(word: str, tag: str, *, is_cut: bool) -> bool:
    """Return whether a word is a tag that was cut, or copied with a slip or two."""
    if is_cut and tag.startswith(word):
        return True
    (kind, _, letters), (kind_of_tag, _, letters_of_tag) = word.partition("-"), tag.partition("-")
    return kind == kind_of_tag and SequenceMatcher(None, letters, letters_of_tag, autojunk=False).ratio() >= _NEAR


def require_usable(
    text: str,
    thinking: str,
    finish_reason: FinishReason | None,
    tags: Sequence[str] = (),
    *,
    has_calls: bool = False,
) -> SplitReply:
    """Return the usable text and the thinking of a whole reply.

    Args:
        text: All text of the stream.
        thinking: All thinking that the endpoint kept apart.
        finish_reason: Why the reply ended; None where the stream ended without saying.
        tags: The words that fence quoted text in the prompt.
        has_calls: Whether the reply calls tools: then it needs no text.

    Raises:
        BadReplyError: The stream was cut, the reply is empty, only thinking, or was withheld by a content filter.
    """
    if finish_reason is None:
        raise BadReplyError("the stream ended without a finish reason: the reply is cut")
    said, thought = split_thinking(without_tags(whole_characters(text), tags))
    thought = "\n\n".join(part for part in (whole_characters(thinking).strip(), thought) if part)
    if finish_reason == "content_filter":
        raise BadReplyError("a content filter withheld the reply", retryable=False)
    if said or has_calls:
        return SplitReply(said, thought)
    if thought:
        hint = ": raise max_tokens or switch thinking off" if finish_reason == "length" else ""
        raise BadReplyError(f"the reply is only thinking{hint}", retryable=finish_reason != "length")
    raise BadReplyError("the reply is empty")
