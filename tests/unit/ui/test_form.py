"""What somebody wrote into the form."""

from __future__ import annotations

import pytest

from attention_moa.messages import Message, TextPart
from attention_moa.ui.pages.form import question_of
from attention_moa.ui.ports import AttentionWish, RefusedError, StopWish

BEFORE = [Message("user", (TextPart("One?"),)), Message("assistant", (TextPart("1."),))]


def test_a_form_is_a_conversation_with_settings() -> None:
    """The system prompt first, what was said before, the question last."""
    fields = {
        "model": "trio",
        "system": " Be brief. ",
        "question": " Two? ",
        "layers": "3",
        "usd": "0.5",
        "fresh": "on",
    }
    question = question_of(fields, BEFORE)
    assert [(message.role, message.text) for message in question.conversation] == [
        ("system", "Be brief."), ("user", "One?"), ("assistant", "1."), ("user", "Two?"),
    ]  # fmt: skip
    assert (question.model, question.layers, question.usd, question.is_fresh) == ("trio", 3, 0.5, True)
    assert (question.tokens, question.deadline_s) == (None, None)


@pytest.mark.parametrize(
    ("name", "told"),
    [("layers", "2.5"), ("layers", "0"), ("usd", "nan"), ("usd", "inf"), ("tokens", "many"), ("deadline_s", "-1")],
)
def test_what_is_no_number_is_told_by_its_field(name: str, told: str) -> None:
    """Nothing is sent then."""
    with pytest.raises(RefusedError, match="is no number above 0") as raised:
        question_of({"question": "Why?", name: told}, [])
    assert raised.value.field == name


def test_attention_and_early_stop_are_asked_for_by_name() -> None:
    """What is left as it is asks for nothing, and neither does a choice that the form has not."""
    fields = {"own": "no", "peers": "2", "mode": "panel", "stop": "similarity", "threshold": "0.8", "min_layers": "2"}
    question = question_of({"question": "Why?", **fields, "returns": "previous"}, [])
    assert question.attention == AttentionWish(own=False, peers=2, mode="panel")
    assert question.early_stop == StopWish(rule="similarity", threshold=0.8, min_layers=2, returns="previous")
    plain = question_of({"question": "Why?", "own": "", "peers": "", "stop": "by magic"}, [])
    assert (plain.attention, plain.early_stop) == (AttentionWish(), StopWish())
    assert question_of({"question": "Why?", "peers": " ALL "}, []).attention.peers == "all"


@pytest.mark.parametrize(
    ("name", "told"), [("peers", "some"), ("peers", "-1"), ("threshold", "2"), ("threshold", "x"), ("threshold", "nan")]
)
def test_settings_that_cannot_be_are_told_by_their_field(name: str, told: str) -> None:
    """In the words of the form."""
    with pytest.raises(RefusedError, match="is n") as raised:
        question_of({"question": "Why?", name: told}, [])
    assert raised.value.field == name
