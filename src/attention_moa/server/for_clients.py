"""What those are shown of runs who do not run the server: which agent failed and how, and not how a model is reached.

Whoever runs it, by an admin's key or on a server without keys that only this machine reaches, is shown all of it; so is
the log. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import ModelSettings
from attention_moa.events import AnswerDelta, AnswerReset, CallDelta, CallFinished, CallHappening, RunFinished
from attention_moa.messages import Message, Sampling
from attention_moa.records import (
    Attempt,
    CallRecord,
    Degradation,
    Loss,
    Refinement,
    RunRecord,
    Selection,
    Summary,
)
from attention_moa.rules import PromptSpec

S = TypeVar("S")

NO_ADDRESS = "http://hidden.invalid"
"""Stands in for a model's address: a record with it can be read back.

Source: RFC 2606: no name under ``.invalid`` is anybody's.
"""

_HIDDEN = "(address)"
_UNREACHED = "the model cannot be reached"
_OF_KIND = {
    "AuthError": "the model's endpoint does not take the server's key",
    "CallTimeoutError": "the model took too long",
    "RateLimitError": "the model's endpoint takes no more for now",
    "ServerError": "the model's endpoint failed",
    "TransportError": _UNREACHED,
}
"""Errors whose text is for whoever runs the server; those of other kinds say what of the request was at fault."""

_OURS = (
    (re.compile(r"cannot connect to \S+ \(.*?\): is the server running, is base_url right\?"), _UNREACHED),
    (re.compile(r"the host of \S+ is not known: check base_url and the network"), _UNREACHED),
    (re.compile(r"the certificate of \S+ is not trusted: [^;]*"), _UNREACHED),
    (re.compile(r"the connection to \S+ broke: [^;]*"), _UNREACHED),
    (re.compile(r"https?://\S+ took too long"), _OF_KIND["CallTimeoutError"]),
    (re.compile(r": set base_url to where it leads"), ""),
    (re.compile(r"HTTP (40[123]|429|5\d\d): [^;]*"), r"the model's endpoint answers with HTTP \1"),
)
"""What providers say, where it stands within another text."""

_ADDRESS = re.compile(
    r"""\b[a-z][a-z0-9+.-]*://[^\s'"),;]+                       # of a scheme
    |\(?'?\b\d{1,3}(?:\.\d{1,3}){3}\b'?(?:(?::|,[ ])\d+)?\)?    # four numbers, with a port or without
    |\[[0-9a-f]*:[0-9a-f:.]+\](?::\d+)?""",
    re.IGNORECASE | re.VERBOSE,
)

_TEXTS: Mapping[type[Struct], frozenset[str]] = {
    AnswerReset: frozenset({"message"}),
    CallFinished: frozenset({"notes"}),
    CallRecord: frozenset({"notes"}),
    Degradation: frozenset({"what", "why"}),
    Refinement: frozenset({"stands_in"}),
    RunFinished: frozenset({"error"}),
    RunRecord: frozenset({"error", "notes"}),
    Selection: frozenset({"stands_in"}),
    Summary: frozenset({"stands_in"}),
}
"""Fields whose texts may tell of an error, beside those with a kind of their own; no text of a model or a user."""

_SETTINGS: Mapping[type[Struct], Mapping[str, object]] = {
    ModelSettings: {"base_url": NO_ADDRESS, "api_key_env": "HIDDEN", "extra_body": {"hidden": True}},
    Sampling: {"extra_body": {"hidden": True}},
    PromptSpec: {"folder": "hidden"},
}
"""Settings that are for whoever runs the server, and what stands in the place of each: a record can be read back."""

_KINDS: Mapping[type[Struct], str] = {Attempt: "error", CallRecord: "error", CallHappening: "kind", Loss: "kind"}
"""What has a ``message``, and the field that says of which kind of error."""


def without_addresses(text: str) -> str:
    """Return a text about an error, without addresses and without what is for whoever runs the server to mend."""
    for ours, instead in _OURS:
        text = ours.sub(instead, text)
    return _ADDRESS.sub(_HIDDEN, text)


def told_of_call(kind: str, message: str) -> str:
    """Return how a call failed.

    Args:
        kind: The error's class name.
        message: What it says.
    """
    return _OF_KIND.get(kind) or without_addresses(message)


def for_clients(value: S) -> S:
    """Return a record, a loss, an event or a container of them, without addresses; itself where there are none.

    Nor has it names of keys, fields that go into a request's body, or paths. What models and people wrote stays as it
    is.
    """
    return cast("S", _walk(value))


def _walk(value: Any) -> Any:  # noqa: ANN401 - of any type, and back
    if isinstance(value, Struct):
        return value if isinstance(value, (AnswerDelta, CallDelta, Message)) else _shown(value)
    if isinstance(value, tuple):
        parts = cast("Sequence[Any]", value)
        walked = tuple(map(_walk, parts))
        return parts if all(map(is_, walked, parts)) else walked
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        rewritten = {name: _walk(part) for name, part in table.items()}
        return table if all(map(is_, rewritten.values(), table.values())) else rewritten
    return value


def _shown(value: Struct) -> Struct:
    changes: dict[str, Any] = {}
    texts = _TEXTS.get(type(value), frozenset())
    for field in value.__struct_fields__:
        before = getattr(value, field)
        after = _rewritten(before) if field in texts else _walk(before)
        if after is not before:
            changes[field] = after
    changes |= _own(value)
    return replace(value, **changes) if changes else value


def _own(value: Struct) -> dict[str, Any]:
    """Return what of a struct is its kind's alone: how a model is reached, the message of an error."""
    settings = next((fields for known, fields in _SETTINGS.items() if isinstance(value, known)), None)
    if settings is not None:
        return {field: instead for field, instead in settings.items() if getattr(value, field) is not None}
    kind = next((name for known, name in _KINDS.items() if isinstance(value, known)), None)
    message = getattr(value, "message", None)
    if kind is None or not message:
        return {}
    told = told_of_call(getattr(value, kind) or "", message)
    return {} if told == message else {"message": told}


def _rewritten(value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
    """Return a field's texts rewritten, or the very same where nothing is to be."""
    if not value:
        return value
    if isinstance(value, str):
        told = without_addresses(value)
        return value if told == value else told
    parts = tuple(map(without_addresses, value))
    return value if parts == value else parts
