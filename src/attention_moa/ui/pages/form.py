"""What somebody wrote into the form, as a question. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import TypeVar

from attention_moa.messages import Message, TextPart
from attention_moa.ui.ports import Question, RefusedError

T = TypeVar("T", int, float)

_NAMES = {"layers": "Layers", "deadline_s": "Seconds", "usd": "Dollars", "tokens": "Tokens"}


def question_of(fields: Mapping[str, str], history: Sequence[Message]) -> Question:
    """Return the question that a form asks.

    Args:
        fields: Of the form.
        history: The turns before it.

    Raises:
        RefusedError: A field is no number.
    """
    system = fields.get("system", "").strip()
    first = (Message("system", (TextPart(system),)),) if system else ()
    last = Message("user", (TextPart(fields.get("question", "").strip()),))
    return Question(
        model=fields.get("model", ""),
        conversation=(*first, *history, last),
        layers=_number(fields, "layers", int),
        deadline_s=_number(fields, "deadline_s", float),
        usd=_number(fields, "usd", float),
        tokens=_number(fields, "tokens", int),
        is_fresh=fields.get("fresh") == "on",
    )


def _number(fields: Mapping[str, str], name: str, kind: Callable[[str], T]) -> T | None:
    """Return a field's number; None where it is left empty."""
    told = fields.get(name, "").strip()
    if not told:
        return None
    try:
        number = kind(told)
    except ValueError:
        number = None
    if number is None or not isfinite(number) or number <= 0:
        raise RefusedError(f"{_NAMES[name]}: {told[:40]!r} is no number above 0", field=name)
    return number
