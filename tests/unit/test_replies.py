"""From raw text to usable text."""

from __future__ import annotations

import pytest

from attention_moa.errors import BadReplyError
from attention_moa.messages import FinishReason
from attention_moa.replies import require_usable, split_thinking, without_tags


@pytest.mark.parametrize(
    ("raw", "text", "thinking"),
    [
        ("plain", "plain", ""),
        ("<think>hm</think>yes", "yes", "hm"),
        ("  <think>\nhm\n</think>\n\nyes ", "yes", "hm"),
        ("<thinking>hm</thinking>yes", "yes", "hm"),
        ("<reasoning>hm</reasoning>yes", "yes", "hm"),
        ("<THINK>hm</THINK>yes", "yes", "hm"),
        ("<think>one</think><think>two</think>yes", "yes", "one\n\ntwo"),
        ("<think></think>yes", "yes", ""),
        ("<think>never closed", "", "never closed"),
        ("opened in the prompt\n</think>\nyes", "yes", "opened in the prompt"),
        ("analysisWe need to think.assistantfinalYes.", "Yes.", "We need to think."),
        ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>yes", "yes", "hm"),
        (
            "<|start|>assistant<|channel|>analysis<|message|>hm<|end|><|channel|>final<|message|>yes<|return|>",
            "yes",
            "hm",
        ),
        ("The mark <think> opens a thought.", "The mark <think> opens a thought.", ""),
        ("Write <think>x</think> so.", "Write <think>x</think> so.", ""),
        ("Close it with </think> in the line.", "Close it with </think> in the line.", ""),
        ("analysis of the text: assistantfinal", "analysis of the text: assistantfinal", ""),
        ("It ends in <|end|>", "It ends in <|end|>", ""),
        ("So:\n<think>\nhm\n</think>\nIt is 4.", "So:\n<think>\nhm\n</think>\nIt is 4.", ""),
        ("So:\n```\n</think>\n```\nand so on.", "So:\n```\n</think>\n```\nand so on.", ""),
    ],
)
def test_thinking_is_set_apart_from_the_text(raw: str, text: str, thinking: str) -> None:
    """At the start of a reply, in the forms that models use; a mark elsewhere is text."""
    assert split_thinking(raw) == (text, thinking)


def test_thinking_from_both_places_is_kept() -> None:
    """What the endpoint kept apart and what it left in the text."""
    assert require_usable("<think>two</think>yes", " one ", "stop") == ("yes", "one\n\ntwo")


def test_a_reply_that_calls_tools_needs_no_text() -> None:
    """Nor is it wrong that it was only thinking before."""
    assert require_usable("<think>hm</think>", "", "tool_calls", has_calls=True) == ("", "hm")


@pytest.mark.parametrize("reason", ["stop", "length", "cut", "tool_calls"])
def test_a_reply_with_text_is_usable_however_it_ended(reason: FinishReason) -> None:
    """A truncated text is shown as such, not thrown away."""
    assert require_usable("yes", "", reason) == ("yes", "")


@pytest.mark.parametrize(
    ("reply", "message", "is_retryable"),
    [
        (("half a rep", "", None), "the stream ended without a finish reason", True),
        (("", "", "stop"), "the reply is empty", True),
        ((" \n ", "", "stop"), "the reply is empty", True),
        (("", "hm", "stop"), "only thinking", True),
        (("<think>hm</think>", "", "stop"), "only thinking", True),
        (("<think>hm", "", "length"), "raise max_tokens or switch thinking off", False),
        (("some", "", "content_filter"), "content filter", False),
        (("", "", "content_filter"), "content filter", False),
    ],
)
def test_what_cannot_be_used_is_a_typed_error(
    reply: tuple[str, str, FinishReason | None], message: str, is_retryable: bool
) -> None:
    """It says whether another try may help."""
    with pytest.raises(BadReplyError, match=message) as caught:
        require_usable(*reply)
    assert caught.value.retryable is is_retryable


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("<text-1>\nyes\n</text-1>", "yes\n"),
        ("  <text-1>  \nyes </text-1>\nmore <text-2>", "yes \nmore "),
        ("one\n</text-1>\ntwo", "one\ntwo"),
        ("one</text-1>", "one"),
        ("cut\n</text-", "cut\n"),
        ("copied wrong\n</text-edf6335>\n", "copied wrong\n\n"),
        ("copied wrong\n</text-edf63", "copied wrong\n"),
        ("another's\n</text-00000000>", "another's\n</text-00000000>"),
        ("another kind's\n</critique-edf63351>", "another kind's\n</critique-edf63351>"),
        ("2 <", "2 <"),
        ("see <b", "see <b"),
        ("the word text-1 alone", "the word text-1 alone"),
        ("<text-3>\nno fence of this prompt\n</text-3>", "<text-3>\nno fence of this prompt\n</text-3>"),
    ],
)
def test_fence_marks_that_a_model_copied_are_taken_out(raw: str, text: str) -> None:
    """Those of its own prompt and nothing else."""
    assert without_tags(raw, ("text-1", "text-2", "text-edf63351")) == text


def test_a_reply_of_fence_marks_alone_is_empty() -> None:
    """It holds nothing to use."""
    with pytest.raises(BadReplyError, match="the reply is empty"):
        require_usable("<text-1>\n</text-1>", "", "stop", ("text-1",))
