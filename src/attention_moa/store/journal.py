"""The journal on a database: SQLite in a file of one's own, PostgreSQL where many machines share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import Executable, tuple_
from sqlalchemy.exc import IntegrityError

from attention_moa.errors import ConfigError, RunBusyError, RunNotFoundError, StoreError
from attention_moa.experience import NEWEST_CALLS, ModelExperience
from attention_moa.records import RunRecord, RunState
from attention_moa.store import BUSY_TIMEOUT_S
from attention_moa.store.address import Address
from attention_moa.store.database import open_database
from attention_moa.store.endings import end_of, has_failed
from attention_moa.store.holds import Holds, holds_of
from attention_moa.store.rows import (
    AnyRow,
    event_row,
    events_of,
    head_of,
    learnt,
    line_of,
    record_of,
    run_row,
    size_of_events,
)
from attention_moa.store.run import Kept, Shelf, SqlRun
from attention_moa.store.run_rows import decisions_of, delete_run, kept_of, row_of, take_up
from attention_moa.store.statements import (
    CALLS_OF_RUN,
    EVENTS_OF_RUN,
    FACTS,
    INSERT_RUN,
    LINES,
    OLDER_THAN,
    RUNS_OF_OWNER,
    TO_TAKE_UP,
)
from attention_moa.store.tables import RUNS
from attention_moa.store.views import Numbered, preview, require_in_order
from attention_moa.store.writer import Writer
from attention_moa.stored_runs import RunHead, RunRow


class SqlJournal:
    """A journal that connects when it is first used. After ``aclose`` it connects again, in another loop too.

    Args:
        address: Where it is.
        redact: Rewrites every text before it is stored; None for none.
        busy_timeout_s: Most seconds that a write waits for another process's write.
    """

    def __init__(
        self, address: Address, *, redact: Callable[[str], str] | None = None, busy_timeout_s: float = BUSY_TIMEOUT_S
    ) -> None:
        """Keep the address; nothing is touched yet."""
        self._address = address
        self._redact = redact
        self._busy_timeout_s = busy_timeout_s
        self._opening = asyncio.Lock()
        self._open: tuple[Shelf, Holds] | None = None

    @property
    def name(self) -> str:
        """Where the journal is, for a person; never with a password."""
        return self._address.name

    def __await__(self) -> Generator[Any, None, Self]:
        """Connect now, so that what is wrong with the journal is seen at once: ``journal = await open_journal(…)``."""
        return self.__aenter__().__await__()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            StoreError: It cannot be opened, or is no journal.
        """
        await self._opened()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of all connections."""
        await self.aclose()

    async def _opened(self) -> tuple[Shelf, Holds]:
        async with self._opening:
            if self._open is None:
                # A connection whose opening is cut short would be left to a thread that nobody hears any more.
                opening = asyncio.create_task(self._connected())  # noqa: TID251 - awaited to its end
                try:
                    self._open = await end_of(opening)
                except asyncio.CancelledError:
                    if not has_failed(opening):
                        await _closed(*opening.result())
                    raise
            return self._open

    async def _connected(self) -> tuple[Shelf, Holds]:
        database = await open_database(self._address, busy_timeout_s=self._busy_timeout_s)
        return Shelf(database, Writer(database), self._redact), holds_of(database)

    async def aclose(self) -> None:
        """Let go of all runs and connections; idempotent."""
        opened, self._open = self._open, None
        self._opening = asyncio.Lock()
        if opened is not None:
            await _closed(*opened)

    async def secret(self) -> bytes:
        """Return what tags and nonces are derived from: 32 bytes, drawn when the journal was made."""
        shelf, _ = await self._opened()
        return shelf.database.secret

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> SqlRun:
        """Return a new run's place, held by this process.

        Args:
            head: What runs.
            has_reuse: Whether calls of other runs are found too.

        Raises:
            StoreError: There is a run of that id, or the journal cannot be written.
        """
        shelf, holds = await self._opened()
        if not await holds.take(head.run_id):
            raise RunBusyError(head.run_id, "another process")
        try:
            await shelf.writer.write(INSERT_RUN, lambda: run_row(head, self._redact))
        except BaseException as error:  # a cancellation too: the run would stay held by nobody
            await holds.free(head.run_id)
            if isinstance(error, StoreError) and isinstance(error.__cause__, IntegrityError):
                raise StoreError(f"there is a run {head.run_id} already: every run has an id of its own") from error
            raise
        return self._place(shelf, holds, head, Kept(), has_reuse=has_reuse)

    async def resume(self, run_id: str, *, has_reuse: bool = False) -> SqlRun:
        """Return an earlier run's place, held by this process from here on.

        Lost calls of a run that had come to its end, failed or cancelled, are not found: they are sent once more.

        Args:
            run_id: Which.
            has_reuse: Whether calls of other runs are found too.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
            StoreError: A redact hook changed its question, or the journal fails.
        """
        shelf, holds = await self._opened()
        await self._take(shelf, holds, run_id)
        try:
            row = await row_of(shelf, run_id)
            await take_up(shelf, row)
            kept = await kept_of(shelf, run_id)
        except BaseException:  # a cancellation too: the run would stay held by nobody
            await holds.free(run_id)
            raise
        return self._place(shelf, holds, head_of(row), kept, has_reuse=has_reuse)

    async def unfinished(self, request_key: str, *, owner: str = "") -> str | None:
        """Return an owner's newest run of an equal request that nobody is at and that has not finished, or None."""
        shelf, holds = await self._opened()
        asked = {"key": request_key, "of_owner": owner}
        async with shelf.database.read() as connection:
            run_ids = (await connection.execute(TO_TAKE_UP, asked)).scalars().all()
        held = await holds.held(run_ids)
        return next((run_id for run_id in run_ids if run_id not in held), None)

    async def head(self, run_id: str) -> RunHead:
        """Return what a run is; nobody need hold it.

        Raises:
            RunNotFoundError: There is no such run.
        """
        shelf, _ = await self._opened()
        return head_of(await row_of(shelf, run_id))

    async def record(self, run_id: str) -> RunRecord:
        """Return a run's record: the final one, or what is finished where it did not get to its end.

        Raises:
            RunNotFoundError: There is no such run.
            StoreError: It is damaged, or of a form that this version does not know.
        """
        shelf, _ = await self._opened()
        row = await row_of(shelf, run_id)
        async with shelf.database.read() as connection:
            calls = (await connection.execute(CALLS_OF_RUN, {"of_run": run_id})).all()
        packed = {(call.fingerprint, call.call_id): call.record for call in calls}
        return await asyncio.to_thread(record_of, row, packed)

    async def rows(
        self,
        *,
        limit: int = 50,
        before: str | None = None,
        owner: str | None = None,
        state: RunState | None = None,
        ensemble: str | None = None,
    ) -> list[RunRow]:
        """Return runs, the newest first.

        Args:
            limit: At most so many.
            before: Only runs older than this one.
            owner: Only this owner's; None for everybody's.
            state: Only runs in this state; None for any.
            ensemble: Only runs of the ensemble of this name; None for any.

        Raises:
            RunNotFoundError: There is no run ``before``, or it is another owner's.
        """
        shelf, holds = await self._opened()
        named = preview(ensemble) if ensemble is not None else None
        wanted = ((RUNS.c.owner, owner), (RUNS.c.state, state), (RUNS.c.ensemble, named))
        query = LINES.where(*(column == value for column, value in wanted if value is not None))
        if before is not None:
            last = await row_of(shelf, before)
            if owner not in {None, last.owner}:
                raise RunNotFoundError(before)
            query = query.where(tuple_(RUNS.c.created_at, RUNS.c.run_id) < (last.created_at, last.run_id))
        async with shelf.database.read() as connection:
            lines = (await connection.execute(query, {"most": limit})).all()
        held = await holds.held([line.run_id for line in lines if line.state == "running"])
        return [line_of(line, is_held=line.run_id in held) for line in lines]

    async def holder(self, run_id: str) -> str | None:
        """Return who is at a run, for a person; None for nobody."""
        shelf, holds = await self._opened()
        row = await row_of(shelf, run_id)
        return row.holder if row.state == "running" and await holds.held([run_id]) else None

    async def decisions(self, run_id: str) -> dict[str, object]:
        """Return what was decided in a run, by key.

        Raises:
            RunNotFoundError: There is no such run.
        """
        shelf, _ = await self._opened()
        await row_of(shelf, run_id)
        return await decisions_of(shelf, run_id)

    async def experience(self, models: Iterable[str]) -> dict[str, ModelExperience]:
        """Return what the newest calls teach of models; those that were never seen are not in it.

        Args:
            models: ``provider:model`` of each.
        """
        shelf, _ = await self._opened()
        found: dict[str, Sequence[AnyRow]] = {}
        async with shelf.database.read() as connection:
            for model in models:
                asked = {"of_model": model, "most": NEWEST_CALLS}
                found[model] = (await connection.execute(FACTS, asked)).all()
        return await asyncio.to_thread(learnt, found)

    async def keep_events(self, run_id: str, events: Sequence[Numbered]) -> None:
        """Keep events of a run under their numbers; what is kept under a number already stays.

        Args:
            run_id: Whose.
            events: In the order of their numbers, which are from 1 and above those that were kept before.

        Raises:
            RunNotFoundError: There is no such run.
            StoreError: The numbers are in no order, or the journal cannot be written.
        """
        if not events:
            return
        require_in_order(events)
        shelf, _ = await self._opened()
        try:
            await shelf.writer.write(
                shelf.upserts.events,
                lambda: event_row(run_id, events, self._redact),
                size_bytes=size_of_events(events),
            )
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise RunNotFoundError(run_id) from error
            raise

    async def events(self, run_id: str, after: int = 0) -> list[Numbered]:
        """Return what was kept of a run's events, by their numbers.

        Args:
            run_id: Whose.
            after: Only those with a higher number.

        Raises:
            RunNotFoundError: There is no such run.
        """
        shelf, _ = await self._opened()
        await row_of(shelf, run_id)
        async with shelf.database.read() as connection:
            bodies = (await connection.execute(EVENTS_OF_RUN, {"of_run": run_id, "after": after})).scalars().all()
        return await asyncio.to_thread(events_of, bodies, after=after)

    async def delete(self, run_id: str) -> None:
        """Take a run, its calls, decisions and events out for good.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
        """
        shelf, holds = await self._opened()
        await self._take(shelf, holds, run_id)
        try:
            await delete_run(shelf, run_id)
        finally:
            await holds.free(run_id)
        await shelf.database.reclaim()

    async def prune(self, older_than_days: float) -> int:
        """Delete every run that began longer ago and that nobody is at; return how many.

        Args:
            older_than_days: From 0 up.

        Raises:
            ConfigError: It is below 0.
        """
        if not 0 <= older_than_days < timedelta.max.days:
            raise ConfigError(f"{older_than_days} is not a number of days from 0 up", key="older_than_days")
        before = (datetime.now(UTC) - timedelta(days=older_than_days)).isoformat()
        return await self._delete_free(OLDER_THAN, {"before": before})

    async def delete_all(self, owner: str) -> int:
        """Delete every run of an owner that nobody is at; return how many."""
        return await self._delete_free(RUNS_OF_OWNER, {"of_owner": owner})

    async def _delete_free(self, which: Executable, asked: Mapping[str, str]) -> int:
        """Delete the runs that a statement names and that nobody is at; return how many."""
        shelf, holds = await self._opened()
        async with shelf.database.read() as connection:
            run_ids = (await connection.execute(which, asked)).scalars().all()
        deleted = 0
        for run_id in run_ids:
            if await holds.take(run_id):
                try:
                    await delete_run(shelf, run_id)
                    deleted += 1
                finally:
                    await holds.free(run_id)
        await shelf.database.reclaim()
        return deleted

    async def _take(self, shelf: Shelf, holds: Holds, run_id: str) -> None:
        await row_of(shelf, run_id)
        if not await holds.take(run_id):
            raise RunBusyError(run_id, (await row_of(shelf, run_id)).holder)

    def _place(self, shelf: Shelf, holds: Holds, head: RunHead, kept: Kept, *, has_reuse: bool) -> SqlRun:
        return SqlRun(shelf, head, kept, has_reuse=has_reuse, release=lambda: holds.free(head.run_id))


async def _closed(shelf: Shelf, holds: Holds) -> None:
    await holds.aclose()
    await shelf.database.aclose()
