"""Messages, requests and replies: the little that they compute."""

from __future__ import annotations

from attention_moa.messages import (
    ImagePart,
    Message,
    Reply,
    Stage,
    TextPart,
    assistant,
    system,
    user,
    whole_characters,
)

PICTURE = ImagePart(media_type="image/png", data=b"png")


def test_the_text_of_a_message_leaves_images_out() -> None:
    """Text parts are joined by blank lines."""
    message = Message("user", (TextPart("one"), PICTURE, TextPart("two")))
    assert message.text == "one\n\ntwo"
    assert message.has_images


def test_a_message_without_images_says_so() -> None:
    """Text alone is no image."""
    assert not user("Hi.").has_images


def test_halves_of_characters_are_joined_or_replaced() -> None:
    """What cannot be encoded could neither be sent nor saved; all else stays as it is."""
    assert whole_characters("\ud83d\ude00 and \ud83d.") == "\U0001f600 and \ufffd."
    assert whole_characters("\U0001f600 é") == "\U0001f600 é"


def test_turns_are_made_in_a_word() -> None:
    """Each maker gives the role of its name."""
    assert [(m.role, m.text) for m in (system("s"), user("u"), assistant("a"))] == [
        ("system", "s"),
        ("user", "u"),
        ("assistant", "a"),
    ]


def test_only_a_reply_that_hit_its_limit_is_truncated() -> None:
    """A reply that we cut ourselves has all that was wanted."""
    assert Reply(text="x", finish_reason="length").is_truncated
    assert not Reply(text="x", finish_reason="stop").is_truncated
    assert not Reply(text="x", finish_reason="cut").is_truncated


def test_the_stages_are_in_the_papers_order() -> None:
    """Views show stages in this order, and behind them those that only baselines have, and what mends an answer."""
    papers = ["answer", "critique", "refine", "summary", "residual"]
    assert [str(stage) for stage in Stage] == [*papers, "select", "extract", "repair"]
