"""What keys look like: settings that hold one are refused, since they are kept with every run; texts lose it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import cast

MASK = "***"

_IN_TEXT = re.compile(r"\b(sk|key|pk|gsk|xai|hf|AIza)[-_]?[A-Za-z0-9_-]{16,}|(?i:bearer)\s+(?=\S*\d)\S{12,}")
_IN_SETTINGS = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|(gsk|hf)_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{30,})"
    r"|(?i:bearer)\s+\S{12,}"
)
_KEY_FIELD = re.compile(
    r"(^|[_-])(api[_-]?key|authorization|password|secret|(access|auth|api)[_-]?token)$", re.IGNORECASE
)


def masked(text: str, secret: str | None = None) -> str:
    """Return a text without a secret, and without all that looks like a key.

    Args:
        text: What an endpoint, a program or a function said of an error.
        secret: A key that is known; None for none.
    """
    return _IN_TEXT.sub(MASK, text.replace(secret, MASK) if secret else text)


def holds_key(value: object) -> bool:
    """Return whether a setting holds what looks like a key, or a field whose name says that it is one.

    Names of models that merely begin like a key, such as ``hf-mistral-7b-instruct``, are none.

    Args:
        value: Text, or tables and lists of it; numbers hold nothing.
    """
    if isinstance(value, str):
        return _IN_SETTINGS.search(value) is not None
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return any(_KEY_FIELD.search(field) or holds_key(part) for field, part in table.items())
    if isinstance(value, Iterable):
        return any(map(holds_key, cast("Iterable[object]", value)))
    return False
