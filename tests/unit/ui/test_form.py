"""What somebody wrote into the form."""

from __future__ import annotations

import re

import pytest

from attention_moa.messages import Message, TextPart
from attention_moa.ui.html import render
from attention_moa.ui.pages.form import SETTINGS, in_the_form, question_of
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


def test_every_setting_is_called_as_its_label_says() -> None:
    """What is wrong with it is told by the word that stands beside its field."""
    html = render("settings.html", system="")
    for name, label in SETTINGS.items():
        assert re.search(rf'<label[^>]* for="{name}">(<input [^>]*>)? ?{label}', html), name


@pytest.mark.parametrize(
    ("field", "message", "name", "told"),
    [
        ("attention_moa.deadline_s", "attention_moa.deadline_s: too short", "deadline_s", "Most seconds: too short"),
        ("attention_moa.attention.self", "attention_moa.attention.self: no", "own", "Self-critique: no"),
        ("early_stop.rule", "early_stop.rule: no", "stop", "Ends early by: no"),
        ("layers", "layers: 99 layers are too many", "layers", "Layers: 99 layers are too many"),
        ("model", "there is no such model", "model", "there is no such model"),
        ("messages[0]", "messages[0]: empty", "messages[0]", "messages[0]: empty"),
        (None, "busy", None, "busy"),
    ],
)
def test_a_fault_is_told_in_the_words_of_the_form(field: str | None, message: str, name: str | None, told: str) -> None:
    """By the label where the API has the name of a field; else as it is."""
    refused = in_the_form(RefusedError(message, code="invalid_value", field=field))
    assert (refused.field, refused.message, refused.code) == (name, told, "invalid_value")
