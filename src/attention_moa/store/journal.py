"""The journal on a database: SQLite in a file of one's own, PostgreSQL where many machines share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeAlias

from sqlalchemy import Row, tuple_
from sqlalchemy.exc import IntegrityError

from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError, RunBusyError, RunNotFoundError, StoreError
from attention_moa.experience import NEWEST_CALLS, CallFacts, ModelExperience, learn
from attention_moa.messages import Conversation
from attention_moa.records import CallRecord, RunRecord, UsageTotal
from attention_moa.store import BUSY_TIMEOUT_S
from attention_moa.store.address import Address
from attention_moa.store.database import open_database
from attention_moa.store.endings import end_of, has_failed
from attention_moa.store.holds import Holds, holds_of, this_process
from attention_moa.store.packing import pack, unpack
from attention_moa.store.redaction import redacted
from attention_moa.store.results import unpack_result
from attention_moa.store.run import Kept, Shelf, SqlRun
from attention_moa.store.statements import (
    CALLS_OF_RUN,
    DECISIONS_OF_RUN,
    DELETIONS,
    FACTS,
    GIVE_UP,
    GIVEN_UP,
    HEAD,
    INSERT_RUN,
    LINES,
    OLDER_THAN,
    TO_TAKE_UP,
    UPDATE_RUN,
)
from attention_moa.store.tables import RUNS
from attention_moa.store.views import TRIES_AGAIN, CallKey, partial_record, preview, question
from attention_moa.store.writer import Writer
from attention_moa.stored_runs import RunHead, RunRow

_Row: TypeAlias = Row[*tuple[Any, ...]]


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
            await shelf.writer.write(INSERT_RUN, lambda: _run_row(head, self._redact))
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
            row = await _row_of(shelf, run_id)
            await _take_up(shelf, row)
            kept = await _kept(shelf, run_id)
        except BaseException:  # a cancellation too: the run would stay held by nobody
            await holds.free(run_id)
            raise
        return self._place(shelf, holds, _head(row), kept, has_reuse=has_reuse)

    async def unfinished(self, request_key: str) -> str | None:
        """Return the newest run of an equal request that nobody is at and that has not finished; None without one."""
        shelf, holds = await self._opened()
        async with shelf.database.read() as connection:
            run_ids = (await connection.execute(TO_TAKE_UP, {"key": request_key})).scalars().all()
        held = await holds.held(run_ids)
        return next((run_id for run_id in run_ids if run_id not in held), None)

    async def record(self, run_id: str) -> RunRecord:
        """Return a run's record: the final one, or what is finished where it did not get to its end.

        Raises:
            RunNotFoundError: There is no such run.
            StoreError: It is damaged, or of a form that this version does not know.
        """
        shelf, _ = await self._opened()
        row = await _row_of(shelf, run_id)
        async with shelf.database.read() as connection:
            calls = (await connection.execute(CALLS_OF_RUN, {"of_run": run_id})).all()
        packed = {(call.fingerprint, call.call_id): call.record for call in calls}
        return await asyncio.to_thread(_record, row, packed)

    async def rows(self, *, limit: int = 50, before: str | None = None) -> list[RunRow]:
        """Return runs, the newest first.

        Args:
            limit: At most so many.
            before: Only runs older than this one.

        Raises:
            RunNotFoundError: There is no run ``before``.
        """
        shelf, holds = await self._opened()
        query = LINES
        if before is not None:
            last = await _row_of(shelf, before)
            query = query.where(tuple_(RUNS.c.created_at, RUNS.c.run_id) < (last.created_at, last.run_id))
        async with shelf.database.read() as connection:
            lines = (await connection.execute(query, {"most": limit})).all()
        held = await holds.held([line.run_id for line in lines if line.state == "running"])
        return [_line(line, is_held=line.run_id in held) for line in lines]

    async def holder(self, run_id: str) -> str | None:
        """Return who is at a run, for a person; None for nobody."""
        shelf, holds = await self._opened()
        row = await _row_of(shelf, run_id)
        return row.holder if row.state == "running" and await holds.held([run_id]) else None

    async def decisions(self, run_id: str) -> dict[str, object]:
        """Return what was decided in a run, by key.

        Raises:
            RunNotFoundError: There is no such run.
        """
        shelf, _ = await self._opened()
        await _row_of(shelf, run_id)
        return await _decisions(shelf, run_id)

    async def experience(self, models: Iterable[str]) -> dict[str, ModelExperience]:
        """Return what the newest calls teach of models; those that were never seen are not in it.

        Args:
            models: ``provider:model`` of each.
        """
        shelf, _ = await self._opened()
        found: dict[str, Sequence[_Row]] = {}
        async with shelf.database.read() as connection:
            for model in models:
                asked = {"of_model": model, "most": NEWEST_CALLS}
                found[model] = (await connection.execute(FACTS, asked)).all()
        return await asyncio.to_thread(_learnt, found)

    async def delete(self, run_id: str) -> None:
        """Take a run, its calls and decisions out for good.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
        """
        shelf, holds = await self._opened()
        await self._take(shelf, holds, run_id)
        try:
            await _delete(shelf, run_id)
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
        shelf, holds = await self._opened()
        before = (datetime.now(UTC) - timedelta(days=older_than_days)).isoformat()
        async with shelf.database.read() as connection:
            run_ids = (await connection.execute(OLDER_THAN, {"before": before})).scalars().all()
        deleted = 0
        for run_id in run_ids:
            if await holds.take(run_id):
                try:
                    await _delete(shelf, run_id)
                    deleted += 1
                finally:
                    await holds.free(run_id)
        await shelf.database.reclaim()
        return deleted

    async def _take(self, shelf: Shelf, holds: Holds, run_id: str) -> None:
        await _row_of(shelf, run_id)
        if not await holds.take(run_id):
            raise RunBusyError(run_id, (await _row_of(shelf, run_id)).holder)

    def _place(self, shelf: Shelf, holds: Holds, head: RunHead, kept: Kept, *, has_reuse: bool) -> SqlRun:
        return SqlRun(shelf, head, kept, has_reuse=has_reuse, release=lambda: holds.free(head.run_id))


async def _closed(shelf: Shelf, holds: Holds) -> None:
    await holds.aclose()
    await shelf.database.aclose()


def _run_row(head: RunHead, redact: Callable[[str], str] | None) -> dict[str, Any]:
    spec, conversation = redacted(head.ensemble, redact), redacted(head.conversation, redact)
    return {
        "run_id": head.run_id,
        "created_at": head.created_at,
        "state": "running",
        "ensemble": preview(head.ensemble.name),
        "request_key": head.request_key,
        "sample": head.sample,
        "is_redacted": spec is not head.ensemble or conversation is not head.conversation,
        "holder": this_process(),
        "question": question(conversation),
        "spec": pack(spec),
        "conversation": pack(conversation),
    }


async def _row_of(shelf: Shelf, run_id: str) -> _Row:
    """Return a run's row; raise ``RunNotFoundError`` where there is none."""
    async with shelf.database.read() as connection:
        row = (await connection.execute(HEAD, {"of_run": run_id})).first()
    if row is None:
        raise RunNotFoundError(run_id)
    return row


