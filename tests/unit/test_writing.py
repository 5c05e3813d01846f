"""What of a reply is text for the user, and how further answers are drawn."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.messages import Reply, ToolCall
from attention_moa.stopping import verdict_line
from attention_moa.writing import ADVICE, Writing, has_something, seeded

NONCE = "abcdef012345"
GO_ON, STOP = verdict_line(NONCE, is_stop=False), verdict_line(NONCE, is_stop=True)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Blue.", "Blue."),
        (f"{GO_ON}\nBlue.", "Blue."),
        (STOP, None),
        (f"{STOP}\nBlue.", None),
        (f"Blue.\n{STOP}", None),
    ],
)
def test_a_verdict_is_no_text_for_the_user(text: str, left: str | None) -> None:
    """A stop is no answer, and neither is a text with protocol in it."""
    assert Writing(nonce=NONCE).text_of(text) == left
    assert ADVICE.text_of(text) == text


def test_a_reply_that_only_calls_tools_can_be_used() -> None:
    """One that says nothing cannot."""
    assert has_something(Reply(text="", finish_reason="tool_calls", tool_calls=(ToolCall("c", "look", "{}"),)))
    assert has_something(Reply(text="Blue.", finish_reason="stop"))
    assert not has_something(Reply(text="", finish_reason="stop"))


def test_each_further_answer_has_the_next_seed_where_there_is_one() -> None:
    """Equal requests with one seed would give one answer."""
    agent = AgentSpec(name="a", model="test:a", seed=7)
    assert [seeded(agent, choice).seed for choice in range(3)] == [7, 8, 9]
    bare = AgentSpec(name="a", model="test:a")
    assert seeded(bare, 2) == bare
