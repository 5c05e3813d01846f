"""A journal that is gone with its process: for tests, and where nothing may be kept."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from attention_moa.errors import RunBusyError, RunNotFoundError, StoreError
from attention_moa.events import Event
from attention_moa.experience import NEWEST_CALLS, ModelExperience, learn
from attention_moa.records import CallRecord, RunRecord, RunState
from attention_moa.store.facts import facts_of
from attention_moa.store.packing import pack, unpack
from attention_moa.store.views import (
    TRIES_AGAIN,
    UNFINISHED,
    CallKey,
    Numbered,
    partial_record,
    preview,
    question,
    require_in_order,
)
from attention_moa.stored_runs import RunHead, RunRow


@dataclass
class _Run:
    """What is kept of one run; ``given_up`` are lost calls that are to be sent once more."""

    head: RunHead
    state: RunState = "running"
    calls: dict[CallKey, CallRecord] = field(default_factory=dict[CallKey, CallRecord])
    given_up: set[CallKey] = field(default_factory=set[CallKey])
    decisions: dict[str, object] = field(default_factory=dict[str, object])
    events: dict[int, Event] = field(default_factory=dict[int, Event])
    record: RunRecord | None = None


class MemoryJournal:
    """The journal's contract without a database; it outlives ``aclose``.

    Args:
        secret: What tags and nonces are derived from; None draws one.
    """

    def __init__(self, *, secret: bytes | None = None) -> None:
        """Start empty."""
        self._secret = secret if secret is not None else secrets.token_bytes(32)
        self._runs: dict[str, _Run] = {}
        self._held: set[str] = set()
        self._put: list[tuple[str, CallKey]] = []

    async def secret(self) -> bytes:
        """Return what tags and nonces are derived from."""
        return self._secret

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> MemoryRun:
        """Return a new run's place.

        Raises:
            StoreError: There is a run of that id.
        """
        if head.run_id in self._runs:
            raise StoreError(f"there is a run {head.run_id} already: every run has an id of its own")
        self._runs[head.run_id] = _Run(head)
        return self._hold(head.run_id, has_reuse)

    async def resume(self, run_id: str, *, has_reuse: bool = False) -> MemoryRun:
        """Return an earlier run's place.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
        """
        run = self._run(run_id)
        self._require_free(run_id)
        if run.state in TRIES_AGAIN:
            run.given_up = {key for key, call in run.calls.items() if call.state == "lost"}
        if run.state != "finished":
            run.state = "running"
        return self._hold(run_id, has_reuse)

    async def unfinished(self, request_key: str, *, owner: str = "") -> str | None:
        """Return an owner's newest run of an equal request that can be taken up."""
        return next(
            (
                run.head.run_id
                for run in self._newest_first()
                if (run.head.request_key, run.head.owner) == (request_key, owner)
                and run.state in UNFINISHED
                and run.head.run_id not in self._held
            ),
            None,
        )

    async def head(self, run_id: str) -> RunHead:
        """Return what a run is.

        Raises:
            RunNotFoundError: There is no such run.
        """
        return self._run(run_id).head

    async def record(self, run_id: str) -> RunRecord:
        """Return a run's record, or what is finished of it.

        Raises:
            RunNotFoundError: There is no such run.
        """
        run = self._run(run_id)
        if run.record is None or run.state == "running":
            return partial_record(run.head, run.calls.values())
        return run.record

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
        runs = self._newest_first()
        if before is not None:
            last = self._run(before)
            if owner not in {None, last.head.owner}:
                raise RunNotFoundError(before)
            runs = runs[runs.index(last) + 1 :]
        fitting = [
            run
            for run in runs
            if owner in {None, run.head.owner}
            and state in {None, run.state}
            and ensemble in {None, run.head.ensemble.name}
        ]
        return [self._row(run) for run in fitting[:limit]]

    async def holder(self, run_id: str) -> str | None:
        """Return who is at a run, for a person; None for nobody.

        Raises:
            RunNotFoundError: There is no such run.
        """
        self._run(run_id)
        return f"this process ({os.getpid()})" if run_id in self._held else None

    async def decisions(self, run_id: str) -> dict[str, object]:
        """Return what was decided in a run, by key.

        Raises:
            RunNotFoundError: There is no such run.
        """
        return dict(self._run(run_id).decisions)

    async def experience(self, models: Iterable[str]) -> dict[str, ModelExperience]:
        """Return what the newest calls teach of models; those that were never seen are not in it.

        Args:
            models: ``provider:model`` of each.
        """
        put = reversed(dict.fromkeys(reversed(self._put)))  # what was lost first and finished later is there twice
        calls = [(run_id, call) for run_id, key in put if (call := self._finished(run_id, key)) is not None]
        learnt: dict[str, ModelExperience] = {}
        for model in models:
            facts = [(run_id, facts_of(call)) for run_id, call in calls if call.model == model]
            newest = [(run_id, fact) for run_id, fact in facts if fact is not None][-NEWEST_CALLS:]
            if (known := learn(model, newest)) is not None:
                learnt[model] = known
        return learnt

    async def keep_events(self, run_id: str, events: Sequence[Numbered]) -> None:
        """Keep events of a run under their numbers; what is kept under a number already stays.

        Raises:
            RunNotFoundError: There is no such run.
            StoreError: The numbers are in no order.
        """
        require_in_order(events)
        if events:
            run = self._run(run_id)
            run.events = dict(events) | run.events

    async def events(self, run_id: str, after: int = 0) -> list[Numbered]:
        """Return what was kept of a run's events after a number, by their numbers.

        Raises:
            RunNotFoundError: There is no such run.
        """
        return sorted((number, event) for number, event in self._run(run_id).events.items() if number > after)

    async def delete(self, run_id: str) -> None:
        """Take a run out for good.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
        """
        self._run(run_id)
        self._require_free(run_id)
        del self._runs[run_id]

    async def delete_all(self, owner: str) -> int:
        """Delete every run of an owner that nobody is at; return how many."""
        free = [run_id for run_id, run in self._runs.items() if run.head.owner == owner and run_id not in self._held]
        for run_id in free:
            del self._runs[run_id]
        return len(free)

    async def aclose(self) -> None:
        """Let go of all runs; what is kept stays."""
        self._held.clear()

    def reusable(self, fingerprint: str, *, call_id: str, besides: RunHead) -> CallRecord | None:
        """Return a finished call of another run of an owner, one of the same id first, then the newest, or None."""
        others = {
            run_id for run_id, run in self._runs.items() if run_id != besides.run_id and run.head.owner == besides.owner
        }
        found = [
            replace(call, replayed_from=run_id)
            for run_id, key in self._put
            if run_id in others and key[0] == fingerprint and (call := self._finished(run_id, key)) is not None
        ]
        return max(enumerate(found), key=lambda it: (it[1].call_id == call_id, it[0]))[1] if found else None

    def keep(self, run_id: str, key: CallKey, call: CallRecord) -> None:
        """Keep a call; a finished one is never written over."""
        run = self._run(run_id)
        known = run.calls.get(key)
        if known is None or known.state == "lost":
            run.calls[key] = call
            run.given_up.discard(key)
            self._put.append((run_id, key))

    def let_go(self, run_id: str) -> None:
        """Let others have a run."""
        self._held.discard(run_id)

    def _finished(self, run_id: str, key: CallKey) -> CallRecord | None:
        run = self._runs.get(run_id)
        call = run.calls.get(key) if run is not None else None
        return call if call is not None and call.state == "finished" else None

    def _run(self, run_id: str) -> _Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise RunNotFoundError(run_id) from None

    def _require_free(self, run_id: str) -> None:
        if run_id in self._held:
            raise RunBusyError(run_id, f"this process ({os.getpid()})")

    def _hold(self, run_id: str, has_reuse: bool) -> MemoryRun:
        self._held.add(run_id)
        return MemoryRun(self, self._runs[run_id], has_reuse=has_reuse)

    def _newest_first(self) -> list[_Run]:
        return sorted(self._runs.values(), key=lambda run: (run.head.created_at, run.head.run_id), reverse=True)

    def _row(self, run: _Run) -> RunRow:
        ended = run.record if run.state != "running" else None
        return RunRow(
            run_id=run.head.run_id,
            created_at=run.head.created_at,
            ensemble=run.head.ensemble.name,
            question=question(run.head.conversation),
            state=run.state,
            is_held=run.head.run_id in self._held,
            calls=len(run.calls),
            usage=ended.usage if ended else None,
            wall_s=ended.wall_s if ended else None,
            text=preview(ended.text) if ended and ended.text is not None else None,
            owner=run.head.owner,
            labels=run.head.labels,
        )


