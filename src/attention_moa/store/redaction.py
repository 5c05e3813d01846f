"""What a ``redact`` hook gets to see: every text that models and people wrote, wherever it stands in a record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.agents import ModelSettings
from attention_moa.answer_spec import AnswerSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import StoreError, describe
from attention_moa.events import (
    AnswerDelta,
    AnswerReset,
    CallDelta,
    CallFinished,
    CallLost,
    CallReplayed,
    CallRetried,
    LayerFinished,
    RunFinished,
)
from attention_moa.messages import (
    ImagePart,
    Message,
    ReplyFormat,
    Sampling,
    TextPart,
    TokenChances,
    ToolCall,
    ToolCallDelta,
    ToolSpec,
)
from attention_moa.records import (
    Answer,
    Attempt,
    CallRecord,
    Choice,
    Critique,
    Degradation,
    LayerRecord,
    Loss,
    Refinement,
    Residual,
    RunRecord,
    Selection,
    Summary,
    Verdict,
)
from attention_moa.stored_runs import RunHead

S = TypeVar("S")

_TEXTS: dict[type[Struct], frozenset[str]] = {
    TextPart: frozenset({"text"}),
    ImagePart: frozenset({"url"}),
    ToolCall: frozenset({"arguments"}),
    ToolCallDelta: frozenset({"arguments"}),
    ToolSpec: frozenset({"description", "parameters"}),
    ReplyFormat: frozenset({"description", "schema"}),
    AnswerSpec: frozenset({"stop"}),
    Message: frozenset({"name"}),
    Sampling: frozenset({"stop", "extra_body"}),
    TokenChances: frozenset({"token", "top"}),
    Attempt: frozenset({"message"}),
    CallRecord: frozenset({"text", "thinking", "notes", "message"}),
    Loss: frozenset({"message"}),
    Answer: frozenset({"text"}),
    Critique: frozenset({"text"}),
    Refinement: frozenset({"text", "stands_in"}),
    Summary: frozenset({"text", "stands_in"}),
    Residual: frozenset({"text"}),
    Selection: frozenset({"reason", "stands_in"}),
    Verdict: frozenset({"reason"}),
    Degradation: frozenset({"what", "why"}),
    LayerRecord: frozenset({"output"}),
    Choice: frozenset({"text"}),
    RunRecord: frozenset({"text", "notes", "error", "labels"}),
    RunHead: frozenset({"labels"}),
    EnsembleSpec: frozenset({"description"}),
    ModelSettings: frozenset({"stop", "extra_body", "role"}),
    CallDelta: frozenset({"text", "thinking"}),
    CallRetried: frozenset({"message"}),
    CallFinished: frozenset({"text", "notes"}),
    CallReplayed: frozenset({"text"}),
    CallLost: frozenset({"message"}),
    LayerFinished: frozenset({"output"}),
    AnswerDelta: frozenset({"text"}),
    AnswerReset: frozenset({"message"}),
    RunFinished: frozenset({"text", "error"}),
}
"""Fields that hold texts; those of a type are also those of its subtypes. All else is names, numbers and keys."""


def redacted(value: S, redact: Callable[[str], str] | None) -> S:
    """Return a record with all its texts as a hook rewrites them: the very same object where it changed none.

    Args:
        value: Any struct of records, messages or configuration, or a container of them.
        redact: The hook; None changes nothing.

    Raises:
        StoreError: The hook failed, or did not return text.
    """
    return value if redact is None else _walk(value, redact, is_text=False)


def _walk(value: Any, redact: Callable[[str], str], *, is_text: bool) -> Any:  # noqa: ANN401 - of any type, and back
    """Return the value rewritten, or itself; a plain text in it counts only where its field holds texts."""
    if isinstance(value, str):
        return _rewrite(value, redact) if is_text else value
    if isinstance(value, Struct):
        return _replaced(value, redact, _texts_of(type(value)))
    if isinstance(value, (tuple, list)):
        listed = cast("Sequence[Any]", value)
        parts = [_walk(part, redact, is_text=is_text) for part in listed]
        return listed if all(map(is_, parts, listed)) else (tuple(parts) if isinstance(value, tuple) else parts)
    if isinstance(value, dict):
        return _rewritten_table(cast("dict[str, Any]", value), redact, is_text=is_text)
    return value


def _rewritten_table(table: dict[str, Any], redact: Callable[[str], str], *, is_text: bool) -> dict[str, Any]:
    walked = {key: _walk(part, redact, is_text=is_text) for key, part in table.items()}
    return table if all(map(is_, walked.values(), table.values())) else walked


def _replaced(value: Struct, redact: Callable[[str], str], texts: frozenset[str]) -> Struct:
    changes: dict[str, Any] = {}
    for field in value.__struct_fields__:
        before = getattr(value, field)
        after = _walk(before, redact, is_text=field in texts)
        if after is not before:
            changes[field] = after
    if isinstance(value, CallRecord) and value.logprobs and not changes.keys().isdisjoint({"text", "thinking"}):
        changes["logprobs"] = ()  # token by token, no hook would know what it took out of the text
    return replace(value, **changes) if changes else value


def _texts_of(kind: type[Struct]) -> frozenset[str]:
    fields: frozenset[str] = frozenset()
    return fields.union(*(_TEXTS.get(known, ()) for known in kind.__mro__))


def _rewrite(text: str, redact: Callable[[str], str]) -> str:
    try:
        rewritten = redact(text)
    except Exception as error:
        raise StoreError(f"the redact hook failed, so nothing was stored: {describe(error)}") from error
    if not isinstance(cast("object", rewritten), str):  # the user's own function
        raise StoreError(f"the redact hook returned {type(rewritten).__name__}, not text: nothing was stored")
    return text if rewritten == text else rewritten
