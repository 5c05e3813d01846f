"""What an answer may be asked to be, and what cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.answer_spec import PLAIN, AnswerSpec, require_possible
from attention_moa.errors import ConfigError
from attention_moa.messages import ToolSpec, ToolUse

LOOK = ToolSpec("look")


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"choices": 0}, "choices"),
        ({"choices": 129}, "choices"),
        ({"stop": ("END", "")}, "stop"),
        ({"tools": ToolUse(())}, "tools"),
        ({"tools": ToolUse((ToolSpec(""),))}, "tools"),
        ({"tools": ToolUse((LOOK, LOOK))}, "tools"),
        ({"tools": ToolUse((LOOK,), choice="required", only="add")}, "tools.only"),
        ({"tools": ToolUse((LOOK,), only="look")}, "tools.only"),
    ],
)
def test_what_cannot_be_is_an_error_that_names_the_field(fields: dict[str, Any], key: str) -> None:
    """Before anything is spent."""
    with pytest.raises(ConfigError) as caught:
        require_possible(AnswerSpec(**fields))
    assert caught.value.key == key


def test_what_can_be_is_no_error() -> None:
    """The most that can be asked, and the least."""
    whole = AnswerSpec(
        tools=ToolUse((LOOK, ToolSpec("add")), choice="required", only="add"), stop=("END",), choices=128
    )
    require_possible(whole)
    require_possible(PLAIN)
