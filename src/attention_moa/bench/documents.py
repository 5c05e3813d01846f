"""JSON documents of a benchmark's folder, written all or nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from attention_moa.errors import StoreError, describe


def write_document(path: Path, document: object) -> None:
    """Write a JSON document, all or nothing.

    Args:
        path: Where; its folder is there.
        document: Whatever JSON can say.

    Raises:
        StoreError: It cannot be written.
    """
    beside = path.with_suffix(".tmp")
    try:
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {describe(error)}") from error
