"""Whose a file is, seen without a trace: what is no journal of ours is refused before anything is made beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from attention_moa.errors import StoreError

APPLICATION_ID = 0x4D6F_4131
"""In the header of every SQLite file of ours."""

_MAGIC = b"SQLite format 3\0"


def locks_folder(file: Path) -> Path:
    """Return the folder of a journal file's locks."""
    return file.with_name(f"{file.name}.locks")


def require_ours(file: Path) -> None:
    """Raise for a file that is there and can be no journal; it is only read.

    A file beside which there are locks of ours is looked at when it is opened, once no other process changes it.

    Raises:
        StoreError: It is a device, a pipe or a socket, no database, or another application's.
        OSError: It cannot be read, as a folder cannot.
        sqlite3.Error: It is damaged.
    """
    if not file.exists():
        return
    if not file.is_file() and not file.is_dir():  # a pipe would be waited for, for ever
        raise StoreError(f"{file} is no file to keep a journal in: name another with --journal")
    with file.open("rb") as opened:
        begin = opened.read(len(_MAGIC))
    is_being_mended = beside(file, "-journal").exists()
    if begin and begin != _MAGIC and not is_being_mended:
        # SQLite would take a short one for an empty database.
        raise StoreError(f"{file} is no SQLite database: name another with --journal")
    is_known = locks_folder(file).exists()
    is_whole = not is_being_mended and not beside(file, "-wal").exists()
    if begin and is_whole and not is_known:
        _look_into(file)


def is_ours(application_id: int, tables: int, name: str) -> bool:
    """Return whether a database has our mark; one without any mark or table may become ours.

    Args:
        application_id: Out of its header.
        tables: How many it has.
        name: What the file is called.

    Raises:
        StoreError: It is another application's.
    """
    if application_id == APPLICATION_ID:
        return True
    if application_id or tables:
        raise StoreError(f"{name} is another application's database: name another with --journal")
    return False


def _look_into(file: Path) -> None:
    """Read the mark of a database that nobody changes; SQLite makes no file beside it then."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        ((marked,),) = connection.execute("PRAGMA application_id")
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    is_ours(marked, tables, str(file))


def beside(file: Path, ending: str) -> Path:
    """Return the file of SQLite's own beside a database."""
    return file.with_name(f"{file.name}{ending}")
