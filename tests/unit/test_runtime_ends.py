"""The library when things end otherwise than planned: bugs, cancellations, an ensemble entered twice or elsewhere."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from attention_moa.agents import AgentSpec
from attention_moa.config import AttentionSpec, EnsembleSpec, LimitSpec
from attention_moa.errors import ConfigError
from attention_moa.events import Event, RunFinished
from attention_moa.journaling import RunWish
from attention_moa.providers.scripted import Line, ScriptedProvider
from attention_moa.records import CallRecord, RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.store.memory import MemoryJournal, MemoryRun
from attention_moa.stored_runs import RunHead
from tests import virtual_time
from tests.fake_openai import FakeOpenAI, says
from tests.worlds import a_spec, default_reply

WHY = "Why is the sky blue?"
LEAVING_S = 10.0


class SlowRun(MemoryRun):
    """It takes its time to keep the record."""

    async def end(self, record: RunRecord) -> None:
        await asyncio.sleep(LEAVING_S)
        await super().end(record)


class BrokenRun(MemoryRun):
    """It has a bug, which shows at the first call."""

    async def find(self, fingerprint: str, *, call_id: str) -> CallRecord | None:
        raise ValueError(f"{call_id} has no place" if fingerprint else "no key")


class Journal(MemoryJournal):
    """A journal with places of another kind."""

    def __init__(self, place: type[MemoryRun]) -> None:
        super().__init__()
        self._place = place

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> MemoryRun:
        await super().begin(head, has_reuse=has_reuse)
        return self._place(self, self._runs[head.run_id], has_reuse=has_reuse)


class FullJournal(MemoryJournal):
    """It has a bug, which shows before any call."""

    async def begin(self, head: RunHead, *, has_reuse: bool = False) -> MemoryRun:
        raise KeyError(head.run_id, has_reuse)


def an_ensemble(provider: ScriptedProvider | None = None, **told: Any) -> Ensemble:
    """Return an ensemble of two agents on one scripted provider."""
    return Ensemble(a_spec(2), providers={"test": provider or ScriptedProvider(default_reply)}, **told)


def a_hanging_provider() -> ScriptedProvider:
    """Return a provider that takes an hour."""
    return ScriptedProvider(lambda _: Line(text="late", first_token_s=3600.0))


def a_local_ensemble() -> Ensemble:
    """Return an ensemble whose provider is made, and let go of, by the ensemble."""
    return Ensemble(EnsembleSpec(agents=(AgentSpec(name="e", model="python:tests.function_agents:echo"),), layers=1))


# ---------------------------------------------------------------------------------------------------------------- bugs


def test_a_bug_in_the_middle_of_a_run_is_in_its_record_and_comes_out_as_it_is() -> None:
    """Failed, with the type of the error, told to the observers and kept in the journal."""
    journal, events = Journal(BrokenRun), list[Event]()
    with pytest.raises(ValueError, match="has no place"):
        an_ensemble(journal=journal).run_sync(WHY, observers=[events.append])
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert (last.state, last.error) == ("failed", "ValueError: 1.answer.a has no place")
    (row,) = asyncio.run(journal.rows())
    assert (row.state, row.is_held) == ("failed", False)


def test_a_bug_before_the_first_call_is_in_the_record_too() -> None:
    """A stream's record does not say that the run still goes on."""

    async def scenario() -> RunRecord:
        stream = an_ensemble(journal=FullJournal()).stream(WHY)
        with pytest.raises(KeyError):
            async for _ in stream:
                pass
        return stream.record

    record = asyncio.run(scenario())
    assert record.state == "failed"
    assert (record.error or "").startswith("KeyError: ")
    assert record.notes == ("the run ended before it had its place in the journal: its id may not be found there",)


def test_an_observer_that_raises_costs_no_reply(caplog: pytest.LogCaptureFixture) -> None:
    """It is told no more, the others are, and the record and the log say so once."""
    told: list[Event] = []
    broken: list[Event] = []

    def breaks(event: Event) -> None:
        broken.append(event)
        raise LookupError("where is it?")

    record = an_ensemble().run_sync(WHY, observers=[breaks, told.append])
    assert (record.state, len(broken)) == ("finished", 1)
    assert isinstance(told[-1], RunFinished)
    assert record.notes == ("an observer broke and is told no more: LookupError: where is it?",)
    assert [line.message.partition("\n")[0] for line in caplog.records] == ["an observer of a run raised an exception"]


