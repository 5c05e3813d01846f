"""Which of several attempts at an answer is told, what is taken back, and that in the end the answer was told."""

from __future__ import annotations

from typing import Final

from attention_moa.answer_stream import AnswerStream, Tell
from attention_moa.messages import ToolCall, ToolCallDelta

LOOK: Final = ToolCall("c1", "look", '{"q": 1}')
ADD: Final = ToolCall("c2", "add", "{}")


class Client:
    """Has what it was told of an answer."""

    def __init__(self) -> None:
        self.heard: list[str | tuple[ToolCallDelta, ...]] = []
        self.stream = AnswerStream(Tell(self._piece, lambda why: self.heard.append(f"forget it: {why}")))

    def _piece(self, text: str, pieces: tuple[ToolCallDelta, ...]) -> None:
        self.heard += [part for part in (text, pieces) if part]


def test_an_attempt_is_told_as_it_goes_and_the_rest_in_the_end() -> None:
    """The end of a text is sure only when it is known."""
    client = Client()
    attempt = client.stream.attempt()
    attempt.add("The sky", ())
    attempt.add("", ())
    attempt.add(" is", ())
    client.stream.settle("The sky is blue.", (), why="unused")
    assert client.heard == ["The sky", " is", " blue."]


def test_an_answer_that_nobody_began_is_told_whole() -> None:
    """A stand-in, an early stop; and of an answer that was told whole nothing is left to tell."""
    client = Client()
    client.stream.settle("Blue.", (LOOK,), why="unused")
    client.stream.settle("Blue.", (LOOK,), why="unused")
    assert client.heard == ["Blue.", (ToolCallDelta(0, "c1", "look", '{"q": 1}'),)]


def test_another_answer_than_the_one_that_was_begun_takes_it_back_first() -> None:
    """With the reason."""
    client = Client()
    client.stream.attempt().add("The sky", ())
    client.stream.settle("Blue.", (), why="the deadline passed")
    assert client.heard == ["The sky", "forget it: the deadline passed", "Blue."]


def test_a_second_attempt_that_says_the_same_goes_on_where_the_first_broke_off() -> None:
    """Nothing is taken back, and nothing is told twice."""
    client = Client()
    first, second = client.stream.attempt(), client.stream.attempt()
    first.add("The sky is", ())
    first.broke("no connection")
    for piece in ("The ", "sky", " is blue", "."):
        second.add(piece, ())
    client.stream.settle("The sky is blue.", (), why="unused")
    assert client.heard == ["The sky is", " blue", "."]


def test_a_second_attempt_that_says_something_else_takes_back_what_was_told() -> None:
    """As soon as it does; the reason is why the first one broke off."""
    client = Client()
    first, second = client.stream.attempt(), client.stream.attempt()
    first.add("The sky is", ())
    first.broke("no connection")
    second.add("The", ())
    second.add(" blue sky", ())
    client.stream.settle("The blue sky.", (), why="unused")
    assert client.heard == ["The sky is", "forget it: no connection", "The blue sky", "."]


def test_of_two_attempts_side_by_side_the_first_to_speak_is_heard() -> None:
    """The other one is, with all that it has said, where the first breaks off."""
    client = Client()
    first, second = client.stream.attempt(), client.stream.attempt()
    first.add("One", ())
    second.add("Two", ())
    second.broke("it is not heard anyway")
    third = client.stream.attempt()
    third.add("Three", ())
    first.broke("no connection")
    third.add(" four", ())
    assert client.heard == ["One", "forget it: no connection", "Three four"]


def test_an_attempt_is_compared_anew_with_what_was_told_since() -> None:
    """What it agreed with before says nothing of what came in its place."""
    client = Client()
    behind, first, second = (client.stream.attempt() for _ in range(3))
    first.add("The sky is", ())
    first.broke("one")
    behind.add("The", ())  # agrees so far
    second.add("A sea", ())
    second.broke("two")
    behind.add(" sky is blue", ())
    assert client.heard == ["The sky is", "forget it: one", "A sea", "forget it: two", "The sky is blue"]


def test_a_writer_without_an_answer_lets_the_next_one_be_heard() -> None:
    """Though its reply was whole."""
    client = Client()
    client.stream.release("nobody led")
    first, second = client.stream.attempt(), client.stream.attempt()
    first.add("garbled", ())
    client.stream.release("the reply holds no text to use")
    second.add("Blue", ())
    assert client.heard == ["garbled", "forget it: the reply holds no text to use", "Blue"]


def test_tool_calls_are_told_piece_by_piece() -> None:
    """And what is missing of them in the end, a whole call too."""
    client = Client()
    attempt = client.stream.attempt()
    attempt.add("", (ToolCallDelta(0, "c1", "look"),))
    attempt.add("", (ToolCallDelta(0, arguments='{"q"'),))
    client.stream.settle("", (LOOK, ADD), why="unused")
    rest = (ToolCallDelta(0, arguments=": 1}"), ToolCallDelta(1, "c2", "add", "{}"))
    assert client.heard == [(ToolCallDelta(0, "c1", "look"),), (ToolCallDelta(0, arguments='{"q"'),), rest]


def test_other_tool_calls_than_those_that_were_told_take_them_back() -> None:
    """Another call, another argument, or none at all."""
    for calls in ((), (ADD,), (ToolCall("c1", "look", "{}"),)):
        client = Client()
        client.stream.attempt().add("", (ToolCallDelta(0, "c1", "look", '{"q'),))
        client.stream.settle("Text.", calls, why="another answer")
        assert client.heard[1:3] == ["forget it: another answer", "Text."]


def test_an_attempt_after_one_that_called_tools_begins_anew() -> None:
    """Which of its calls are the same nobody can know before they are whole."""
    client = Client()
    first, second = client.stream.attempt(), client.stream.attempt()
    first.add("", (ToolCallDelta(0, "c1", "look", "{"),))
    first.broke("no connection")
    second.add("", (ToolCallDelta(0, "c1", "look", "{"),))
    assert client.heard == [*client.heard[:1], "forget it: no connection", (ToolCallDelta(0, "c1", "look", "{"),)]


def test_where_nothing_was_told_nothing_is_taken_back() -> None:
    """An answer that fails in silence."""
    client = Client()
    client.stream.drop("it failed")
    assert client.heard == []
