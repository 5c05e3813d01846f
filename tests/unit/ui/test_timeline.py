"""When calls happened, and which of them the run waited for."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.messages import Stage
from attention_moa.records import Attempt
from attention_moa.ui.call_story import CallStory, State
from attention_moa.ui.story import RunStory
from attention_moa.ui.timeline import Bar, Part, timeline, timeline_of_record, timeline_of_story
from attention_moa.ui.tries import Try
from tests.journals import a_call, a_head, a_record
from tests.worlds import World, a_spec

LATENCY = {"a": 1.0, "b": 2.0, "c": 4.0}


def a_world(**fields: Any) -> World:
    """Return a run of three agents, one slower than the other."""
    return World(a_spec(3, layers=1), latency_s=lambda request: LATENCY[request.agent], **fields)


def parts_of(*attempts: Attempt, queued_s: float = 0.0, ended_s: float = 9.0, **fields: Any) -> tuple[Part, ...]:
    """Return what a recorded call did."""
    call = a_call(attempts=attempts, queued_s=queued_s, ended_s=ended_s, **fields)
    (lane,) = timeline_of_record(a_record(a_head(), call)).lanes
    return lane.bars[0].bar.parts


def test_a_call_waits_for_its_turn_then_for_its_reply_then_writes() -> None:
    """Each part ends where the next one begins."""
    attempt = Attempt(started_s=1.0, first_token_s=3.0, ended_s=9.0)
    assert parts_of(attempt) == (Part("turn", 0.0, 1.0), Part("reading", 1.0, 3.0), Part("writing", 3.0, 9.0))


def test_attempts_that_failed_and_the_pauses_between_them_are_parts() -> None:
    """Also where the last one failed, or none was made."""
    failed = Attempt(started_s=0.0, ended_s=2.0, error="ServerError")
    again = Attempt(started_s=3.0, first_token_s=4.0, ended_s=9.0)
    assert [part.kind for part in parts_of(failed, again)] == ["failed", "pause", "reading", "writing"]
    assert parts_of(failed, state="lost") == (Part("failed", 0.0, 2.0), Part("pause", 2.0, 9.0))
    assert parts_of(state="cancelled") == (Part("turn", 0.0, 9.0),)


def test_of_attempts_beside_each_other_the_later_one_counts() -> None:
    """Until the call is over, whichever of them gave the reply."""
    slow = Attempt(started_s=0.0, ended_s=9.0, error="Cancelled")
    fast = Attempt(started_s=2.0, first_token_s=3.0, ended_s=9.0)
    assert parts_of(slow, fast) == (Part("broken", 0.0, 2.0), Part("reading", 2.0, 3.0), Part("writing", 3.0, 9.0))
    won = Attempt(started_s=0.0, first_token_s=3.0, ended_s=9.0)
    lost = Attempt(started_s=2.0, ended_s=9.0, error="Cancelled")
    assert parts_of(won, lost) == (Part("reading", 0.0, 2.0), Part("broken", 2.0, 3.0), Part("writing", 3.0, 9.0))


def test_what_an_earlier_life_tried_comes_before() -> None:
    """The bar begins there, and the path does not."""
    before = Attempt(started_s=1.0, ended_s=2.0, error="Cancelled")
    now = Attempt(started_s=5.0, ended_s=9.0)
    parts = parts_of(before, now, queued_s=5.0)
    assert [(part.kind, part.start_s) for part in parts] == [("broken", 1.0), ("pause", 2.0), ("reading", 5.0)]
    shown = timeline_of_record(a_record(a_head(), a_call(attempts=(before, now), queued_s=5.0, ended_s=9.0)))
    assert (shown.lanes[0].bars[0].bar.start_s, shown.path_s) == (1.0, 4.0)


def test_a_replayed_call_takes_no_time() -> None:
    """It stands where it was taken out of the journal."""
    call = a_call(attempts=(), replayed_from="run-0", queued_s=3.0, ended_s=3.0)
    (placed,) = timeline_of_record(a_record(a_head(), call)).lanes[0].bars
    assert (placed.bar.state, placed.bar.parts) == (State.REPLAYED, ())
    story = RunStory(a_spec(1, layers=1))
    story.calls["1.answer.a"] = CallStory(
        call_id="1.answer.a", stage=Stage.ANSWER, layer=1, agent="a", state=State.REPLAYED, queued_s=1.0, ended_s=3.0
    )
    assert timeline_of_story(story).lanes[0].bars[0].bar.parts == ()


def test_calls_of_one_agent_at_once_take_several_lines() -> None:
    """In its lane; lanes are in the ensemble's order."""
    record = a_world().run()
    shown = timeline_of_record(record)
    assert [lane.agent for lane in shown.lanes] == ["a", "b", "c"]
    assert [lane.lines for lane in shown.lanes] == [1, 2, 3]  # c criticises three at once, once it has its answer
    assert shown.seconds == record.wall_s


