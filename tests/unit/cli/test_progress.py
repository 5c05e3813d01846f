"""What a run looks like at one moment: from the events of real runs of small worlds."""

from __future__ import annotations

from typing import Any

from attention_moa.cli.progress import Progress, State, describe_call
from attention_moa.config import AttentionSpec, StopRule
from attention_moa.errors import RateLimitError, ServerError
from attention_moa.events import CallFinished, CallQueued, CallStarted, Event
from attention_moa.messages import Stage, Usage
from tests.worlds import World, a_spec, in_turn, stop


def watched(world: World) -> Progress:
    """Return the progress after a whole run."""
    world.run()
    return shown(world, world.events)


def shown(world: World, events: list[Event]) -> Progress:
    """Return the progress after some events of a run, each heard of when it happened."""
    progress = Progress(world.spec)
    for event in events:
        progress.apply(event, event.at_s)
    return progress


def test_after_a_whole_run_every_call_is_done_and_counted() -> None:
    """Planned and finished calls are equal, and the tokens add up."""
    progress = watched(World(a_spec(3, layers=2)))
    assert progress.planned_calls == progress.calls_over == 33
    assert (progress.input_tokens, progress.cached_tokens, progress.output_tokens) == (330, 132, 165)
    assert not progress.has_unknown_tokens
    assert progress.is_over
    assert progress.notices == []
    assert {call.state for layer in progress.layers.values() for call in layer.calls.values()} == {State.DONE}
    assert [layer.planned_calls for layer in progress.layers.values()] == [16, 17]


def test_a_call_goes_from_waiting_to_done() -> None:
    """Each event moves its call on by one state."""
    world = World(a_spec(1, layers=1), latency_s=lambda _: 2.0, has_deltas=True)
    world.run()
    progress = Progress(world.spec)
    states = []
    for event in world.events:
        progress.apply(event, event.at_s)
        if getattr(event, "call_id", "") == "1.answer.a":
            states.append(progress.layers[1].call(Stage.ANSWER, "a").state)
    assert states == [State.QUEUED, State.ASKED, State.WRITES, State.WRITES, State.DONE]
    assert progress.layers[1].call(Stage.ANSWER, "a").seconds(99.0) == 2.0
    assert progress.layers[1].call(Stage.ANSWER, "nobody").state is State.WAITS


def test_a_lost_call_and_what_it_takes_with_it_show() -> None:
    """The failed call is failed, the calls that read it are skipped, and a notice says why."""
    progress = watched(World(a_spec(3, layers=1), {"1.answer.b": ServerError("down")}))
    layer = progress.layers[1]
    assert layer.call(Stage.ANSWER, "b").state is State.FAILED
    assert layer.call(Stage.CRITIQUE, "a", "b").state is State.SKIPPED
    assert layer.call(Stage.CRITIQUE, "a", "c").state is State.DONE
    assert "layer 1, b's answer: ServerError: down" in progress.notices


def test_a_retry_shows_until_the_next_attempt() -> None:
    """The call says retries, and a notice says for how long."""
    script = {"1.answer.a": in_turn(RateLimitError("slow down", retry_after_s=3.0), "fine")}
    world = World(a_spec(1, layers=1), script)
    world.run()
    until = next(place for place, event in enumerate(world.events) if getattr(event, "wait_s", None))
    progress = shown(world, world.events[: until + 1])
    assert progress.layers[1].call(Stage.ANSWER, "a").state is State.RETRIES
    assert progress.notices == ["layer 1, a's answer: RateLimitError, again in 4 s"]  # and a share of jitter


def test_a_stand_in_and_the_verdict_show() -> None:
    """What stands in for a lost summary is noticed, and why the run ended stays with its layer."""
    world = World(a_spec(2, layers=3), {"1.summary.a": ServerError("down"), "residual": stop})
    progress = watched(world)
    assert any("stands in for the summary" in notice for notice in progress.notices)
    assert "no improvement" in progress.layers[2].reason
    assert progress.current is progress.layers[2]


def test_the_text_worth_showing_is_that_of_the_latest_stage() -> None:
    """A refinement goes before a critique, and only pieces of text count."""
    world = World(a_spec(2, layers=1), has_deltas=True, latency_s=lambda _: 1.0)
    world.run()
    progress = Progress(world.spec)
    seen = []
    for event in world.events:
        progress.apply(event, event.at_s)
        if (call := progress.writing) is not None:
            seen.append((call.stage, call.tail))
    assert (Stage.ANSWER, "says 1.answer.a") in seen
    assert seen[-1] == (Stage.SUMMARY, "says 1.summary.a")
    assert Progress(world.spec).writing is None


def test_unknown_tokens_are_not_taken_for_none() -> None:
    """A call that told nothing makes the sums a lower bound."""
    progress = Progress(a_spec(1))
    about: dict[str, Any] = {
        "run_id": "r",
        "at_s": 0.0,
        "call_id": "1.answer.a",
        "stage": Stage.ANSWER,
        "layer": 1,
        "agent": "a",
    }
    progress.apply(CallQueued(**about), 0.0)
    progress.apply(CallStarted(**about, attempt=1), 0.0)
    progress.apply(CallFinished(**about, text="x", finish_reason="length", usage=Usage(), elapsed_s=1.0), 1.0)
    assert progress.has_unknown_tokens
    assert progress.layers[1].call(Stage.ANSWER, "a").is_cut


def test_a_sparse_ensemble_shows_only_its_own_pairs() -> None:
    """Pairs that are never asked are no cells that wait for ever."""
    progress = watched(World(a_spec(4, layers=1, attention=AttentionSpec(peers=1), early_stop=StopRule(rule="none"))))
    assert len(progress.layers[1].pairs) == 8


def test_a_call_has_a_name_in_words() -> None:
    """Notices read as sentences."""
    assert describe_call(Stage.CRITIQUE, "a", "b") == "a's critique of b"
    assert describe_call(Stage.CRITIQUE, "a", "a") == "a's critique of itself"
    assert describe_call(Stage.CRITIQUE, "a", None) == "a's critique"
    assert describe_call(Stage.REFINE, "a", None) == "a's refinement"
