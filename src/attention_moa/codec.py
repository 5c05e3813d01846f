"""Records and events to JSON and back, with a schema version.

What is written reads back equal. A record from a newer version is refused by name rather than half understood.
"""

from __future__ import annotations

import msgspec

from attention_moa.errors import ConfigError, SchemaVersionError, StoreError
from attention_moa.events import Event
from attention_moa.records import SCHEMA_VERSION, RunRecord

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Version(msgspec.Struct):
    schema_version: int | None = None


# All types are looked through here, at import: msgspec crashes where several threads are the first to decode one.
_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_RECORDS: msgspec.json.Decoder[RunRecord] = msgspec.json.Decoder(RunRecord)
_VERSIONS: msgspec.json.Decoder[_Version] = msgspec.json.Decoder(_Version)


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
        version = _VERSIONS.decode(document).schema_version
        if version is None:
            raise StoreError("not a run record: it has no schema_version")
        if version > SCHEMA_VERSION:
            raise SchemaVersionError(version, SCHEMA_VERSION)
        return _RECORDS.decode(document)
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