class MemoryRun:
    """One run's place in a ``MemoryJournal``."""

    def __init__(self, journal: MemoryJournal, run: _Run, *, has_reuse: bool) -> None:
        """Take up what the run has."""
        self._journal = journal
        self._run = run
        self._has_reuse = has_reuse

    @property
    def head(self) -> RunHead:
        """What runs."""
        return self._run.head

    @property
    def elapsed_s(self) -> float:
        """Seconds on the run's clock when its last journaled call ended; 0 at first."""
        return max((call.ended_s for call in self._run.calls.values()), default=0.0)

    async def find(self, fingerprint: str, *, call_id: str) -> CallRecord | None:
        """Return the call that was journaled under a key; None where there is none."""
        key = fingerprint, call_id
        if key in self._run.calls and key not in self._run.given_up:
            return self._run.calls[key]
        if not self._has_reuse:
            return None
        return self._journal.reusable(fingerprint, call_id=call_id, besides=self.head)

    async def put(self, fingerprint: str, call: CallRecord) -> None:
        """Keep a call; a finished one is never written over."""
        self._journal.keep(self.head.run_id, (fingerprint, call.call_id), call)

    def decision(self, key: str) -> object | None:
        """Return what was decided under a key; None where nothing was."""
        return self._run.decisions.get(key)

    async def decide(self, key: str, value: object) -> None:
        """Keep a decision; the first one under a key holds."""
        self._run.decisions.setdefault(key, unpack(pack(value), object))

    async def end(self, record: RunRecord) -> None:
        """Keep the run's record and state."""
        self._run.record = record
        self._run.state = record.state

    async def release(self) -> None:
        """Let others have the run; idempotent."""
        self._journal.let_go(self.head.run_id)
