"""Group commit: what comes while the disk is busy goes into one transaction.

A write is in a task of its own from the moment on when it is asked for, so no cancellation of who asked reaches it; who
asked waits for its end even then. The task ends when nothing is left to write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

from attention_moa.errors import StoreError
from attention_moa.store.database import Database
from attention_moa.store.endings import end_of
from attention_moa.store.faults import is_conflict
from attention_moa.store.packing import is_big

if TYPE_CHECKING:
    from sqlalchemy import Executable

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    statement: Executable
    make_row: Callable[[], Row]
    made: Row | None
    done: asyncio.Future[None]


class Writer:
    """Writes rows, many in one transaction.

    Args:
        database: Where to.
    """

    def __init__(self, database: Database) -> None:
        """Start with nothing to write."""
        self._database = database
        self._pending: list[_Entry] = []
        self._flushing: asyncio.Task[None] | None = None

    async def write(self, statement: Executable, make_row: Callable[[], Row], *, size_bytes: int = 0) -> None:
        """Execute a statement with a row's values; it is on disk when this returns, or is cancelled.

        Args:
            statement: Always the same object for the same statement: equal ones go together.
            make_row: Returns its values.
            size_bytes: About how big they are: what is big is made beside the event loop.

        Raises:
            StoreError: It is not written.
        """
        made = None if is_big(size_bytes) else make_row()
        entry = _Entry(statement, make_row, made, asyncio.get_running_loop().create_future())
        self._pending.append(entry)
        if self._flushing is None or self._flushing.done():
            # The commit must outlive a cancelled caller; everybody who asked waits for it.
            self._flushing = asyncio.create_task(self._flush())  # noqa: TID251 - so it is nobody's child
        await end_of(entry.done)

    async def _flush(self) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            try:
                await self._commit([(entry, row) for entry in batch if (row := await _row(entry)) is not None])
            finally:
                for entry in batch:
                    if not entry.done.done():
                        entry.done.set_exception(StoreError("the program ended while the journal was written"))

    async def _commit(self, batch: Sequence[tuple[_Entry, Row]]) -> None:
        """Write a batch whole; where a single row spoils it, write the others without it."""
        try:
            async with self._database.write() as connection:
                for statement, rows in _grouped(batch):
                    await connection.execute(statement, rows)
        except StoreError as error:
            if len(batch) > 1 and is_conflict(error):
                for one in batch:
                    await self._commit([one])
                return
            for entry, _ in batch:
                entry.done.set_exception(error)
            return
        for entry, _ in batch:
            entry.done.set_result(None)


async def _row(entry: _Entry) -> Row | None:
    """Return an entry's values; None, and whoever asked is told, where they cannot be stored."""
    try:
        return entry.made or await asyncio.to_thread(entry.make_row)
    except StoreError as error:
        entry.done.set_exception(error)
        return None


def _grouped(batch: Sequence[tuple[_Entry, Row]]) -> list[tuple[Executable, list[Row]]]:
    """Return neighbours of one statement together, in their order."""
    by_statement = groupby(batch, key=lambda one: id(one[0].statement))
    groups = [list(group) for _, group in by_statement]
    return [(group[0][0].statement, [row for _, row in group]) for group in groups]