def test_the_path_is_what_the_run_waited_for() -> None:
    """The slowest agent's calls, and the summary; in words, with who was waited for longest."""
    record = a_world().run()
    shown = timeline_of_record(record)
    stages = ["1.answer.c", "1.critique.c", "1.refine.c", "1.summary.a"]
    assert all(step.call_id.startswith(stage) for step, stage in zip(shown.path, stages, strict=True))
    assert shown.critical == {step.call_id for step in shown.path}
    assert shown.path_s == record.critical_path_s == 13.0
    assert shown.path[0].told == "4.0 s for layer 1, answer by c"
    assert shown.slowest is not None
    assert shown.slowest.told == "the run waited longest for c: 12 s of 13 s (92%), in 3 of its 5 calls"


def test_what_a_step_waited_for_is_told_where_there_is_more_than_one_thing() -> None:
    """Its turn, its reply."""
    attempt = Attempt(started_s=1.0, first_token_s=3.0, ended_s=9.0)
    (step,) = timeline_of_record(a_record(a_head(), a_call(attempts=(attempt,), ended_s=9.0))).path
    assert step.told == (
        "9.0 s for layer 1, answer by a: 1.0 s for its turn, 2.0 s until its reply began, 6.0 s for its reply"
    )


def test_a_run_under_way_has_a_path_so_far() -> None:
    """What is not over ends now."""
    world = a_world()
    world.run()
    story = RunStory(world.spec)
    story.hear_all([(None, event) for event in world.events if event.at_s <= 2.0])
    shown = timeline_of_story(story)
    bars = {placed.bar.call_id: placed.bar for lane in shown.lanes for placed in lane.bars}
    assert (bars["1.answer.c"].is_open, bars["1.answer.c"].ended_s) == (True, 2.0)
    assert not bars["1.answer.a"].is_open
    assert shown.seconds == 2.0
    assert shown.path_s == 2.0
    assert "1.summary.a" not in bars


def test_nothing_takes_no_time() -> None:
    """Before anything begins there is nobody who is slowest."""
    shown = timeline([], ["a"], 0.0)
    assert (shown.lanes, shown.path, shown.path_s, shown.slowest) == ((), (), 0.0, None)


def test_the_own_answer_stands_in_for_a_refinement_that_is_not_there() -> None:
    """The summary waited for it; of what came too late, or never, it read nothing."""
    story = RunStory(a_spec(3, layers=1))

    def put(name: str, state: State, queued_s: float, ended_s: float | None) -> None:
        call = story.calls[name]
        fields = {field: getattr(call, field) for field in ("call_id", "stage", "layer", "agent", "peer", "reads")}
        tries = (Try(started_s=queued_s),)
        story.calls[name] = CallStory(**fields, state=state, queued_s=queued_s, ended_s=ended_s, tries=tries)

    put("1.answer.a", State.DONE, 0.0, 3.0)
    put("1.refine.a", State.LOST, 3.0, 4.0)
    put("1.refine.b", State.DONE, 3.0, 9.0)
    put("1.summary.a", State.RUNNING, 4.0, None)
    del story.calls["1.refine.c"]
    bars = {placed.bar.call_id: placed.bar for lane in timeline_of_story(story).lanes for placed in lane.bars}
    assert bars["1.summary.a"].reads == ("1.answer.a",)


@pytest.mark.parametrize(("often", "words"), [(1, "in 1 of its 1 call"), (2, "in 2 of its 2 calls")])
def test_the_slowest_is_told_in_plain_words(often: int, words: str) -> None:
    """One call or several."""
    bars = [
        Bar(
            call_id=str(number), stage=Stage.ANSWER, layer=1, agent="a", peer=None, state=State.DONE,
            reads=(str(number - 1),), queued_s=float(number), ended_s=number + 1.0,
        )
        for number in range(often)
    ]  # fmt: skip
    slowest = timeline(bars, ["a"], 2.0).slowest
    assert slowest is not None
    assert slowest.told.endswith(words)


def test_what_was_broken_off_is_no_failure_watched_or_recorded() -> None:
    """Of a call that was ended from outside; an attempt before that failed did so."""
    broken = Attempt(started_s=2.0, ended_s=9.0, error="Cancelled")
    failed = Attempt(started_s=0.0, ended_s=1.0, error="ServerError")
    expected = (Part("failed", 0.0, 1.0), Part("pause", 1.0, 2.0), Part("broken", 2.0, 9.0))
    assert parts_of(failed, broken, state="cancelled") == expected
    story = RunStory(a_spec(2, layers=1))
    tries = (Try(started_s=0.0, failed_s=1.0), Try(started_s=2.0, first_token_s=3.0))
    call = replace(story.calls["1.answer.a"], queued_s=0.0, ended_s=9.0, state=State.CANCELLED, tries=tries)
    story.calls[call.call_id] = call
    (lane,) = timeline_of_story(story).lanes
    assert lane.bars[0].bar.parts == expected