async def _take_up(shelf: Shelf, row: _Row) -> None:
    """Write down that this process is at a run; one that has finished stays finished.

    Raises:
        StoreError: What it was asked is not what is stored.
    """
    if row.is_redacted:
        raise StoreError(f"run {row.run_id} was stored with its question redacted: ask anew")
    async with shelf.database.write() as connection:
        if row.state in TRIES_AGAIN:
            await connection.execute(GIVE_UP, {"of_run": row.run_id})
        state = "finished" if row.state == "finished" else "running"
        await connection.execute(UPDATE_RUN, {"of_run": row.run_id, "state": state, "holder": this_process()})


async def _kept(shelf: Shelf, run_id: str) -> Kept:
    async with shelf.database.read() as connection:
        calls = (await connection.execute(CALLS_OF_RUN, {"of_run": run_id})).all()
    found = {
        (call.fingerprint, call.call_id): call.record
        for call in calls
        if call.state != GIVEN_UP and not call.is_redacted
    }
    decided = await _decisions(shelf, run_id)
    return Kept(dict(found), decided, max((call.ended_s for call in calls), default=0.0))


async def _decisions(shelf: Shelf, run_id: str) -> dict[str, object]:
    async with shelf.database.read() as connection:
        decisions = (await connection.execute(DECISIONS_OF_RUN, {"of_run": run_id})).all()
    return {row.key: unpack(row.value, object) for row in decisions}


def _learnt(found: Mapping[str, Sequence[_Row]]) -> dict[str, ModelExperience]:
    learnt = {
        model: learn(model, [(row.run_id, unpack(row.facts, CallFacts)) for row in rows])
        for model, rows in found.items()
    }
    return {model: known for model, known in learnt.items() if known is not None}


async def _delete(shelf: Shelf, run_id: str) -> None:
    async with shelf.database.write() as connection:
        for deletion in DELETIONS:
            await connection.execute(deletion, {"of_run": run_id})


def _head(row: _Row) -> RunHead:
    return RunHead(
        run_id=row.run_id,
        created_at=row.created_at,
        ensemble=unpack(row.spec, EnsembleSpec),
        conversation=unpack(row.conversation, Conversation),
        request_key=row.request_key,
        sample=row.sample,
    )


def _record(row: _Row, packed: dict[CallKey, bytes]) -> RunRecord:
    if row.record is not None and row.state != "running":
        return unpack_result(row.record, packed)
    return partial_record(_head(row), [unpack(call, CallRecord) for call in packed.values()])


def _line(line: _Row, *, is_held: bool) -> RunRow:
    has_ended = line.state != "running"
    return RunRow(
        run_id=line.run_id,
        created_at=line.created_at,
        ensemble=line.ensemble,
        question=line.question,
        state=line.state,
        is_held=is_held,
        calls=line.calls,
        usage=unpack(line.usage, UsageTotal) if has_ended and line.usage is not None else None,
        wall_s=line.wall_s if has_ended else None,
        text=line.text if has_ended else None,
    )
