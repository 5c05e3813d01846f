"""What a model sent is either text or thinking: nothing of it gets lost, nothing appears twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.errors import BadReplyError
from attention_moa.messages import FinishReason, whole_characters
from attention_moa.replies import require_usable, split_thinking
from attention_moa.stopping import is_garbled, is_past_stop, parse_verdict, similarity, verdict_line

MARKS = (
    "<think>", "</think>", "<THINK>", "</Think>", "<thinking>", "</thinking>", "<reasoning>", "</reasoning>",
    "\n</think>\n", "analysis", "assistantfinal", "<|start|>assistant", "<|channel|>analysis<|message|>", "<|end|>",
    "<|channel|>final<|message|>", "<|return|>", " ", "\n",
)  # fmt: skip
_ANY_MARK = re.compile(
    r"</?(?:think|thinking|reasoning)>|<\|(?:start|end|return|channel|message)\|>|assistantfinal|assistant|analysis|final",
    re.IGNORECASE,
)
marked = st.lists(st.sampled_from(MARKS) | st.text(max_size=8), max_size=8).map("".join)
plain = st.text(st.characters(codec="utf-8", exclude_characters="<|"), max_size=40)
nonces = st.text("0123456789abcdef", min_size=12, max_size=12)


def letters(*texts: str) -> list[str]:
    """Return what is left of texts without marks and white space, character by character, in no order."""
    return sorted("".join("".join(_ANY_MARK.sub("", text).split()) for text in texts))


@given(marked)
def test_text_and_thinking_together_hold_all_that_was_said(reply: str) -> None:
    """Every character that is no mark comes out, once, as text or as thinking."""
    text, thinking = split_thinking(reply)
    assert letters(text, thinking) == letters(reply)
    assert text == text.strip()
    assert thinking == thinking.strip()


@given(plain)
def test_a_text_without_marks_stays_as_it_is(reply: str) -> None:
    """Where there is no mark there is no thinking."""
    if "analysis" not in reply:
        assert split_thinking(reply) == (reply.strip(), "")


@given(st.sampled_from(("think", "thinking", "reasoning")), plain, plain)
def test_marked_thinking_is_set_apart(mark: str, thought: str, said: str) -> None:
    """What stands between the marks is the thinking; what follows is the text."""
    if not said.lstrip().startswith("analysis"):
        assert split_thinking(f"<{mark}>{thought}</{mark}>\n\n{said}") == (said.strip(), thought.strip())


@given(marked, marked, st.sampled_from(("stop", "length", "tool_calls", "cut", "content_filter", None)))
def test_a_reply_is_usable_or_an_error(reply: str, thought: str, finish: FinishReason | None) -> None:
    """A usable reply has text and keeps all that was said; anything else raises ``BadReplyError``."""
    try:
        text, thinking = require_usable(reply, thought, finish)
    except BadReplyError:
        is_withheld = finish in (None, "content_filter")
        assert is_withheld or not split_thinking(reply).text
    else:
        assert text
        assert finish not in (None, "content_filter")
        assert letters(text, thinking) == letters(reply, thought)


@given(marked, marked)
def test_a_cut_stream_is_no_reply(reply: str, thought: str) -> None:
    """Without a finish reason nothing is used, however good it looks."""
    with pytest.raises(BadReplyError):
        require_usable(reply, thought, None)


@given(st.text(st.characters(exclude_categories=())), st.integers(0, 9))
def test_halves_of_characters_are_joined_or_replaced(text: str, cut: int) -> None:
    """What comes out can be encoded and holds all whole characters; one that a stream cut in two is whole again."""
    mended = whole_characters(text)
    mended.encode()
    plane = [character for character in text if character < "\ud800" or "\udfff" < character < "\ufffd"]
    assert [character for character in mended if character < "\ufffd"] == plane
    halves = "".join(chr(unit) for unit in memoryview("\U0001f600".encode("utf-16-le")).cast("H"))
    assert whole_characters(f"{'x' * cut}{halves}") == f"{'x' * cut}\U0001f600"


@given(nonces, st.booleans(), plain)
def test_a_verdict_line_is_read_and_the_rest_is_kept(nonce: str, is_stop: bool, rest: str) -> None:
    """What the prompt asks for is what the parser takes, and the text below it comes out as it is."""
    line = verdict_line(nonce, is_stop=is_stop)
    parsed = parse_verdict(f"{line}\n{rest}", nonce)
    assert parsed.is_stop is is_stop
    assert "".join(parsed.text.split()) == "".join(rest.split())


@given(nonces, plain, plain.filter(str.strip))
def test_a_verdict_that_does_not_come_first_decides_nothing(nonce: str, rest: str, opening: str) -> None:
    """Further down it stops nothing, and the reply is known as one that no reader is to see."""
    text = f"So: {opening.strip()}\n{verdict_line(nonce, is_stop=True)}\n{rest}"
    assert parse_verdict(text, nonce).is_stop is None
    assert is_garbled(text, nonce)


@given(nonces, plain, st.integers(0, 300))
def test_a_stream_is_cut_only_behind_a_real_stop(nonce: str, rest: str, allowance: int) -> None:
    """A reply under way is past a stop if and only if it is a stop and more than the allowance has come after it."""
    going_on = f"{verdict_line(nonce, is_stop=False)}\n{rest}"
    stopping = f"{verdict_line(nonce, is_stop=True)}\n{rest}"
    assert not is_past_stop(going_on, nonce, allowance=allowance)
    assert is_past_stop(stopping, nonce, allowance=allowance) == (len(rest) > allowance)


@given(plain, plain)
def test_similarity_is_a_measure(one: str, other: str) -> None:
    """It is from 0 to 1, the same both ways, and 1 for equal words."""
    assert 0.0 <= similarity(one, other) <= 1.0
    assert similarity(one, other) == pytest.approx(similarity(other, one))
    assert similarity(one, one) == 1.0
