"""A journal's database with keys in it, and a day that is set by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from attention_moa.server.key_store import KeyStore, open_key_database
from attention_moa.server.keys import Key, KeyRules
from attention_moa.server.spending import Spending


class Day:
    """The time, in UTC, set by hand."""

    def __init__(self, now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Till:
    """Keys and what they spent, as one server has them.

    Args:
        store: The keys.
        spending: What they spent.
        day: The time.
    """

    def __init__(self, store: KeyStore, spending: Spending, day: Day) -> None:
        self.store = store
        self.spending = spending
        self.day = day

    async def key(self, name: str = "alice", rules: KeyRules | None = None) -> Key:
        """Return a new key."""
        return (await self.store.add(name, rules or KeyRules()))[0]


@asynccontextmanager
async def a_till(place: str | Path, day: Day | None = None) -> AsyncIterator[Till]:
    """Lend what one server has of the keys in a journal.

    Args:
        place: The journal's path or URL.
        day: The time; None for noon of some day.
    """
    told = day or Day()
    async with open_key_database(place) as database:
        yield Till(KeyStore(database), Spending(database, told), told)
