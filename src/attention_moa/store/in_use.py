"""Which files this process has open as databases: no such file is opened a second time beside SQLite.

POSIX takes all locks of a process on a file away as soon as the process closes any descriptor of that file. SQLite
knows of its own descriptors only. So a file that is open here is not looked into again: another process would find no
lock on it, take itself for the last one, and take away what was written and is not in the file itself yet.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

_Key: TypeAlias = tuple[int, int]

_lock = threading.Lock()
_open: Counter[_Key] = Counter()


def take_up(file: Path, *, look: Callable[[Path], None], make: Callable[[Path], None] | None) -> Callable[[], None]:
    """Return what lets go of a file that is in use from here on; to be called once, after the last connection.

    Args:
        file: The database's.
        look: Looks into the file, and raises where it is none of ours; not called for one that is in use here.
        make: Makes a file that is not there; None where it is.

    Raises:
        StoreError: What ``look`` raises, and OSError.
    """
    with _lock:  # in another thread the same file may just be looked into
        if not _open[_key(file)]:
            look(file)
        if make is not None:
            make(file)
        key = _key(file)
        _open[key] += 1

    def let_go() -> None:
        with _lock:
            _open[key] -= 1

    return let_go


def _key(file: Path) -> _Key:
    """Return what tells a file from all others, whatever its name; one for files that are not there."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_dev, found.st_ino
