"""A log record as one line: JSON for machines, or words for people.

A line is a constant dotted name and its fields. Whatever a field holds stays within it: no text makes a second line or
a field of its own. What looks like a key is masked. Of an exception the line says where it came from; what it says
may quote a conversation, so that is told only where texts are wanted.
"""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, cast

import msgspec

from attention_moa.errors import describe
from attention_moa.keys import masked
from attention_moa.messages import whole_characters

LogForm: TypeAlias = Literal["text", "json"]

FIELDS = "moa_fields"
"""Under which a log record carries its fields, so that none can clash with the record's own."""

_OWN = frozenset(vars(logging.makeLogRecord({})).keys() | {"message", "asctime", FIELDS, "taskName", "color_message"})
"""What every record has; the rest of a record was given as ``extra``."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_BARE = re.compile(r"[\w.:/@+-]+")
_MOST_PLACES = 8


class Lines(logging.Formatter):
    """Turns log records into lines.

    Args:
        form: ``json``, or ``text``.
        has_texts: Whether texts that may quote a conversation are told.
    """

    def __init__(self, form: LogForm, *, has_texts: bool) -> None:
        """Keep the form."""
        super().__init__()
        self._form = form
        self._has_texts = has_texts

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's line, without the line end."""
        fields = {"time": _time(record.created), "level": record.levelname.lower(), **self._fields(record)}
        return _json_line(fields) if self._form == "json" else _text_line(fields)

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        told = record.getMessage()
        is_ours = not record.args and _NAME.fullmatch(told) is not None
        fields: dict[str, Any] = {"event": told} if is_ours else {"event": record.name, "message": told}
        fields |= {name: value for name, value in vars(record).items() if name not in _OWN}
        fields |= getattr(record, FIELDS, {})
        if record.exc_info and record.exc_info[1] is not None:
            fields |= _of_exception(record.exc_info[1], has_texts=self._has_texts)
        return {name: _plain(value) for name, value in fields.items() if value is not None}


def _time(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_exception(error: BaseException, *, has_texts: bool) -> dict[str, Any]:
    """Return what is told of an exception: its type, those of its causes, where it came from, and what it says."""
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < _MOST_PLACES:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    places = traceback.extract_tb(error.__traceback__)[-_MOST_PLACES:]
    fields: dict[str, Any] = {
        "error": type(error).__name__,
        "caused_by": causes or None,
        "where": [f"{place.filename.rpartition('/')[2]}:{place.lineno} {place.name}" for place in places],
    }
    return fields | ({"error_message": describe(error)} if has_texts else {})


def _plain(value: object) -> object:
    """Return a value as JSON has it, its texts without keys."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else str(value)
    if isinstance(value, (Mapping, tuple, list, msgspec.Struct)):
        return _plain_parts(cast("Mapping[object, object] | Sequence[object] | msgspec.Struct", value))
    return masked(whole_characters(str(value)))


def _plain_parts(value: Mapping[object, object] | Sequence[object] | msgspec.Struct) -> object:
    """Return what has parts, all of them plain."""
    if isinstance(value, msgspec.Struct):
        return _plain(msgspec.to_builtins(value))
    if isinstance(value, Mapping):
        return {masked(whole_characters(str(key))): _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value]


def _json_line(fields: Mapping[str, object]) -> str:
    return json.dumps(fields)  # in ASCII: there are line ends and marks beyond it too


def _text_line(fields: Mapping[str, object]) -> str:
    head = f"{fields['time']} {str(fields['level']).upper():<7} {fields['event']}"
    rest = (f"{name}={_word(value)}" for name, value in fields.items() if name not in {"time", "level", "event"})
    return " ".join((head, *rest))


def _word(value: object) -> str:
    """Return a value as one word: as it is where nothing in it can be misread, else quoted as JSON is."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and _BARE.fullmatch(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return quoted if quoted.isprintable() else json.dumps(value)
