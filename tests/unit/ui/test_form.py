"""What somebody wrote into the form."""

from __future__ import annotations

import pytest

from attention_moa.messages import Message, TextPart
from attention_moa.ui.pages.form import question_of
from attention_moa.ui.ports import RefusedError

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
