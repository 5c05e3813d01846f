"""Lines of progress for pipes: what is said when, by a clock that the test turns."""

from __future__ import annotations

import re
import time

import pytest
from msgspec.structs import replace

from attention_moa.cli.plain import LineView
from attention_moa.events import CallFinished, CallQueued, CallStarted, Event, RunFinished, RunStarted
from tests.worlds import World, a_spec


class Clock:
    """Seconds that go on when they are told to."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def events_of(world: World) -> list[Event]:
    """Return what a whole run tells once it has begun."""
    world.run()
    return [event for event in world.events if not isinstance(event, RunStarted)]


def a_view(clock: Clock) -> tuple[LineView, list[Event]]:
    """Return a view of two agents' run that has heard of the answers' beginning, and the events that follow."""
    view = LineView(a_spec(2, layers=1), clock=clock)
    events = events_of(World(a_spec(2, layers=1), latency_s=lambda _: 1.0))
    first = next(place for place, event in enumerate(events) if isinstance(event, CallFinished))
    for event in events[:first]:
        view(event)
    return view, events[first:]


def seconds_said(view: LineView, clock: Clock, capsys: pytest.CaptureFixture[str], *, last_s: int) -> list[int]:
    """Return the seconds after which a line was said, of so many in which nothing happens."""
    found: list[int] = []
    begin_s = clock.now_s
    for second in range(1, last_s + 1):
        clock.now_s = begin_s + second
        view.tick()
        if capsys.readouterr().err:
            found.append(second)
    return found


def test_what_runs_is_told_when_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Not before: what cannot run is told in one line, by others."""
    spec = a_spec(2, layers=1, name="mine")
    world = World(spec)
    world.run()
    with LineView(spec) as view:
        assert capsys.readouterr().err == ""
        view(world.events[0])
        assert capsys.readouterr().err == "mine: 2 agents, at most 1 layer and 9 calls\n"
        assert isinstance(world.events[0], RunStarted)
        view(replace(world.events[0], is_resumed=True))
    assert "going on with run run from the journal" in capsys.readouterr().err


def test_a_wait_is_told_every_ten_seconds_and_after_a_minute_every_thirty(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody who watches a pipe has to guess whether it hangs; nor does it fill a file."""
    clock = Clock()
    view, _ = a_view(clock)
    assert seconds_said(view, clock, capsys, last_s=180) == [10, 20, 30, 40, 50, 60, 90, 120, 150, 180]


def test_a_line_says_who_is_awaited_longest_for_how_long_and_beside_how_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line, with where the run is."""
    clock = Clock()
    view, rest = a_view(clock)
    clock.now_s += 12.0
    view.tick()
    waiting = "layer 1, 0 of 9 calls, 13.0 s; waiting for 2 calls, longest for a's answer (writes, 12 s)\n"
    assert capsys.readouterr().err == waiting
    view(rest[0])
    clock.now_s += 10.0
    view.tick()
    assert capsys.readouterr().err == "layer 1, 1 of 9 calls, 11.0 s; waiting for b's answer (writes, 22 s)\n"


def test_a_call_that_ends_begins_the_minute_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """What moves is told of more often than what hangs."""
    clock = Clock()
    view, rest = a_view(clock)
    clock.now_s += 59.0
    view(rest[0])
    capsys.readouterr()
    assert seconds_said(view, clock, capsys, last_s=30) == [10, 20, 30]


def test_nothing_is_said_while_nothing_is_under_way(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither before the first call is sent, nor after the last one."""
    clock = Clock()
    spec = a_spec(2, layers=1)
    view = LineView(spec, clock=clock)
    events = events_of(World(spec))
    assert seconds_said(view, clock, capsys, last_s=30) == []
    for event in events[: next(place for place, event in enumerate(events) if isinstance(event, CallStarted))]:
        view(event)
    assert any(isinstance(event, CallQueued) for event in events[:3])
    assert seconds_said(view, clock, capsys, last_s=30) == []
    for event in events:
        view(event)
    assert isinstance(events[-1], RunFinished)
    capsys.readouterr()
    assert seconds_said(view, clock, capsys, last_s=30) == []


def test_the_view_ticks_by_itself_from_entering_it_to_leaving_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Also while the loop has nothing to tell; and after its end no more."""
    spec = a_spec(1, layers=1)
    begin = [event for event in events_of(World(spec)) if isinstance(event, (CallQueued, CallStarted))][:2]
    said, ticked = "", re.compile(r"waiting for a's answer \(asked, \d+ s\)")
    deadline_s = time.monotonic() + 60.0
    with LineView(spec, every_s=0.02) as view:
        for event in begin:
            view(event)
        while not ticked.search(said) and time.monotonic() < deadline_s:
            time.sleep(0.005)
            said += capsys.readouterr().err
    assert ticked.search(said)
    capsys.readouterr()
    time.sleep(0.1)
    assert capsys.readouterr().err == ""
