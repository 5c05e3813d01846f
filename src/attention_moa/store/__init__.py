"""Where runs and their calls are kept: a file, a PostgreSQL server, or, for tests, memory.

Nothing heavy is imported before a journal is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attention_moa.store.journal import SqlJournal

BUSY_TIMEOUT_S = 10.0
"""Seconds that a write waits for another process's write."""


def open_journal(
    url_or_path: str | Path,
    *,
    redact: Callable[[str], str] | None = None,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
    is_only_read: bool = False,
) -> SqlJournal:
    """Return a journal that connects when it is first used, awaited, or entered with ``async with``; close it.

    Args:
        url_or_path: A file, which is made where there is none, or an SQLAlchemy URL: ``sqlite:///path`` or
            ``postgresql+asyncpg://user:password@host/database``.
        redact: Rewrites every text before it is stored; what it changed cannot be replayed. None stores all as it is.
        busy_timeout_s: Most seconds that a write waits for another process's write.
        is_only_read: Whether nothing is going to be written: then a file that this user may not write does as well.

    Raises:
        ConfigError: The address is wrong, its database is none of these, or what is needed for it is not installed.
    """
    from attention_moa.store.address import parse_address
    from attention_moa.store.journal import SqlJournal

    address = parse_address(url_or_path)._replace(is_only_read=is_only_read)
    return SqlJournal(address, redact=redact, busy_timeout_s=busy_timeout_s)
