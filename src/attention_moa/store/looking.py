"""How SQLite is to open a file: to write it, or, where this user may only read it, without a trace beside it."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import URL

from attention_moa.errors import StoreError
from attention_moa.store.identity import beside, locks_folder

_WRITTEN = {"mode": "rw", "uri": "true"}
_LIVE = {"mode": "ro", "readonly_shm": "1", "uri": "true"}
_STILL = {"mode": "ro", "immutable": "1", "uri": "true"}


def may_write(file: Path) -> bool:
    """Return whether this user may write a journal's file, its folder, and all that belongs to it."""
    parts = (beside(file, "-wal"), beside(file, "-shm"), locks_folder(file))
    return all(_may(part, os.W_OK) for part in (file, file.parent, *filter(os.path.lexists, parts)))


def writing_url(file: Path) -> URL:
    """Return the URL of a file that is there: one that was moved away meanwhile is not made anew, and empty."""
    return _url(file, _WRITTEN)


def looking_url(file: Path) -> URL:
    """Return the URL under which SQLite reads a file and makes nothing beside it.

    What a process has open has its newest rows in a second file, ``-wal``, and an index of them in a third, ``-shm``.
    Where the second has nothing, all is in the file itself.

    Raises:
        StoreError: The newest rows are where this user cannot read them.
    """
    wal, shm = beside(file, "-wal"), beside(file, "-shm")
    if all(_may(part, os.R_OK) for part in (wal, shm)):
        return _url(file, _LIVE)
    for part in (wal, beside(file, "-journal")):
        if part.exists() and part.stat().st_size:
            raise StoreError(
                f"the journal {file} has its newest rows in {part.name}, which this user cannot read: let it read "
                f"{wal.name} and {shm.name} too, or let who may write the journal open it once"
            )
    return _url(file, _STILL)


def _may(part: Path, right: int) -> bool:
    return os.access(part, right, effective_ids=os.access in os.supports_effective_ids)


def _url(file: Path, settings: dict[str, str]) -> URL:
    return URL.create("sqlite+aiosqlite", database=file.as_uri(), query=settings)