# ------------------------------------------------------------------------------------------------------- cancellations


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("is_stream", [False, True])
def test_however_often_a_run_is_cancelled_it_is_left_in_order(times: int, is_stream: bool) -> None:
    """Impatience cuts no clean-up short: the record is kept, the run free for others, nothing goes on unwatched."""

    async def scenario() -> None:
        journal, provider = Journal(SlowRun), a_hanging_provider()
        ensemble = an_ensemble(provider, journal=journal)

        async def watch() -> None:
            if is_stream:
                async for _ in ensemble.stream(WHY):
                    pass
            else:
                await ensemble.run(WHY)

        task = asyncio.get_running_loop().create_task(watch())
        await asyncio.sleep(60)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(1)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() == pytest.approx(60 + LEAVING_S)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        (row,) = await journal.rows()
        assert (row.state, row.is_held, provider.open_streams) == ("cancelled", False, 0)

    virtual_time.run(scenario())


@pytest.mark.parametrize("times", [1, 2])
def test_however_often_it_is_cancelled_a_run_that_began_nothing_is_cancelled(times: int) -> None:
    """Before its first call a run is over as well: the journal does not take it for one that goes on."""

    class Waits(MemoryJournal):
        async def secret(self) -> bytes:
            await asyncio.sleep(3600)
            return await super().secret()

    async def scenario() -> None:
        journal = Waits()
        task = asyncio.get_running_loop().create_task(an_ensemble(journal=journal).run(WHY))
        await asyncio.sleep(60)
        for _ in range(times):
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (row,) = await journal.rows()
        assert (row.state, row.is_held) == ("cancelled", False)

    virtual_time.run(scenario())


# ------------------------------------------------------------------------------------------------------------ run_sync


def test_run_sync_in_an_event_loop_says_what_to_do() -> None:
    """And leaves no coroutine behind that nobody awaits."""

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match=r"await ensemble\.run"):
            an_ensemble().run_sync(WHY)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(scenario())
        gc.collect()
    assert not caught


def test_errors_of_run_sync_have_no_foreign_context() -> None:
    """A traceback begins with what went wrong."""
    with pytest.raises(ConfigError) as caught:
        an_ensemble().run_sync("")
    assert caught.value.__context__ is None


def test_run_sync_runs_in_one_event_loop_after_the_other() -> None:
    """Over real HTTP: nothing of the first loop is used in the second."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await says("Hello.")(request, body)

    async def scenario() -> None:
        async with asyncio.timeout(60), FakeOpenAI(behave) as server:
            agent = AgentSpec(name="a", model="openai:m", base_url=server.base_url)
            ensemble = Ensemble(a_spec([agent], layers=1, attention=AttentionSpec(own=False, peers=0)))
            for _ in range(2):
                assert (await asyncio.to_thread(ensemble.run_sync, WHY)).text == "Hello."

    asyncio.run(scenario())


# ------------------------------------------------------------------------------------------------------------- entered


def test_an_ensemble_that_is_entered_cannot_be_entered_again_before_it_is_left() -> None:
    """The first entry's connections would stay open; after it is left all is as at first."""

    async def scenario() -> None:
        ensemble = a_local_ensemble()
        for _ in range(2):
            async with ensemble:
                with pytest.raises(RuntimeError, match="entered already"):
                    await ensemble.__aenter__()
                assert (await ensemble.run(WHY)).state == "finished"

    asyncio.run(scenario())


def test_of_two_who_enter_at_once_one_is_refused(tmp_path: Path) -> None:
    """Also while the journal is still being opened."""

    async def scenario() -> list[bool]:
        ensemble = an_ensemble(journal=tmp_path / "journal.db")
        entries = [asyncio.get_running_loop().create_task(ensemble.__aenter__()) for _ in range(2)]
        await asyncio.wait(entries)
        await ensemble.aclose()
        return [isinstance(entry.exception(), RuntimeError) for entry in entries]

    assert asyncio.run(scenario()) == [False, True]


