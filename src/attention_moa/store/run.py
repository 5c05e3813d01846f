"""One run's place in a database: its calls are looked up in memory and written to disk."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from attention_moa.errors import StoreError
from attention_moa.records import CallRecord, RunRecord
from attention_moa.store.database import Database
from attention_moa.store.facts import facts_of
from attention_moa.store.packing import pack, size_of, unpack, unpack_beside
from attention_moa.store.redaction import redacted
from attention_moa.store.results import pack_result
from attention_moa.store.statements import REUSABLE, UPDATE_RUN, Upserts
from attention_moa.store.views import CallKey, preview
from attention_moa.store.writer import Writer
from attention_moa.stored_runs import RunHead


class Shelf:
    """What a journal and its runs share.

    Args:
        database: Where all is kept.
        writer: Writes to it.
        redact: Rewrites every text before it is stored; None for none.
    """

    def __init__(self, database: Database, writer: Writer, redact: Callable[[str], str] | None) -> None:
        """Keep them together."""
        self.database = database
        self.writer = writer
        self.redact = redact
        self.upserts = Upserts(is_server=database.is_server)


class Kept:
    """What a run has in the journal, in memory.

    Args:
        calls: Those that may be found again; packed until somebody asks for them.
        decisions: By key.
        elapsed_s: When the last call ended, in seconds on the run's clock.
    """

    def __init__(
        self,
        calls: dict[CallKey, CallRecord | bytes] | None = None,
        decisions: dict[str, object] | None = None,
        elapsed_s: float = 0.0,
    ) -> None:
        """Start with what there is; a new run has nothing."""
        self.calls = calls or {}
        self.decisions = decisions or {}
        self.elapsed_s = elapsed_s


class SqlRun:
    """One run's place in a database.

    Args:
        shelf: Of the journal.
        head: What runs.
        kept: What is there of it.
        has_reuse: Whether calls of other runs are found too.
        release: Lets others have the run.
    """

    def __init__(
        self, shelf: Shelf, head: RunHead, kept: Kept, *, has_reuse: bool, release: Callable[[], Awaitable[None]]
    ) -> None:
        """Take up what there is."""
        self._shelf = shelf
        self._head = head
        self._kept = kept
        self._has_reuse = has_reuse
        self._release = release

    @property
    def head(self) -> RunHead:
        """What runs."""
        return self._head

    @property
    def elapsed_s(self) -> float:
        """Seconds on the run's clock when its last journaled call ended; 0 at first."""
        return self._kept.elapsed_s

    async def find(self, fingerprint: str, *, call_id: str) -> CallRecord | None:
        """Return the call that was journaled under a key; None where there is none.

        Args:
            fingerprint: The key of everything that shapes the reply.
            call_id: The call's name in the run.

        Raises:
            StoreError: The journal cannot be read.
        """
        key = fingerprint, call_id
        found = self._kept.calls.get(key)
        if isinstance(found, CallRecord):
            return found
        if found is not None:
            call = await unpack_beside(found, CallRecord)
            self._kept.calls[key] = call
            return call
        return await self._borrowed(fingerprint, call_id) if self._has_reuse else None

    async def _borrowed(self, fingerprint: str, call_id: str) -> CallRecord | None:
        asked = {"key": fingerprint, "of_run": self._head.run_id, "named": call_id, "of_owner": self._head.owner}
        async with self._shelf.database.read() as connection:
            row = (await connection.execute(REUSABLE, asked)).first()
        if row is None:
            return None
        call = await unpack_beside(row.record, CallRecord)
        return replace(call, replayed_from=row.run_id)

    async def put(self, fingerprint: str, call: CallRecord) -> None:
        """Keep a call that finished or was lost; it is on disk when this returns, or is cancelled.

        Args:
            fingerprint: The key of everything that shapes the reply.
            call: As it ended. A finished one that is there already stays as it is.

        Raises:
            StoreError: It cannot be written.
        """
        key = fingerprint, call.call_id
        before = self._kept.calls.get(key)
        if before is None or (isinstance(before, CallRecord) and before.state == "lost"):
            self._kept.calls[key] = call
        self._kept.elapsed_s = max(self._kept.elapsed_s, call.ended_s)
        try:
            await self._shelf.writer.write(
                self._shelf.upserts.call, lambda: self._row(fingerprint, call), size_bytes=size_of(call.messages)
            )
        except StoreError:
            self._forget(key, before)
            raise

    def _row(self, fingerprint: str, call: CallRecord) -> dict[str, Any]:
        stored = redacted(call, self._shelf.redact)
        facts = facts_of(call)
        return {
            "run_id": self._head.run_id,
            "fingerprint": fingerprint,
            "call_id": call.call_id,
            "state": call.state,
            "is_redacted": stored is not call,
            "ended_s": call.ended_s,
            "created": time.time(),
            "record": pack(stored),
            "model": call.model if facts is not None else None,
            "facts": pack(facts) if facts is not None else None,
        }

    def _forget(self, key: CallKey, before: CallRecord | bytes | None) -> None:
        if before is None:
            self._kept.calls.pop(key, None)
        else:
            self._kept.calls[key] = before

    def decision(self, key: str) -> object | None:
        """Return what was decided under a key; None where nothing was."""
        return self._kept.decisions.get(key)

    async def decide(self, key: str, value: object) -> None:
        """Keep a decision; the first one under a key holds.

        Args:
            key: Its name in the run.
            value: Any JSON value.

        Raises:
            StoreError: It cannot be written.
        """
        if key in self._kept.decisions:
            return
        stored = pack(value)
        self._kept.decisions[key] = unpack(stored, object)
        row = {"run_id": self._head.run_id, "key": key, "value": stored}
        await self._shelf.writer.write(self._shelf.upserts.decision, lambda: row)

    async def end(self, record: RunRecord) -> None:
        """Keep the run's record and state.

        Args:
            record: Final; a state of ``running`` leaves it to be taken up.

        Raises:
            StoreError: It cannot be written.
        """
        size_bytes = sum(len(call.text or "") for call in record.calls)
        await self._shelf.writer.write(UPDATE_RUN, lambda: self._result(record), size_bytes=size_bytes)

    def _result(self, record: RunRecord) -> dict[str, Any]:
        text = redacted(replace(record, calls=()), self._shelf.redact).text
        return {
            "of_run": self._head.run_id,
            "state": record.state,
            "text": preview(text) if text is not None else None,
            "usage": pack(record.usage),
            "wall_s": record.wall_s,
            "record": pack_result(record, self._has_row, self._shelf.redact),
        }

    def _has_row(self, call: CallRecord) -> bool:
        return self._kept.calls.get((call.fingerprint or "", call.call_id)) is call

    async def release(self) -> None:
        """Let others have the run; idempotent."""
        await self._release()
