"""A run as a stream: whoever ends it, however often, and however it began, nothing of it is left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from attention_moa.events import CallDelta, CallFinished, Event, RunFinished
from attention_moa.providers.scripted import Line, ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.run_stream import RunStream
from attention_moa.runtime import Ensemble
from tests import virtual_time
from tests.worlds import a_spec, default_reply

WHY = "Why is the sky blue?"


def a_stream(**told: Any) -> RunStream:
    """Return a stream whose answers come after a second and whose other calls take an hour."""
    hour = Line(text="late", first_token_s=3600.0)
    provider = ScriptedProvider(
        lambda request: Line(text=default_reply(request), first_token_s=1.0) if request.stage == "answer" else hour
    )
    return Ensemble(a_spec(2), providers={"test": provider}, **told).stream(WHY)


async def items(stream: RunStream) -> list[Event | RunRecord]:
    """Return everything that a stream gives."""
    return [item async for item in stream]


def test_a_stream_can_be_closed_while_another_task_iterates_it() -> None:
    """As by a button: the run ends, and for who iterates the iteration is over, without an error."""

    async def scenario() -> None:
        stream = a_stream()
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(items(stream))
            await asyncio.sleep(60)
            await stream.aclose()
            assert asyncio.get_running_loop().time() == pytest.approx(60)
        assert isinstance(reader.result()[-1], RunFinished)
        assert (stream.record.state, asyncio.all_tasks()) == ("cancelled", {asyncio.current_task()})
        assert await items(stream) == []

    virtual_time.run(scenario())


def test_a_stream_can_be_closed_while_another_task_is_at_an_item() -> None:
    """Who writes an event somewhere when the stream is closed finds no more events afterwards."""

    async def scenario() -> None:
        stream = a_stream()

        async def read_slowly() -> int:
            count = 0
            async for _ in stream:
                count += 1
                await asyncio.sleep(100)
            return count

        async with asyncio.TaskGroup() as group:
            reader = group.create_task(read_slowly())
            await asyncio.sleep(60)
            await stream.aclose()
        assert (reader.result(), stream.record.state) == (1, "cancelled")

    virtual_time.run(scenario())


def test_a_stream_that_is_closed_before_anybody_iterated_it_is_cancelled() -> None:
    """Its record does not say that it still runs; one that nobody closes has not begun."""

    async def scenario() -> RunRecord:
        assert a_stream().record.state == "running"
        stream = a_stream()
        await stream.aclose()
        await stream.aclose()
        return stream.record

    record = virtual_time.run(scenario())
    assert (record.state, record.error, record.calls) == ("cancelled", "interrupted", ())


def test_a_run_that_is_cancelled_before_its_first_turn_is_cancelled() -> None:
    """The task had not even begun."""

    async def scenario() -> RunRecord:
        stream = a_stream()
        task = asyncio.get_running_loop().create_task(items(stream))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        return stream.record

    assert virtual_time.run(scenario()).state == "cancelled"


def test_pieces_of_calls_are_told_while_they_are_wanted() -> None:
    """From a moment on and up to another; a stream that was to tell none stays so."""

    async def told(**deltas: Any) -> int:
        provider = ScriptedProvider(default_reply, pieces=3)
        stream = Ensemble(a_spec(2), providers={"test": provider}).stream(WHY, **deltas)
        count = 0
        async for item in stream:
            count += isinstance(item, CallDelta)
            stream.tell_calls(is_told=count < 5)
        return count

    assert 5 <= asyncio.run(told(deltas="answer")) < 15
    assert asyncio.run(told()) == 0


def test_who_begins_to_listen_is_told_what_was_said_before() -> None:
    """With the call's next piece, each time anew; what was told already is not told again meanwhile."""

    async def scenario() -> list[str]:
        provider = ScriptedProvider(lambda _: Line(text=list("abcdef"), first_token_s=1.0, piece_s=1.0))
        spec = a_spec(1, layers=1, strategy="single")
        stream = Ensemble(spec, providers={"test": provider}).stream(WHY, deltas="answer")
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(items(stream))
            for at_s, is_told in ((2.5, True), (4.5, False), (5.5, True)):
                await asyncio.sleep(at_s - asyncio.get_running_loop().time())
                stream.tell_calls(is_told=is_told)
                stream.tell_calls(is_told=is_told)  # who joins others changes nothing for them
        return [item.text for item in reader.result() if isinstance(item, CallDelta)]

    assert virtual_time.run(scenario()) == ["abc", "d", "abcdef"]


def test_closing_after_the_end_leaves_the_record_as_it_is() -> None:
    """A finished run stays finished."""

    async def scenario() -> None:
        provider = ScriptedProvider(default_reply)
        stream = Ensemble(a_spec(2), providers={"test": provider}).stream(WHY)
        found = await items(stream)
        await stream.aclose()
        assert (found[-1], stream.record.state) == (stream.record, "finished")
        assert sum(isinstance(item, CallFinished) for item in found) == len(stream.record.calls)

    virtual_time.run(scenario())