def test_an_ensemble_that_could_not_be_entered_can_be_once_that_is_mended(tmp_path: Path) -> None:
    """It is not taken for one that is entered."""
    folder = tmp_path / "journal.db"
    folder.mkdir()

    async def scenario() -> None:
        ensemble = an_ensemble(journal=folder)
        with suppress(RuntimeError):  # the wrong one, if it came the second time
            for _ in range(2):
                with pytest.raises(Exception, match=r"journal\.db"):
                    await ensemble.__aenter__()
            folder.rmdir()
            async with ensemble:
                assert (await ensemble.run(WHY)).state == "finished"
            return
        raise AssertionError("it was taken for one that is entered")

    asyncio.run(scenario())


def test_an_ensemble_runs_in_the_event_loop_in_which_it_was_entered() -> None:
    """Connections belong to a loop: elsewhere they would break in ways that nobody understands."""
    ensemble = a_local_ensemble()
    with asyncio.Runner() as runner:
        runner.run(ensemble.__aenter__())
        with pytest.raises(RuntimeError, match="entered in another event loop"):
            asyncio.run(ensemble.run(WHY))
        assert runner.run(ensemble.run(WHY)).state == "finished"
        runner.run(ensemble.aclose())
    assert ensemble.run_sync(WHY).state == "finished"


def test_two_runs_at_once_do_not_meet() -> None:
    """Each has its own providers, its own record and its own end."""

    async def scenario() -> list[RunRecord]:
        ensemble = a_local_ensemble()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ensemble.run(f"{WHY} {number}")) for number in range(2)]
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return [task.result() for task in tasks]

    records = asyncio.run(scenario())
    assert len({record.run_id for record in records}) == 2
    assert [record.conversation[-1].text for record in records] == [f"{WHY} 0", f"{WHY} 1"]
    assert all(len(record.calls) == 4 for record in records)


def test_closing_an_ensemble_is_not_cut_short(tmp_path: Path) -> None:
    """Who closes is cancelled twice, at any turn of the loop: no thread of the journal's database goes on."""
    threads = set(threading.enumerate())

    async def cancelled_after(turns: int) -> bool:
        ensemble = an_ensemble(journal=tmp_path / "journal.db")
        await ensemble.__aenter__()
        task = asyncio.get_running_loop().create_task(ensemble.aclose())
        is_early = False
        for _ in range(2):
            for _ in range(turns):
                await asyncio.sleep(0)
            is_early = not task.done()
            task.cancel()
        await asyncio.wait({task}, timeout=60)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return is_early

    for turns in range(1, 8):
        is_early = asyncio.run(cancelled_after(turns))
        assert is_early or turns > 1
        for thread in set(threading.enumerate()) - threads:
            thread.join(timeout=60)
            assert not thread.is_alive()


def test_a_stream_that_was_left_open_ends_with_its_ensemble() -> None:
    """Its run is over before the journal is closed, and the journal is not opened once more for it."""

    async def scenario() -> None:
        journal, provider = MemoryJournal(), a_hanging_provider()
        ensemble = an_ensemble(provider, journal=journal)
        async with ensemble:
            stream = ensemble.stream(WHY)
            async for _ in stream:
                break
        (row,) = await journal.rows()
        assert (row.state, row.is_held, provider.open_streams) == ("cancelled", False, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_time.run(scenario())


def test_a_finished_run_stays_as_it_is_whatever_limits_it_is_resumed_with() -> None:
    """Nothing is sent, and the stored record keeps its own limits and reasons."""

    async def scenario() -> None:
        journal, provider = MemoryJournal(), ScriptedProvider(default_reply)
        first = await an_ensemble(provider, journal=journal).run(WHY)
        sent = len(provider.requests)
        other = Ensemble(a_spec(2, limits=LimitSpec(tokens=100_000)), providers={"test": provider}, journal=journal)
        wish = RunWish(run_id=first.run_id)
        events: list[Event] = []
        again = await other.run(WHY, wish=wish, observers=[events.append])
        assert again == first == await journal.record(first.run_id)
        assert len(provider.requests) == sent
        (only,) = events
        assert isinstance(only, RunFinished)
        with pytest.raises(ConfigError, match="asked something else"):
            await other.run("Something else?", wish=wish)

    asyncio.run(scenario())
