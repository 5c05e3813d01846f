"""The seams: what the engine asks of the world, as protocols.

A test double, a user's own model and the shipped providers all come in here; nothing is ever patched.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from attention_moa.events import Event
from attention_moa.experience import ModelExperience
from attention_moa.messages import CallRequest, Chunk
from attention_moa.records import CallRecord, RunRecord, RunState
from attention_moa.stored_runs import RunHead, RunRow


@runtime_checkable
class Provider(Protocol):
    """Something that replies to a conversation: a remote API, a local model, a function, a program."""

    def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Send one request once and yield its reply as it arrives.

        No retries inside: one call of this method is one attempt, seen and booked. The last chunk carries
        ``finish_reason``. Closing the generator, or cancelling the task that iterates it, ends the request at once and
        leaves no connection, task or thread.

        Args:
            request: All that the provider needs to know.

        Returns:
            An async generator of chunks, at least one.

        Raises:
            CallError: One of its subclasses, without context; ``calls.py`` adds agent, stage, model and attempts.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and processes; idempotent."""
        ...


class Observer(Protocol):
    """Someone who is told what happens in a run, while it happens."""

    def __call__(self, event: Event, /) -> None:
        """Take one event; must return at once, must not raise."""
        ...


class RunJournal(Protocol):
    """One run's place in a journal, held by one process at a time. Its writes are on disk when they return."""

    @property
    def head(self) -> RunHead:
        """What runs."""
        ...

    @property
    def elapsed_s(self) -> float:
        """Seconds on the run's clock when its last journaled call ended: there a resumed run goes on; 0 at first."""
        ...

    async def find(self, fingerprint: str, *, call_id: str) -> CallRecord | None:
        """Return the call that was journaled under a key; None where there is none.

        In this run it is the very call, finished or lost: two calls of one run never share a reply. Where reuse was
        asked for, a finished call of any other run of the same owner will do, one of the same ``call_id`` first, then
        the newest; its ``replayed_from`` names that run.

        Args:
            fingerprint: The key of everything that shapes the reply.
            call_id: The call's name in the run.

        Raises:
            StoreError: The journal cannot be read.
        """
        ...

    async def put(self, fingerprint: str, call: CallRecord) -> None:
        """Keep a call that finished or was lost. Cancelling the caller does not keep it from being written.

        Raises:
            StoreError: It cannot be written (a full disk, a read-only file, a lock that is never released).
        """
        ...

    def decision(self, key: str) -> object | None:
        """Return what was decided under a key before the run was interrupted; None where nothing was."""
        ...

    async def decide(self, key: str, value: object) -> None:
        """Keep a decision that hung on time, arrival or money: any JSON value. The first one under a key holds.

        It is stored as it is, past any redaction: names and numbers, no text of models or people.
        """
        ...

    async def end(self, record: RunRecord) -> None:
        """Keep the run's record and state."""
        ...

    async def release(self) -> None:
        """Let other processes have the run; idempotent."""
        ...


class Journal(Protocol):
    """Where runs and their calls are kept. One object may serve many runs at once."""

    async def secret(self) -> bytes:
        """Return what tags and nonces are derived from.

        It is drawn once for the journal, so that equal work gives equal prompts and the journal can hit.
        """
        ...

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> RunJournal:
        """Return a new run's place, held by this process.

        Args:
            head: What runs.
            has_reuse: Whether calls of other runs are found too.
        """
        ...

    async def resume(self, run_id: str, *, has_reuse: bool = False) -> RunJournal:
        """Return an earlier run's place, held by this process from here on.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Another process, or another task of this one, is at it.
            StoreError: Its question was redacted before it was stored.
        """
        ...

    async def unfinished(self, request_key: str, *, owner: str = "") -> str | None:
        """Return an owner's newest run of an equal request that nobody is at and that has not finished, or None.

        Args:
            request_key: What equal requests have in common.
            owner: Whose; empty for the command line's.
        """
        ...

    async def head(self, run_id: str) -> RunHead:
        """Return what a run is; nobody need hold it.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    async def record(self, run_id: str) -> RunRecord:
        """Return a run's record: the final one, or what is finished where it did not get to its end.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

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
        ...

    async def holder(self, run_id: str) -> str | None:
        """Return who is at a run, for a person; None for nobody.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    async def decisions(self, run_id: str) -> Mapping[str, object]:
        """Return what was decided in a run, by key; nobody need hold it.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    async def experience(self, models: Iterable[str]) -> Mapping[str, ModelExperience]:
        """Return what the newest finished calls teach of models, by model; those that were never seen are not in it.

        Args:
            models: ``provider:model`` of each.
        """
        ...

    async def keep_events(self, run_id: str, events: Sequence[tuple[int, Event]]) -> None:
        """Keep events of a run under their numbers; what is kept under a number already stays.

        Args:
            run_id: Whose.
            events: In the order of their numbers, which are from 1 and above those that were kept before.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    async def events(self, run_id: str, after: int = 0) -> list[tuple[int, Event]]:
        """Return what was kept of a run's events, by their numbers.

        Args:
            run_id: Whose.
            after: Only those with a higher number.

        Raises:
            RunNotFoundError: There is no such run.
        """
        ...

    async def delete_all(self, owner: str) -> int:
        """Delete every run of an owner that nobody is at; return how many."""
        ...

    async def delete(self, run_id: str) -> None:
        """Take a run, its calls, decisions and events out for good.

        Raises:
            RunNotFoundError: There is no such run.
            RunBusyError: Somebody is at it.
        """
        ...

    async def aclose(self) -> None:
        """Let go of all connections; idempotent."""
        ...
