"""The keys of a journal, opened for one command."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from attention_moa.cli.keeping import where_is
from attention_moa.cli.opened import has_journal
from attention_moa.errors import ConfigError

if TYPE_CHECKING:
    from attention_moa.store.database import Database

T = TypeVar("T")


def with_keys(
    journal: str | None, use: Callable[[Database], Awaitable[T]], *, is_only_read: bool = False, is_made: bool = False
) -> T:
    """Return what a function makes of the keys of a journal.

    Args:
        journal: Its path or URL; None for the default.
        use: Gets the journal's database.
        is_only_read: Whether nothing is going to be written.
        is_made: Whether a journal is made where there is none.

    Raises:
        ConfigError: There is no such file, and none is to be made.
        StoreError: It cannot be opened.
    """
    from attention_moa.server.key_store import open_key_database
    from attention_moa.store.address import parse_address

    place = where_is(journal)
    address = parse_address(place)
    if not (is_made or has_journal(address)):
        message = f"there is no journal {address.name} yet: attention-moa keys add makes one, or name another"
        raise ConfigError(message, key="--journal")

    async def used() -> T:
        async with open_key_database(place, is_only_read=is_only_read) as database:
            return await use(database)

    return asyncio.run(used())
