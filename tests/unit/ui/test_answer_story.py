"""An answer piece by piece."""

from __future__ import annotations

from attention_moa.messages import ToolCall, ToolCallDelta
from attention_moa.ui.answer_story import AnswerStory


def test_pieces_make_a_text() -> None:
    """From nothing to all of it; what does not stand goes, and the last word is the run's."""
    answer = AnswerStory(0)
    assert answer.text == ""
    answer.add("It ")
    answer.add("scatters.")
    assert answer.text == "It scatters."
    answer.reset("the call broke off")
    assert (answer.text, answer.reset_why) == ("", "the call broke off")
    answer.add("Blue")
    answer.settle(None, is_final=False)
    assert answer.shown == ("Blue", (), False)
    answer.settle("Blue.", is_final=True)
    assert answer.shown == ("Blue.", (), True)


def test_pieces_make_tool_calls() -> None:
    """By their numbers, in whatever order they come."""
    answer = AnswerStory(0)
    answer.add("", (ToolCallDelta(1, "c2", "find", ""), ToolCallDelta(0, "c1", "look", '{"q"')))
    answer.add("", (ToolCallDelta(0, arguments=": 1}"),))
    assert answer.tool_calls == (ToolCall("c1", "look", '{"q": 1}'), ToolCall("c2", "find", ""))


def test_a_copy_goes_its_own_way() -> None:
    """What is told of the one is not told of the other."""
    answer = AnswerStory(0)
    answer.add("Blue", (ToolCallDelta(0, "c1", "look", "{"),))
    copy = answer.copy()
    answer.add("!", (ToolCallDelta(0, arguments="}"),))
    assert (copy.text, copy.tool_calls[0].arguments) == ("Blue", "{")
    assert copy.shown != answer.shown
