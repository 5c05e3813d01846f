"""What it costs to hear an event does not grow with the run: counted in lines of our code that are run, not in time."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import RateLimitError, ServerError
from attention_moa.events import Event, LayerFinished, RunFinished, RunStarted
from attention_moa.ui.changes import together
from attention_moa.ui.replay import Replay
from attention_moa.ui.story import RunStory
from tests.worlds import Says, World, a_spec, in_turn

FEW, MANY = 3, 12
ONCE = (LayerFinished, RunStarted, RunFinished)
"""Events of a whole layer or run: they may look at each of its calls, once."""


def an_ensemble(agents: int) -> EnsembleSpec:
    """Return one of two layers, in which each agent criticises all."""
    return a_spec([AgentSpec(name=f"agent-{number}", model="test:m") for number in range(agents)], layers=2)


def a_run(agents: int) -> World:
    """Return a run in which something fails, with every piece of every reply."""
    script: dict[str, Says] = {
        "1.answer.agent-1": ServerError("down"),
        "1.answer.agent-2": in_turn(RateLimitError("slow down"), "fine"),
    }
    world = World(an_ensemble(agents), script, has_deltas=True, pieces=3)
    world.run()
    return world


def lines_of(work: Callable[[], object]) -> int:
    """Return how many lines of the page's code are run; what a loop does again counts again."""
    count = 0

    def trace(frame: FrameType, kind: str, _: Any) -> Any:
        nonlocal count
        if "attention_moa" not in frame.f_code.co_filename:
            return None
        count += kind == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def lines_by_event(world: World) -> dict[type[Event], list[int]]:
    """Return how many lines are run for each event, by kind."""
    story = RunStory(world.spec)
    found: dict[type[Event], list[int]] = defaultdict(list)
    for number, event in enumerate(world.events, 1):
        found[type(event)].append(lines_of(partial(story.hear, event, number)))
    return found


def test_an_event_of_many_agents_costs_what_one_of_few_does() -> None:
    """Sixteen times the critiques, and not a line more."""
    few, many = lines_by_event(a_run(FEW)), lines_by_event(a_run(MANY))
    assert few.keys() == many.keys()
    for kind in few.keys() - set(ONCE):
        assert max(many[kind]) <= max(few[kind]), kind
        assert max(many[kind]) < 400, kind


def test_the_events_of_a_layer_and_of_a_run_look_at_each_call_once() -> None:
    """In all no more than a few lines for each event and each call."""
    for agents in (FEW, MANY):
        world = a_run(agents)
        lines = lines_by_event(world)
        calls = len(RunStory(world.spec).calls)
        for kind in ONCE:
            assert sum(lines[kind]) < 60 * calls, kind
        assert sum(map(sum, lines.values())) < 150 * (len(world.events) + calls)


def test_what_is_to_be_drawn_does_not_grow_with_the_run() -> None:
    """An event of a call names that call, and those that cannot be made without it."""
    world = a_run(MANY)
    story = RunStory(world.spec)
    for event in world.events:
        changed = story.hear(event)
        if not isinstance(event, ONCE):
            assert len(changed.calls) <= 2
            assert len(changed.layers) <= 1


def test_to_put_changes_together_costs_what_changed() -> None:
    """Twice the steps take twice the lines, not four times."""
    world = a_run(FEW)
    story = RunStory(world.spec)
    changes = [story.hear(event) for event in world.events] * 4
    half, whole = (lines_of(partial(together, changes[:count])) for count in (len(changes) // 2, len(changes)))
    assert whole < 2.5 * half


def test_a_jump_in_a_long_replay_hears_only_what_lies_between_it_and_a_copy() -> None:
    """However long the run is: back to the last step but one costs less than to play it all again."""
    world = a_run(MANY)
    replay = Replay(world.spec, world.events)
    whole = lines_of(lambda: replay.to_step(replay.steps))
    assert replay.steps > 1500
    back = max(lines_of(partial(replay.to_step, step)) for step in (replay.steps - 1, 700, 1400, 3))
    assert back < whole / 2
