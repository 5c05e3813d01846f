"""Records and events to JSON and back, with a schema version.

What is written reads back equal. A record from a newer version is refused by name rather than half understood.
"""

from __future__ import annotations

import msgspec

from attention_moa.errors import ConfigError, SchemaVersionError, StoreError
from attention_moa.events import Event
from attention_moa.records import SCHEMA_VERSION, RunRecord

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


class _Version(msgspec.Struct):
    schema_version: int | None = None


def record_to_json(record: RunRecord, *, indent: int = 0) -> bytes:
    """Return a record as one JSON document in UTF-8.

    Args:
        record: A run, finished or not.
        indent: Spaces a level; 0 for one line.
    """
    line = msgspec.json.encode(record)
    return msgspec.json.format(line, indent=indent) if indent else line


def record_from_json(document: bytes | str) -> RunRecord:
    """Return the record that a JSON document holds.

    Raises:
        SchemaVersionError: It was written by a newer version.
        StoreError: It is no record; the text names the field.
    """
    try:
        version = msgspec.json.decode(document, type=_Version).schema_version
        if version is None:
            raise StoreError("not a run record: it has no schema_version")
        if version > SCHEMA_VERSION:
            raise SchemaVersionError(version, SCHEMA_VERSION)
        return msgspec.json.decode(document, type=RunRecord)
    except (*_UNREADABLE, ConfigError) as error:
        raise StoreError(f"not a run record: {error}") from error


def event_to_json(event: Event) -> bytes:
    """Return an event as one line of JSON, without the line end."""
    return msgspec.json.encode(event)


def event_from_json(line: bytes | str) -> Event:
    """Return the event that a line of JSON holds.

    Raises:
        StoreError: It is no event; the text names the field.
    """
    try:
        return _EVENTS.decode(line)
    except _UNREADABLE as error:
        raise StoreError(f"not an event: {error}") from error
