"""From what databases and drivers raise to one line with the mend. None of it says more of an address than its name."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS

from filelock import Timeout
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from attention_moa.errors import MoaError, StoreError, describe

_RIGHTS = "let this user write the file and its folder"
_ELSEWHERE = "or name another journal with --journal"

_SQLITE = (
    ("SQLITE_BUSY", "is locked by another process: end it, or try again when it is done"),
    ("SQLITE_LOCKED", "is locked by another process: end it, or try again when it is done"),
    ("SQLITE_READONLY", f"cannot be written: let this user write the file and its folder, {_ELSEWHERE}"),
    ("SQLITE_PERM", f"cannot be written: let this user write the file and its folder, {_ELSEWHERE}"),
    ("SQLITE_FULL", "cannot be written, the disk is full: make room; what was stored before is safe"),
    ("SQLITE_IOERR", "cannot be written or read, the disk fails or is full: mend it; what was stored before is safe"),
    ("SQLITE_CANTOPEN", f"cannot be opened: see that it is there and {_RIGHTS}, {_ELSEWHERE}"),
    ("SQLITE_NOTADB", f"is no SQLite database: name another file, {_ELSEWHERE}"),
    ("SQLITE_CORRUPT", f"is damaged: put a copy back, {_ELSEWHERE}"),
)
"""By the name of SQLite's error, or how it begins."""

_SERVER = (
    ("28", "refuses the user or the password: mend the URL"),
    ("3D000", "does not have that database: make it with createdb, or mend the URL"),
    ("42501", "does not let that user do this: grant it what it needs on the database's schema"),
    ("25006", "takes no writes: name the primary server"),
    ("53100", "has a full disk: make room; what was stored before is safe"),
    ("53300", "has no connection left: raise max_connections, or end other clients"),
    ("55P03", "is locked by another client: try again when it is done"),
    ("57", "is going down or coming up: try again when it is there"),
    ("08", "broke the connection: try again"),
)
"""By SQLSTATE, or how it begins."""

_BROKE = dict(_SERVER)["08"]


@contextmanager
def told(name: str) -> Generator[None]:
    """While entered, turn what goes wrong with a database into a ``StoreError``.

    Args:
        name: What the journal is called.
    """
    try:
        yield
    except MoaError:
        raise
    except _foreign() as error:
        raise StoreError(f"the journal {name} {_what(error)}") from error


def is_conflict(error: StoreError) -> bool:
    """Return whether a row was at fault, not the database: others may be written all the same."""
    cause = error.__cause__
    root = cause.orig if isinstance(cause, DBAPIError) else cause
    code = _code(root)
    return code.startswith(("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "22", "23"))


def _what(error: Exception) -> str:
    """Return what is wrong and the mend, to be read after the journal's name."""
    root: BaseException = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code = _code(root)
    known = next((words for table in (_SQLITE, _SERVER) for start, words in table if code.startswith(start)), None)
    if known is not None:
        return known
    if _is_broken(error, root):
        return _BROKE
    if isinstance(root, (TimeoutError, Timeout)):
        return "does not answer in time: try again, or see what holds it"
    if isinstance(root, OSError):
        return _what_system(root)
    return f"failed: {describe(root).splitlines()[0]}"


def _is_broken(error: Exception, root: BaseException) -> bool:
    """Return whether a connection was lost, though no server said so.

    What asyncpg was doing when the other side went away, it cannot end: then what is asked of it next, such as the
    rollback, fails by its own state.
    """
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    asyncpg = sys.modules.get("asyncpg")
    if is_lost or asyncpg is None:
        return is_lost
    return isinstance(root, asyncpg.InternalClientError) or isinstance(root.__cause__, asyncpg.InternalClientError)


def _what_system(error: OSError) -> str:
    reason = error.strerror or describe(error)
    if error.errno in {EACCES, EPERM, EROFS}:
        return f"cannot be written ({reason}): let this user write the file and its folder, {_ELSEWHERE}"
    if error.errno in {ENOSPC, EDQUOT}:
        return f"cannot be written ({reason}): make room; what was stored before is safe"
    if error.filename is not None:
        return f"cannot be opened ({reason}): mend its path, {_ELSEWHERE}"
    return f"cannot be reached ({reason}): see that the server runs and that the URL names it, {_ELSEWHERE}"


def _code(error: BaseException | None) -> str:
    """Return SQLite's name of an error, or a server's SQLSTATE; empty where there is none."""
    for link in (error, getattr(error, "__cause__", None)):
        code = getattr(link, "sqlite_errorname", None) or getattr(link, "sqlstate", None)
        if code:
            return str(code)
    return ""


def _foreign() -> tuple[type[Exception], ...]:
    """Return what databases raise; with what asyncpg raises of its own while it connects, where it was imported."""
    ours = (SQLAlchemyError, sqlite3.Error, OSError, Timeout)
    asyncpg = sys.modules.get("asyncpg")
    return (
        ours if asyncpg is None else (*ours, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    )
