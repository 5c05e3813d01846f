"""What a user asks becomes turns."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.errors import ConfigError
from attention_moa.messages import ImagePart, Message, TextPart, assistant, system, user
from attention_moa.questions import conversation_of


@pytest.mark.parametrize(
    ("question", "prompt", "turns"),
    [
        ("Why?", None, [("user", "Why?")]),
        ("Why?", "Be brief.", [("system", "Be brief."), ("user", "Why?")]),
        ("Why?", "", [("user", "Why?")]),
        ([user("Why?")], None, [("user", "Why?")]),
        ((user("Look."), Message("tool", (TextPart("found"),))), None, [("user", "Look."), ("tool", "found")]),
        ((user("Look."), Message("tool", (TextPart(""),))), None, [("user", "Look."), ("tool", "")]),
        ((user("Look."), Message("tool", ())), None, [("user", "Look."), ("tool", "")]),
        ((Message("user", (ImagePart(media_type="image/png", data=b"png"),)),), None, [("user", "")]),
        ((system("s"), user("Why?")), "t", [("system", "t"), ("system", "s"), ("user", "Why?")]),
    ],
)
def test_a_question_becomes_turns(question: Any, prompt: str | None, turns: list[tuple[str, str]]) -> None:
    """A text is a turn of the user; turns stay as they are; an image alone may ask, and a tool may give nothing."""
    assert [(turn.role, turn.text) for turn in conversation_of(question, prompt)] == turns


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("", "the question is empty"),
        (" \n", "the question is empty"),
        ([], "the last turn has to be the user's"),
        ([user("Why?"), assistant("Because.")], "the last turn has to be the user's"),
        ([Message("user", ())], "the question is empty"),
        ("Why \udcff?", "halves of characters"),
    ],
)
def test_what_asks_nothing_is_an_error(question: Any, message: str) -> None:
    """It names the field and what is wrong with it."""
    with pytest.raises(ConfigError, match=rf"^question: .*{message}"):
        conversation_of(question)
