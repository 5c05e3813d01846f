"""A journal opened for one command: made nowhere, read, and closed; and runs by what people call them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from attention_moa.cli.keeping import where_is
from attention_moa.errors import ConfigError, RunNotFoundError

if TYPE_CHECKING:
    from attention_moa.store.address import Address
    from attention_moa.store.journal import SqlJournal
    from attention_moa.stored_runs import RunRow

T = TypeVar("T")

LAST = "last"
_NEWEST = 1000


def with_journal(journal: str | None, use: Callable[[SqlJournal], Awaitable[T]], *, is_only_read: bool = True) -> T:
    """Return what a function makes of a journal that is there.

    Args:
        journal: Its path or URL; None for the default.
        use: Gets it open.
        is_only_read: Whether nothing is going to be written: then it may be one that this user cannot write.

    Raises:
        ConfigError: There is no such file: a command that only looks makes none.
        StoreError: It cannot be opened or read.
    """
    from attention_moa.store import open_journal
    from attention_moa.store.address import parse_address

    place = where_is(journal)
    address = parse_address(place)
    if not has_journal(address):
        raise ConfigError(
            f"there is no journal {address.name} yet: ask something first, or name another", key="--journal"
        )

    async def used() -> T:
        async with open_journal(place, is_only_read=is_only_read) as opened:
            return await use(opened)

    return asyncio.run(used())


def has_journal(address: Address) -> bool:
    """Return whether there may be a journal at an address: not where there is no file, or one without a byte."""
    file = address.file
    return file is None or (file.exists() and (not file.is_file() or file.stat().st_size > 0))


async def find_run(journal: SqlJournal, name: str) -> str:
    """Return the id of the run that a name means: an id, its beginning or its end, or ``last``.

    Args:
        journal: Where it is.
        name: A beginning or an end counts among the newest thousand runs.

    Raises:
        ConfigError: The name is empty, or fits several runs.
        RunNotFoundError: It fits none.
    """
    if not name.strip():
        raise ConfigError("the run has no name: write an id, its beginning or its end, or last", key="RUN")
    rows = await journal.rows(limit=_NEWEST)
    if not rows:
        raise ConfigError(
            f"the journal {journal.name} has no runs yet: ask something first, or name another", key="RUN"
        )
    if name == LAST:
        return rows[0].run_id
    found = _fitting(rows, name)
    if len(found) > 1 and name not in found:
        some = ", ".join(found[:3])
        raise ConfigError(f"{name!r} fits {len(found)} runs: write more of one ({some} …)", key="RUN")
    if not found and len(rows) < _NEWEST:
        raise RunNotFoundError(name)
    return found[0] if len(found) == 1 else name


def _fitting(rows: list[RunRow], name: str) -> list[str]:
    return [row.run_id for row in rows if row.run_id.startswith(name) or row.run_id.endswith(name)]
