"""What somebody wrote into the form, as a question. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import TypeVar, get_args

from attention_moa.messages import ImagePart, Message, TextPart
from attention_moa.rules import AttentionMode, StopMethod
from attention_moa.ui.ports import AttentionWish, Question, RefusedError, StopWish

T = TypeVar("T", int, float)
C = TypeVar("C", bound=str)

SETTINGS = {
    "layers": "Layers",
    "deadline_s": "Most seconds",
    "usd": "Most US dollars",
    "tokens": "Most tokens",
    "fresh": "Take up no interrupted run",
    "own": "Self-critique",
    "peers": "Critics of each answer",
    "mode": "A critique",
    "stop": "Ends early by",
    "threshold": "How alike",
    "min_layers": "Not before layer",
    "returns": "Then the answer of",
}
"""The labels of the settings in ``settings.html``, by field."""

LABELS = {"question": "Question", "model": "Ensemble", **SETTINGS}

_PLACES = ("attention_moa.", "attention.", "early_stop.")
_CALLED = {"self": "own", "rule": "stop"}
_OWN = {"yes": True, "no": False}


def question_of(fields: Mapping[str, str], history: Sequence[Message], images: Sequence[ImagePart] = ()) -> Question:
    """Return the question that a form asks.

    Args:
        fields: Of the form.
        history: The turns before it.
        images: Those that stand beside it.

    Raises:
        RefusedError: A field is no number.
    """
    system = fields.get("system", "").strip()
    first = (Message("system", (TextPart(system),)),) if system else ()
    last = Message("user", (TextPart(fields.get("question", "").strip()), *images))
    return Question(
        model=fields.get("model", ""),
        conversation=(*first, *history, last),
        layers=_number(fields, "layers", int),
        deadline_s=_number(fields, "deadline_s", float),
        usd=_number(fields, "usd", float),
        tokens=_number(fields, "tokens", int),
        is_fresh=fields.get("fresh") == "on",
        attention=_attention(fields),
        early_stop=_early_stop(fields),
    )


def in_the_form(refused: RefusedError) -> RefusedError:
    """Return a refusal whose field is called as the form calls it; itself where the form has no such field.

    Args:
        refused: Its field may be called as the API calls it: ``attention_moa.attention.self``.
    """
    told = refused.field or ""
    name = told
    for place in _PLACES:
        name = name.removeprefix(place)
    name = _CALLED.get(name, name)
    label = LABELS.get(name)
    if label is None:
        return refused
    message = refused.message
    if message.startswith(f"{told}: "):
        message = f"{label}{message.removeprefix(told)}"
    return RefusedError(message, code=refused.code, is_key_bad=refused.is_key_bad, field=name)


def _attention(fields: Mapping[str, str]) -> AttentionWish:
    """Return who is to criticise whom."""
    told = fields.get("peers", "").strip().lower()
    if told not in ("", "all") and not (told.isascii() and told.isdecimal() and len(told) < 10):
        raise RefusedError(f"{SETTINGS['peers']}: {told[:40]!r} is neither all nor a number", field="peers")
    return AttentionWish(
        own=_OWN.get(fields.get("own", "")),
        peers=None if not told else "all" if told == "all" else int(told),
        mode=_one_of(fields, "mode", get_args(AttentionMode)),
    )


def _early_stop(fields: Mapping[str, str]) -> StopWish:
    """Return when the run is to end early."""
    told = fields.get("threshold", "").strip()
    try:
        threshold = float(told) if told else None
    except ValueError:
        threshold = -1.0
    if threshold is not None and not 0 <= threshold <= 1:
        raise RefusedError(f"{SETTINGS['threshold']}: {told[:40]!r} is no number from 0 to 1", field="threshold")
    return StopWish(
        rule=_one_of(fields, "stop", get_args(StopMethod)),
        threshold=threshold,
        min_layers=_number(fields, "min_layers", int),
        returns=_one_of(fields, "returns", ("latest", "previous")),
    )


def _one_of(fields: Mapping[str, str], name: str, known: Sequence[C]) -> C | None:
    """Return the choice of a field; None where it is left as it is, or is none that the form has."""
    return next((one for one in known if one == fields.get(name)), None)


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
        raise RefusedError(f"{SETTINGS[name]}: {told[:40]!r} is no number above 0", field=name)
    return number
