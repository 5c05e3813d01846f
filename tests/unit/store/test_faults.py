"""What databases raise becomes one line with the mend, and never more of an address than its name."""

from __future__ import annotations

import errno
import sqlite3

import asyncpg  # type: ignore[import-untyped]  # it has no stubs
import pytest
from filelock import Timeout
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from attention_moa.errors import MoaError, RunNotFoundError, StoreError
from attention_moa.store.faults import is_conflict, told


class RefusalError(Exception):
    """What a server's driver raises."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("what the server says\nDETAIL: more of it")
        self.sqlstate = sqlstate


def sqlite(name: str) -> sqlite3.Error:
    """Return SQLite's error of a name."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorname = name
    return error


def wrapped(error: Exception) -> DBAPIError:
    """Return an error as SQLAlchemy hands it on."""
    return OperationalError("INSERT", {"text": "secret"}, error, hide_parameters=True)


def said(error: Exception) -> StoreError:
    """Return what is told of an error."""
    with pytest.raises(StoreError) as caught, told("here"):
        raise error
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the journal here ")
    return caught.value


def adapted(error: Exception) -> DBAPIError:
    """Return a driver's error as SQLAlchemy hands it on that has one of its own for it."""
    own = Exception(str(error))
    own.__cause__ = error
    return wrapped(own)


def cut_off(error: Exception) -> DBAPIError:
    """Return the error of a connection that SQLAlchemy found closed."""
    return OperationalError("COMMIT", {}, error, hide_parameters=True, connection_invalidated=True)


SWITCH = "cannot switch to state 15; another operation (2) is in progress"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite("SQLITE_BUSY_SNAPSHOT"), "is locked by another process"),
        (wrapped(sqlite("SQLITE_LOCKED")), "is locked by another process"),
        (wrapped(sqlite("SQLITE_READONLY_DBMOVED")), "let this user write"),
        (wrapped(sqlite("SQLITE_FULL")), "the disk is full: make room; what was stored before is safe"),
        (wrapped(sqlite("SQLITE_IOERR_WRITE")), "the disk fails or is full"),
        (wrapped(sqlite("SQLITE_CANTOPEN")), "cannot be opened"),
        (wrapped(sqlite("SQLITE_NOTADB")), "no SQLite database"),
        (wrapped(sqlite("SQLITE_CORRUPT_INDEX")), "is damaged: put a copy back"),
        (wrapped(sqlite("SQLITE_ERROR")), "failed: what SQLite says"),
        (wrapped(RefusalError("28P01")), "refuses the user or the password: mend the URL"),
        (wrapped(RefusalError("3D000")), "createdb"),
        (wrapped(RefusalError("42501")), "grant it"),
        (wrapped(RefusalError("53100")), "full disk"),
        (wrapped(RefusalError("53300")), "no connection left"),
        (wrapped(RefusalError("57P01")), "is going down or coming up"),
        (wrapped(RefusalError("08006")), "broke the connection"),
        (wrapped(RefusalError("25006")), "takes no writes"),
        (asyncpg.InternalClientError(SWITCH), "broke the connection: try again"),
        (adapted(asyncpg.InternalClientError(SWITCH)), "broke the connection: try again"),
        (cut_off(Exception("cannot call Transaction.rollback()")), "broke the connection: try again"),
        (cut_off(RefusalError("57P01")), "is going down or coming up"),
        (wrapped(RefusalError("XX000")), "failed: what the server says"),
        (SQLAlchemyError("odd"), "failed: odd"),
        (TimeoutError(), "does not answer in time"),
        (Timeout("lock"), "does not answer in time"),
        (PermissionError(errno.EACCES, "Permission denied", "file"), "let this user write"),
        (OSError(errno.ENOSPC, "No space left on device", "file"), "make room"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "file"), "mend its path"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "see that the server runs"),
        (OSError("Multiple exceptions"), "see that the server runs"),
    ],
)
def test_every_error_has_its_mend(error: Exception, words: str) -> None:
    """In one line that opens with the journal's name."""
    assert words in str(said(error))


def test_our_own_errors_pass() -> None:
    """They are said already; what is no database's is not caught at all."""
    for error in (RunNotFoundError("run-1"), MoaError("own")):
        with pytest.raises(type(error)) as caught, told("here"):
            raise error
        assert caught.value is error
    with pytest.raises(ZeroDivisionError), told("here"):
        raise ZeroDivisionError


def test_a_row_at_fault_is_told_from_a_database_at_fault() -> None:
    """So that others can be written without it."""
    assert is_conflict(said(wrapped(sqlite("SQLITE_CONSTRAINT_UNIQUE"))))
    assert is_conflict(said(wrapped(RefusalError("23505"))))
    assert is_conflict(said(wrapped(RefusalError("22021"))))
    assert not is_conflict(said(wrapped(sqlite("SQLITE_FULL"))))
    assert not is_conflict(said(TimeoutError()))
