"""One run under the eyes of a view and the hands of a user."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from msgspec.structs import replace

from attention_moa.cli.exits import FAILED, INTERRUPTED, TERMINATED, USAGE
from attention_moa.cli.running import Outcome, Signals, run_watched
from attention_moa.errors import ConfigError, QuorumError, ServerError, StoreError
from attention_moa.events import CallCancelled, CallDelta, CallFinished, Event, RunFinished, RunStarted
from attention_moa.messages import CallRequest
from attention_moa.providers.scripted import Line, Said, ScriptedProvider
from attention_moa.runtime import Ensemble
from attention_moa.store.memory import MemoryJournal, MemoryRun
from attention_moa.stored_runs import RunHead
from tests.asking import run
from tests.cli_inside import a_terminal
from tests.journals import a_call, a_head, a_record
from tests.worlds import QUESTION, a_spec, default_reply


class Watcher:
    """A view that keeps what it is shown, and may do something about it."""

    def __init__(self, on_event: Callable[[Event], object] = lambda _: None) -> None:
        self.events: list[Event] = []
        self.was_told_to_stop = False
        self._on_event = on_event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)
        self._on_event(event)

    def stopping(self) -> None:
        self.was_told_to_stop = True

    def kinds(self) -> set[type[Event]]:
        """Return which events there were."""
        return {type(event) for event in self.events}


class FullJournal(MemoryJournal):
    """It takes no run."""

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> MemoryRun:
        raise StoreError(f"no space for {head.run_id}" if not has_reuse else "no space")


class SlowJournal(MemoryJournal):
    """It takes a run in an hour."""

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> MemoryRun:
        await asyncio.sleep(3600)
        return await super().begin(head, has_reuse=has_reuse)


def an_ensemble(says: Callable[[CallRequest], Said] = default_reply, **told: Any) -> Ensemble:
    """Return two scripted agents and one layer."""
    return Ensemble(a_spec(2, layers=1), providers={"test": ScriptedProvider(says)}, **told)


def critics_sleep(request: CallRequest) -> Said:
    """Answer at once; all else takes an hour."""
    is_answer = request.stage == "answer"
    return default_reply(request) if is_answer else Line(text="late", first_token_s=3600.0)


def watched(ensemble: Ensemble, view: Watcher, observers: tuple[Callable[[Event], None], ...] = ()) -> Outcome:
    """Return how a run ended."""
    return run(lambda: run_watched(ensemble, QUESTION, system=None, view=view, observers=observers))


def after_the_answers(act: Callable[[], object]) -> Watcher:
    """Return a view that does something once when both agents have answered."""
    finished: list[Event] = []

    def look(event: Event) -> None:
        if isinstance(event, CallFinished):
            finished.append(event)
            if len(finished) == 2:
                act()

    return Watcher(look)


def test_a_run_that_ends_well_is_shown_whole() -> None:
    """Pieces of text are for the view alone; the observers get all else."""
    view, heard = Watcher(), list[Event]()
    outcome = watched(an_ensemble(), view, (heard.append,))
    assert (outcome.status, outcome.error, outcome.signum, outcome.replayed_calls) == (0, None, None, 0)
    assert outcome.record.text == "says 1.summary.a"
    assert not outcome.has_more_to_come
    assert isinstance(view.events[0], RunStarted)
    assert CallDelta in view.kinds()
    assert heard == [event for event in view.events if not isinstance(event, CallDelta)]
    assert not view.was_told_to_stop


def test_replies_out_of_the_journal_are_counted() -> None:
    """As nobody pays for them again."""
    journal = MemoryJournal()
    watched(an_ensemble(journal=journal), Watcher())
    outcome = watched(an_ensemble(journal=journal, is_replay=True), Watcher())
    assert (outcome.status, outcome.replayed_calls) == (0, len(outcome.record.calls))


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_the_run_and_its_last_events_are_shown(signum: signal.Signals, status: int) -> None:
    """Every call that was under way is cancelled; what is finished is worth going on with."""
    heard: list[Event] = []
    view = after_the_answers(lambda: signal.raise_signal(signum))
    before = signal.getsignal(signum)
    outcome = watched(an_ensemble(critics_sleep), view, (heard.append,))
    assert (outcome.status, outcome.signum, outcome.error) == (status, signum, None)
    assert view.was_told_to_stop
    assert outcome.has_more_to_come
    assert outcome.record.state == "cancelled"
    cancelled = [event.call_id for event in heard if isinstance(event, CallCancelled)]
    assert sorted(cancelled) == [f"1.critique.{i}.{j}" for i in "ab" for j in "ab"]
    assert isinstance(heard[-1], RunFinished)
    assert heard[-1].state == "cancelled"
    assert signal.getsignal(signum) is before


def test_a_signal_before_the_run_has_begun_ends_it_too() -> None:
    """There is nothing to go on with."""

    async def scenario() -> Outcome:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGINT)
        return await run_watched(an_ensemble(journal=SlowJournal()), QUESTION, system=None, view=Watcher())

    outcome = run(scenario)
    assert (outcome.status, outcome.record.state, outcome.record.error) == (INTERRUPTED, "cancelled", "interrupted")
    assert not outcome.has_more_to_come


def test_a_run_that_nobody_could_begin_has_failed() -> None:
    """Its record does not say that it still goes on."""
    outcome = watched(an_ensemble(journal=FullJournal()), Watcher())
    assert isinstance(outcome.error, StoreError)
    assert (outcome.status, outcome.record.state) == (FAILED, "failed")
    assert outcome.record.error == f"no space for {outcome.record.run_id}"


def test_a_run_without_any_answer_has_failed_with_what_there_is() -> None:
    """The record is the one that the error has."""
    outcome = watched(an_ensemble(lambda _: ServerError("down", retryable=False)), Watcher())
    assert isinstance(outcome.error, QuorumError)
    assert outcome.record is outcome.error.partial
    assert (outcome.status, outcome.has_more_to_come) == (FAILED, False)


def test_a_cancellation_by_anybody_else_is_none_of_a_users() -> None:
    """It goes on to whoever waits for it."""

    async def scenario() -> None:
        view = after_the_answers(lambda: asking.cancel())  # noqa: PLW0108 - there is no task yet
        async with asyncio.TaskGroup() as group:
            watching = run_watched(an_ensemble(critics_sleep), QUESTION, system=None, view=view)
            asking = group.create_task(watching)
        assert asking.cancelled()

    run(scenario)


def test_the_exit_code_says_how_a_run_ended() -> None:
    """A signal before an error, an error before the answer."""
    record = a_record(a_head(), a_call())
    assert Outcome(record).status == 0
    assert Outcome(replace(record, text=None)).status == FAILED
    assert Outcome(record, ConfigError("x", key="k")).status == USAGE
    assert Outcome(record, ServerError("x")).status == FAILED
    assert Outcome(record, ServerError("x"), signal.SIGTERM).status == TERMINATED
    assert Outcome(record, signum=signal.SIGINT).status == INTERRUPTED
    assert not Outcome(record).has_more_to_come
    assert Outcome(record, ServerError("x")).has_more_to_come
    assert not Outcome(a_record(a_head(), a_call(state="lost")), ServerError("x")).has_more_to_come


@contextmanager
def held_back(signum: signal.Signals) -> Iterator[None]:
    """While entered, a signal waits outside this process; what has come of it by the end is dropped."""
    before = signal.getsignal(signum)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signum})
    try:
        yield
    finally:
        signal.signal(signum, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signum})
        signal.signal(signum, before)


@pytest.mark.parametrize("has_terminal", [True, False])
def test_a_second_signal_kills_as_if_nobody_had_caught_it(monkeypatch: pytest.MonkeyPatch, has_terminal: bool) -> None:
    """On a terminal the cursor, which the view had hidden, comes back first."""

    def press_twice() -> list[bool]:
        """Return whether the signal was on its way to the process after each press."""
        handler = signal.getsignal(signal.SIGTERM)
        assert callable(handler)
        is_killed: list[bool] = []
        for _ in range(2):
            handler(signal.SIGTERM, None)
            is_killed.append(signal.SIGTERM in signal.sigpending())
        return is_killed

    async def scenario() -> None:
        task = asyncio.current_task()
        assert task is not None
        with Signals(lambda: None) as signals, held_back(signal.SIGTERM):
            assert press_twice() == [False, True]
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            assert signals.caught == signal.SIGTERM
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(60)
        task.uncancel()

    with a_terminal(80) as terminal:
        if has_terminal:
            monkeypatch.setattr(sys, "stderr", terminal.screen)
        run(scenario)
        monkeypatch.undo()
    assert terminal.text == ("\x1b[?25h" if has_terminal else "")
