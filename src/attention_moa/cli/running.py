"""One run under the eyes of a view and the hands of a user: events out, Ctrl-C in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from types import FrameType, TracebackType
from typing import NamedTuple, Protocol, Self, cast

from msgspec.structs import replace

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.cli.exits import FAILED, INTERRUPTED, TERMINATED, status_of
from attention_moa.errors import MoaError, RunError, describe
from attention_moa.events import CallCancelled, CallDelta, CallReplayed, Event, RunFinished
from attention_moa.journaling import RunWish
from attention_moa.messages import Conversation
from attention_moa.ports import Observer
from attention_moa.providers.programs import kill_programs
from attention_moa.records import RunRecord
from attention_moa.runtime import ANY_RUN, Ensemble

_SHOW_CURSOR = b"\x1b[?25h"
_SOON_S = 0.01


class View(Protocol):
    """Someone who shows a run to a person."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(self, *_: object) -> None:
        """End it."""
        ...

    def __call__(self, event: Event, /) -> None:
        """Take one event."""
        ...

    def stopping(self) -> None:
        """Say that the run is being ended."""
        ...


class Outcome(NamedTuple):
    """How a run ended.

    Args:
        record: What is there, whole or in part.
        error: Why there is no answer; None where there is one, and where a signal ended the run.
        signum: The signal that ended the run; None for none.
        replayed_calls: How many replies came out of the journal.
    """

    record: RunRecord
    error: MoaError | None = None
    signum: int | None = None
    replayed_calls: int = 0

    @property
    def has_more_to_come(self) -> bool:
        """Whether the run ended early with something finished, so that it is worth going on with."""
        is_early = self.error is not None or self.signum is not None
        return is_early and any(call.state == "finished" for call in self.record.calls)

    @property
    def status(self) -> int:
        """The exit code."""
        if self.signum is not None:
            return TERMINATED if self.signum == signal.SIGTERM else INTERRUPTED
        if self.error is not None:
            return status_of(self.error)
        return 0 if self.record.text is not None else FAILED


async def run_watched(
    ensemble: Ensemble,
    conversation: Conversation,
    *,
    system: str | None,
    view: View,
    observers: Sequence[Observer] = (),
    wish: RunWish = ANY_RUN,
    wanted: AnswerSpec = PLAIN,
) -> Outcome:
    """Return how a run ended, whichever way it did; nothing of it is left running.

    Args:
        ensemble: What runs.
        conversation: What it is asked.
        system: A system prompt to put first.
        view: Shown every event, pieces of text included.
        observers: Told every event but pieces of text.
        wish: Which run of the journal.
        wanted: What the answer is to be.
    """
    stream = ensemble.stream(conversation, system=system, deltas=True, wish=wish, wanted=wanted)
    error: MoaError | None = None
    replayed_calls = 0
    with Signals(view.stopping) as signals:
        try:
            async with aclosing(stream):
                async for item in stream:
                    if not isinstance(item, RunRecord):
                        replayed_calls += isinstance(item, CallReplayed)
                        _show(item, view, observers)
        except asyncio.CancelledError:
            if signals.caught is None:
                raise
            signals.task.uncancel()
        except MoaError as failure:
            error = failure
    record = _closed(error.partial if isinstance(error, RunError) else stream.record, error)
    if signals.caught is not None:
        for event in _last_events(record):
            _show(event, view, observers)
        return Outcome(record, None, signals.caught, replayed_calls)
    return Outcome(record, error, None, replayed_calls)


def _show(event: Event, view: View, observers: Sequence[Observer]) -> None:
    view(event)
    if not isinstance(event, CallDelta):
        for observer in observers:
            observer(event)


def _closed(record: RunRecord, error: MoaError | None) -> RunRecord:
    """Return the record of a run that ended before it really began as what it is: over."""
    if record.state != "running":
        return record
    if error is None:
        return replace(record, state="cancelled", error="interrupted")
    return replace(record, state="failed", error=describe(error))


def _last_events(record: RunRecord) -> Iterator[Event]:
    """Yield what a cancelled run had to say at its end, when nobody iterated it any more."""
    for call in record.calls:
        if call.state == "cancelled":
            yield CallCancelled(
                run_id=record.run_id,
                at_s=call.ended_s,
                call_id=call.call_id,
                stage=call.stage,
                layer=call.layer,
                agent=call.agent,
                peer=call.peer,
            )
    yield RunFinished(
        run_id=record.run_id,
        at_s=record.wall_s,
        state=record.state,
        text=record.text,
        usage=record.usage,
        error=record.error,
    )


class Signals:
    """While entered, SIGINT and SIGTERM cancel the current task; a second one kills, as if nobody had caught it.

    With this process it kills the programs of ``command:`` agents, which are of groups of their own.

    Args:
        on_first: Told about the first signal.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        """Catch nothing yet."""
        self.caught: int | None = None
        self.task = cast("asyncio.Task[object]", asyncio.current_task())
        self._on_first = on_first
        self._loop = asyncio.get_running_loop()
        self._before: dict[int, object] = {}
        self._is_killing = False

    def __enter__(self) -> Self:
        """Catch both signals."""
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._before[signum] = signal.signal(signum, self._catch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give both signals back to who had them."""
        for signum, handler in self._before.items():
            signal.signal(signum, handler)  # type: ignore[arg-type]  # what signal.signal gave is what it takes

    def _catch(self, signum: int, _: FrameType | None) -> None:
        if self.caught is None:
            self.caught = signum
            # Not from here: the signal may have come in the middle of a print.
            self._loop.call_soon_threadsafe(self._on_first)
            self._loop.call_soon_threadsafe(self.task.cancel)
        elif kill_programs() or self._is_killing:
            _die(signum)
        else:  # one is just being started; a third signal does not wait for it
            self._is_killing = True
            self._loop.call_soon_threadsafe(self._kill, signum)

    def _kill(self, signum: int) -> None:
        if kill_programs():
            _die(signum)
        self._loop.call_later(_SOON_S, self._kill, signum)


def _die(signum: int) -> None:
    """End this process by a signal, as if nobody had caught it."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)
    signal.signal(signum, signal.SIG_DFL)
    signal.raise_signal(signum)
