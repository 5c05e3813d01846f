"""A recorded run played again."""

from __future__ import annotations

from attention_moa.agents import WriterSpec
from attention_moa.errors import ServerError
from attention_moa.ui.call_story import State
from attention_moa.ui.changes import Changed
from attention_moa.ui.replay import Replay, replay_of
from tests.worlds import World, a_spec


def a_replay() -> Replay:
    """Return a run of two agents, each call taking two seconds, to be played again."""
    world = World(a_spec(2, layers=1), latency_s=lambda _: 2.0)
    return replay_of(world.run())


def to_time(replay: Replay, at_s: float) -> Changed:
    """Go to a time."""
    return replay.to_step(replay.step_at(at_s))


def test_a_replay_stands_before_the_first_event() -> None:
    """With all that is planned."""
    replay = a_replay()
    assert (replay.step, replay.at_s, replay.seconds) == (0, 0.0, 8.0)
    assert replay.story.counts[State.WAITING] == len(replay.story.calls) == 9


def test_a_replay_goes_on_step_by_step() -> None:
    """And tells what is to be drawn anew."""
    replay = a_replay()
    assert replay.to_step(1).has_run
    assert replay.to_step(2).calls == {"1.answer.a"}
    assert replay.moments[1].step == 2
    assert replay.to_step(replay.steps + 7).has_run
    assert replay.step == replay.steps
    assert replay.story.head.text == "says 1.summary.a"
    assert not replay.to_step(replay.steps)


def test_a_replay_goes_to_a_time_forwards_and_back() -> None:
    """At two seconds both answers are there; before them nothing is."""
    replay = a_replay()
    to_time(replay, 2.0)
    assert replay.story.counts[State.DONE] == 2
    to_time(replay, 7.9)
    assert replay.story.counts[State.DONE] == 8
    back = to_time(replay, 1.0)
    assert replay.story.counts[State.RUNNING] == 2
    assert "1.answer.a" in back.calls
    assert back.has_numbers
    to_time(replay, -1.0)
    assert replay.step == 0


def test_a_player_knows_when_the_next_event_is() -> None:
    """Behind the end there is none."""
    replay = a_replay()
    to_time(replay, 0.0)
    assert replay.next_s == 2.0
    replay.to_step(replay.steps)
    assert replay.next_s is None


def test_events_that_were_kept_are_played_as_they_were() -> None:
    """With what no record holds."""
    world = World(a_spec(1, layers=1), has_deltas=True)
    replay = replay_of(world.run(), world.events)
    assert replay.steps == len(world.events) > 12
    assert Replay(world.spec, ()).seconds == 0.0


def test_no_time_goes_back() -> None:
    """Even where events come a little out of order."""
    world = World(a_spec(1, layers=1), latency_s=lambda _: 1.0)
    world.run()
    swapped = [*world.events[:4], world.events[6], *world.events[4:6]]
    times = [moment.at_s for moment in Replay(world.spec, swapped).moments]
    assert times == sorted(times)


def test_an_unplanned_call_is_gone_when_one_goes_back() -> None:
    """The graph is drawn anew then."""
    spec = a_spec(2, layers=1, summary=WriterSpec(fallback=("b",)))
    world = World(spec, {"1.summary.a": ServerError("down")}, jitter=0.0)
    replay = replay_of(world.run())
    replay.to_step(replay.steps)
    assert "1.summary.b" in replay.story.calls
    changed = replay.to_step(2)
    assert changed.has_graph
    assert changed.has_notices
    assert "1.summary.b" in changed.calls
    assert "1.summary.b" not in replay.story.calls


def test_a_long_run_is_jumped_through() -> None:
    """From a copy that was kept on the way, to the very same place."""
    world = World(a_spec(6, layers=2))
    replay = replay_of(world.run())
    story = replay.story
    assert replay.steps > 300
    for step in (260, replay.steps, 258, 10, 256):
        replay.to_step(step)
        fresh = replay_of(world.record)
        fresh.to_step(step)
        assert replay.story is story
        for what in ("calls", "layers", "used", "counts", "head", "notices", "under_way"):
            assert getattr(story, what) == getattr(fresh.story, what), what
