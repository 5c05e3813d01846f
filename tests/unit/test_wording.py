"""What a call said as others read it, where it ends, and code blocks around it."""

from __future__ import annotations

import pytest

from attention_moa.messages import Reply, ToolCall
from attention_moa.records import Answer, Refinement
from attention_moa.wording import (
    Wording,
    answer_of,
    cut,
    end_at,
    quoted,
    said,
    without_decision,
    without_fence,
    wording_of,
)

LOOK = ToolCall("c1", "look", '{"q": 1}')


def test_tool_calls_are_read_as_lines_behind_the_text() -> None:
    """A text alone stays as it is."""
    line = 'Call of the tool look: {"q": 1}'
    assert quoted("Blue.", ()) == "Blue."
    assert quoted("", (LOOK, LOOK)) == f"{line}\n{line}"
    assert Wording("Blue.", "1.summary.a", (LOOK,)).quoted == f"Blue.\n\n{line}"


@pytest.mark.parametrize(
    ("wording", "reason"),
    [
        (Wording("text", "c"), "stop"),
        (Wording("text", "c", is_truncated=True), "length"),
        (Wording("", "c", (LOOK,)), "tool_calls"),
        (Wording("", "c", (LOOK,), is_truncated=True), "length"),
    ],
)
def test_why_an_answer_ended_follows_from_what_it_is(wording: Wording, reason: str) -> None:
    """A limit that was hit comes first."""
    assert wording.finish_reason == reason


def test_a_part_of_a_layer_a_reply_and_an_answer_say_the_same() -> None:
    """A refinement calls no tools."""
    refined = Refinement(agent="a", text="text", call_id="1.refine.a", is_truncated=True)
    assert wording_of(refined) == Wording("text", "1.refine.a", is_truncated=True)
    wording = said(Reply(text="text", finish_reason="length", tool_calls=(LOOK,)), "1.summary.a")
    assert wording == Wording("text", "1.summary.a", (LOOK,), is_truncated=True)
    answer = answer_of(wording, "the output so far")
    assert isinstance(answer, Answer)
    assert (answer.agent, wording_of(answer)) == ("the output so far", wording)
    assert said(Reply(text="a\nb", finish_reason="stop"), "c", "b").text == "b"


@pytest.mark.parametrize(
    ("text", "stops", "end"),
    [
        ("one END two", ("END",), 4),
        ("one END two END", ("two", "END"), 4),
        ("abcd", ("bc", "abcd"), 1),
        ("abc", ("bc", "abc"), 0),
        ("text", (), None),
        ("text", ("",), None),
        ("text", ("none",), None),
    ],
)
def test_a_text_ends_before_the_first_stop_that_is_whole(text: str, stops: tuple[str, ...], end: int | None) -> None:
    """Of those that end together the longest counts; an empty one is none."""
    assert end_at(text, stops) == end
    assert cut(text, stops) == (text if end is None else text[:end].rstrip())


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\n{"a": 1}```', '{"a": 1}'),
        ('{"a": 1}', '{"a": 1}'),
        ('Here: ```json\n{"a": 1}\n```', 'Here: ```json\n{"a": 1}\n```'),
        ("```\n1\n```\nand\n```\n2\n```", "```\n1\n```\nand\n```\n2\n```"),
        ("```", "```"),
    ],
)
def test_a_code_block_is_taken_off_where_there_is_nothing_else(text: str, bare: str) -> None:
    """Two of them, or a word before one, are not a value in a block."""
    assert without_fence(text) == bare


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("VER", ""),
        ("VERDICT 0123 STOP", ""),
        ("\n**Verdict 0123 continue**\nBlue.", "Blue."),
        ("CHOICE 0123 1 2\n", ""),
        ("Blue.", "Blue."),
        ("Very blue.\nIt scatters.", "Very blue.\nIt scatters."),
    ],
)
def test_the_line_that_decides_is_not_shown(text: str, shown: str) -> None:
    """Nor its beginning while it comes."""
    assert without_decision(text) == shown
