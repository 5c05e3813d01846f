"""A run's final record as it is stored: without the texts of those calls that have a row of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Raw, Struct
from msgspec.structs import replace

from attention_moa.codec import record_from_json
from attention_moa.errors import StoreError
from attention_moa.records import CallRecord, RunRecord
from attention_moa.store.packing import pack, unpack
from attention_moa.store.redaction import redacted
from attention_moa.store.views import CallKey


class _Result(Struct, frozen=True):
    """A record, its calls apart.

    Args:
        record: Without calls.
        order: For each call the key of its row, or its place in ``others``.
        others: Calls without a row, such as cancelled ones.
    """

    record: RunRecord
    order: list[CallKey | int]
    others: list[CallRecord]


class _Stored(Struct, frozen=True):
    """The same as it is read: whether the record is of a known form is seen before it is."""

    record: Raw
    order: list[CallKey | int]
    others: list[CallRecord]


def pack_result(
    record: RunRecord, has_row: Callable[[CallRecord], bool], redact: Callable[[str], str] | None = None
) -> bytes:
    """Return a record as bytes.

    Args:
        record: Final.
        has_row: Whether the row of a call holds just this call.
        redact: Rewrites every text; None for none.

    Raises:
        StoreError: JSON cannot say it.
    """
    order: list[CallKey | int] = []
    others: list[CallRecord] = []
    for call in record.calls:
        if call.fingerprint is not None and has_row(call):
            order.append((call.fingerprint, call.call_id))
        else:
            order.append(len(others))
            others.append(call)
    bare = redacted(replace(record, calls=()), redact)
    return pack(_Result(bare, order, redacted(others, redact)))


def unpack_result(stored: bytes, rows: Mapping[CallKey, bytes]) -> RunRecord:
    """Return the record that was packed.

    Args:
        stored: What ``pack_result`` gave.
        rows: The run's packed calls.

    Raises:
        SchemaVersionError: A newer version wrote it.
        StoreError: It is damaged.
    """
    result = unpack(stored, _Stored)
    record = record_from_json(bytes(result.record))
    try:
        calls = tuple(
            result.others[place] if isinstance(place, int) else unpack(rows[place], CallRecord)
            for place in result.order
        )
    except LookupError as error:
        raise StoreError(f"the journal has lost a call of run {record.run_id}: put a copy back") from error
    return replace(record, calls=calls)
