"""The algorithm as a whole: dataflow, events, sums, endings."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.accounting import add, call_usage
from attention_moa.agents import AgentSpec, ResidualSpec, WriterSpec
from attention_moa.codec import record_from_json, record_to_json
from attention_moa.config import AttentionSpec
from attention_moa.critical_path import critical_path
from attention_moa.errors import ConfigError, QuorumError, RateLimitError, ServerError
from attention_moa.events import (
    CallCancelled,
    CallFinished,
    CallLost,
    CallQueued,
    CallStarted,
    Event,
    LayerFinished,
    RunFinished,
    RunStarted,
    VerdictReached,
)
from attention_moa.messages import CallRequest, ImagePart, Message, TextPart, ToolCall, assistant, system, user
from attention_moa.providers.scripted import Line
from attention_moa.records import RunRecord
from tests import virtual_time
from tests.worlds import LAYOUTS, Says, World, a_spec, call, call_id, in_turn, stop

DOWN = ServerError("down", retryable=False)


# ------------------------------------------------------------------------------------------------------------ dataflow


def slow(**seconds: float) -> Callable[[CallRequest], float]:
    """Return a latency of one second, but for these agents' answers."""
    return lambda request: seconds.get(request.agent, 1.0) if request.stage == "answer" else 1.0


def test_a_critique_starts_when_its_two_answers_exist() -> None:
    """Whatever a third agent is about: a barrier after the answers would fail this."""
    record = World(a_spec(3, layers=1), latency_s=slow(c=100.0)).run()
    started = {call.call_id: call.queued_s for call in record.calls}
    for critic in "ab":
        for author in "ab":
            assert started[f"1.critique.{critic}.{author}"] == pytest.approx(1.0)
    assert started["1.critique.a.c"] == pytest.approx(100.0)


def test_events_tell_of_critiques_while_an_answer_is_under_way() -> None:
    """The order of events is that of the dataflow."""
    world = World(a_spec(3, layers=1), latency_s=slow(c=100.0))
    world.run()
    ends = [event.call_id for event in world.events if isinstance(event, CallFinished)]
    assert ends.index("1.critique.b.a") < ends.index("1.answer.c")


def test_a_refinement_starts_when_its_critiques_exist() -> None:
    """A slow critique of one answer holds up no other author."""

    def latency_s(request: CallRequest) -> float:
        return 50.0 if call_id(request) == "1.critique.a.c" else 1.0

    record = World(a_spec(3, layers=1), latency_s=latency_s).run()
    assert call(record, "1.refine.a").queued_s == call(record, "1.refine.b").queued_s == pytest.approx(2.0)
    assert call(record, "1.refine.c").queued_s == pytest.approx(51.0)


def test_sparse_attention_waits_for_its_own_peers_alone() -> None:
    """An author whose critics are quick refines while a slow agent still answers."""
    spec = a_spec(3, layers=1, attention=AttentionSpec(peers=0))
    record = World(spec, latency_s=slow(c=100.0)).run()
    assert call(record, "1.refine.a").ended_s == pytest.approx(3.0)
    assert call(record, "1.summary.a").queued_s == pytest.approx(102.0)


def test_a_panel_waits_for_the_answers_that_it_criticises() -> None:
    """And for no other panel."""
    spec = a_spec(3, layers=1, attention=AttentionSpec(mode="panel", peers=1, own=False))
    world = World(spec, latency_s=slow(c=100.0))
    with_c = {"c", *(critic for critic, author in world_pairs(world) if author == "c")}
    record = world.run()
    queued = {call.agent: call.queued_s for call in record.calls if call.stage == "critique"}
    assert queued == pytest.approx({name: 100.0 if name in with_c else 1.0 for name in "abc"})
    assert len(with_c) == 2


def world_pairs(world: World) -> list[tuple[str, str]]:
    """Return the pairs of a world's first layer."""
    from attention_moa.schedule import pairs

    return [(pair.critic, pair.author) for pair in pairs(world.spec, 1)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("agents", "layers"), [(5, 3), (8, 3)])
def test_no_schedule_could_be_faster(agents: int, layers: int, seed: int) -> None:
    """The run takes exactly as long as the longest chain of calls that waited for each other."""
    chance = random.Random(seed)
    pace = {agent.name: chance.uniform(0.1, 5.0) for agent in a_spec(agents).agents}
    spec = a_spec(agents, layers=layers)
    record = World(spec, latency_s=lambda request: pace[request.agent] * chance.uniform(0.5, 2.0)).run()
    path = critical_path(record.calls)
    assert record.wall_s == pytest.approx(path.seconds) == pytest.approx(record.critical_path_s)
    assert path.call_ids[0].startswith("1.answer.")
    assert path.call_ids[-1] == f"{layers}.residual.a"


# -------------------------------------------------------------------------------------------------------------- events

TROUBLE: dict[str, Says] = {
    "1.answer.b": DOWN,
    "1.critique.a.c": in_turn(RateLimitError("slow down", retry_after_s=1.0), "fine"),
    "2.refine.c": DOWN,
}


@pytest.mark.parametrize("script", [{}, TROUBLE])
def test_every_call_is_queued_started_and_ended_once_in_this_order(script: dict[str, Says]) -> None:
    """What an observer adds up is what the record says."""
    world = World(a_spec(3), script, latency_s=lambda _: 1.0)
    record = world.run()
    for made in record.calls:
        own = [event for event in world.events if getattr(event, "call_id", None) == made.call_id]
        assert isinstance(own[0], CallQueued)
        assert isinstance(own[-1], CallFinished if made.state == "finished" else CallLost)
        assert sum(isinstance(event, CallStarted) for event in own) == len(made.attempts)
        assert {event.at_s for event in own[-1:]} == {made.ended_s}
    told = {getattr(event, "call_id", None) for event in world.events} - {None}
    assert told == {made.call_id for made in record.calls}


def test_events_open_with_the_start_end_with_the_end_and_never_go_back() -> None:
    """Each has the run's id; the layers end in order, each with its verdict."""
    world = World(a_spec(3), TROUBLE, latency_s=lambda _: 1.0)
    record = world.run()
    first, last = world.events[0], world.events[-1]
    assert first == RunStarted(
        run_id="run", at_s=0.0, ensemble="ensemble", agents=("a", "b", "c"), layers=2, planned_calls=33
    )
    assert last == RunFinished(
        run_id="run", at_s=record.wall_s, state="finished", text=record.text, usage=record.usage, error=None
    )
    assert all(event.run_id == "run" for event in world.events)
    assert all(one.at_s <= next_one.at_s for one, next_one in pairwise(world.events))
    layers = [event for event in world.events if isinstance(event, LayerFinished | VerdictReached)]
    assert [type(event).__name__ for event in layers] == ["LayerFinished", "VerdictReached"] * 2
    told = [event.output for event in layers if isinstance(event, LayerFinished)]
    assert told == [layer.output for layer in record.layers]


def test_the_planned_calls_are_those_of_a_run_without_trouble() -> None:
    """A progress view counts against this number."""
    world = World(a_spec(4, layers=3))
    record = world.run()
    started = world.events[0]
    assert isinstance(started, RunStarted)
    assert started.planned_calls == len(record.calls)


def test_all_observers_are_told_the_same() -> None:
    """In the same order."""
    others: list[Event] = []
    world = World(observers=[others.append])
    world.run()
    assert others == world.events


# ---------------------------------------------------------------------------------------------------------------- sums


@pytest.mark.parametrize("script", [{}, TROUBLE, {"2.residual.a": stop}])
def test_usage_adds_up(script: dict[str, Says]) -> None:
    """The run is the sum of its layers and the sum of its calls, failed attempts included."""
    record = World(a_spec(3), script).run()
    assert record.usage == add(layer.usage for layer in record.layers) == call_usage(record.calls)
    assert record.usage.calls == sum(len(made.attempts) for made in record.calls)
    assert record.usage.cached_tokens == 4 * sum(made.state == "finished" for made in record.calls)


def test_each_layer_finishes_with_the_sum_of_its_calls() -> None:
    """What is told is what is kept."""
    world = World(a_spec(3), TROUBLE)
    record = world.run()
    told = [event.usage for event in world.events if isinstance(event, LayerFinished)]
    assert told == [layer.usage for layer in record.layers]


@pytest.mark.parametrize("script", [{}, TROUBLE, {"2.residual.a": stop}])
def test_a_record_reads_back_equal(script: dict[str, Says]) -> None:
    """Whatever happened in the run."""
    record = World(a_spec(3), script, latency_s=lambda _: 0.3).run()
    assert record_from_json(record_to_json(record)) == record


def test_calls_are_recorded_in_the_order_in_which_they_ended() -> None:
    """What a call reads is before it."""
    record = World(a_spec(3), latency_s=slow(a=3.0, b=2.0)).run()
    assert [made.ended_s for made in record.calls] == sorted(made.ended_s for made in record.calls)
    seen: set[str] = set()
    for made in record.calls:
        assert set(made.reads) <= seen
        seen.add(made.call_id)


# ------------------------------------------------------------------------------------------------------------- prompts


def prompts(record: RunRecord) -> dict[str, object]:
    """Return every call's prompt."""
    return {made.call_id: made.messages for made in record.calls}


@pytest.mark.parametrize("mode", ["pairwise", "panel"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_runs_with_one_secret_send_equal_prompts(layout: str, mode: Any) -> None:
    """Run ids, times and arrival leave no trace: a cache can hit."""
    spec = a_spec(3, layout=layout, attention=AttentionSpec(mode=mode))
    one = World(spec, latency_s=lambda _: 1.0).run()
    again = World(spec, latency_s=lambda request: 5.0 if request.agent == "a" else 1.0).run()
    assert prompts(one) == prompts(again)


def test_another_secret_changes_every_tag() -> None:
    """All prompts that quote a text differ; the first answers quote none."""
    one, other = prompts(World().run()), prompts(World(secret=b"quite another secret").run())
    assert {name for name in one if one[name] == other[name]} == {
        "1.answer.a",
        "1.answer.b",
        "1.answer.c",
        *self_critiques(1),
    }


def self_critiques(layer: int) -> set[str]:
    """Return the critiques that quote nobody in the layout ``continue``."""
    return {f"{layer}.critique.{name}.{name}" for name in "abc"}


def test_changing_one_agents_model_leaves_all_prompts_as_they_were() -> None:
    """As long as it says the same: only what depends on a change is done again."""
    spec = a_spec(3)
    other = replace(spec, agents=(spec.agents[0], replace(spec.agents[1], model="test:other"), spec.agents[2]))
    assert prompts(World(spec).run()) == prompts(World(other).run())


def test_changing_what_one_agent_says_changes_only_what_reads_it() -> None:
    """Its answer's text reaches its own and its peers' critiques, and nothing of the pairs without it."""
    fields = {"layers": 1, "attention": AttentionSpec()}
    one = prompts(World(a_spec(3, **fields)).run())
    other = prompts(World(a_spec(3, **fields), {"1.answer.b": "something else"}).run())
    changed = {name for name in one if one[name] != other[name]}
    assert changed == {
        "1.critique.b.a",
        "1.critique.b.b",
        "1.critique.b.c",
        "1.critique.a.b",
        "1.critique.c.b",
        "1.refine.b",
    }


def test_what_was_asked_reaches_every_agent_as_messages() -> None:
    """System prompt, earlier turns, tool history and images, in each stage and to each writer."""
    asked = (
        system("Be brief."),
        user("Look this up."),
        Message("assistant", (), None, (ToolCall("t1", "look", "{}"),)),
        Message("tool", (TextPart("found"),), None, (), "t1"),
        assistant("Found."),
        Message("user", (TextPart("And this?"), ImagePart(media_type="image/png", data=b"png"))),
    )
    record = World(a_spec(2), conversation=asked).run()
    for made in record.calls:
        assert made.messages[:5] == asked[:5]
        assert made.messages[5].content[:2] == asked[5].content
    assert call(record, "1.answer.a").messages == asked


def test_each_agent_gets_what_it_can_take_and_the_record_says_what_that_was() -> None:
    """One without images, one without a system role, one with a small window: three prompts, three notes."""
    agents = [
        AgentSpec(name="all", model="test:all"),
        AgentSpec(name="blind", model="test:blind", has_images=False),
        AgentSpec(name="plain", model="test:plain", has_system_role=False),
        AgentSpec(name="small", model="test:small", context_tokens=1500, max_tokens=50),
    ]
    asked = (
        system("Be brief."),
        user("old " * 600),
        assistant("talk " * 300),
        Message("user", (TextPart("This?"), ImagePart(media_type="image/png", data=b"png"))),
    )
    spec = a_spec(agents, layers=1)
    record = World(spec, {"answer": "words " * 300}, conversation=asked).run()
    assert call(record, "1.answer.all").notes == ()
    assert not call(record, "1.answer.blind").messages[-1].has_images
    assert call(record, "1.answer.plain").messages[0].role == "user"
    assert len(call(record, "1.answer.small").messages) == 2
    for note in ("blind: images were left out", "plain: the system prompt went", "small: the 2 oldest messages"):
        assert any(told.startswith(note) for told in record.notes)
    assert record.losses == ()


# ------------------------------------------------------------------------------------------------------------- endings


def test_writers_of_their_own_and_agents_as_writers_are_asked() -> None:
    """By the names that the ensemble gives them."""
    spec = a_spec(2, summary=WriterSpec(model="b"), residual=ResidualSpec(model="test:judge"))
    record = World(spec).run()
    assert record.text == "says 2.residual.residual"
    assert call(record, "2.summary.b").agent == "b"
    assert call(record, "2.residual.residual").model == "test:judge"


def test_a_run_without_an_answer_is_told_and_raised() -> None:
    """The last event says failed, with the reason."""
    world = World(script={"answer": DOWN})
    with pytest.raises(QuorumError) as caught:
        world.run()
    last = world.events[-1]
    assert isinstance(last, RunFinished)
    assert (last.state, last.text, last.error) == ("failed", None, str(caught.value))
    assert record_from_json(record_to_json(caught.value.partial)) == caught.value.partial


def test_a_config_error_cancels_the_other_calls_and_is_told() -> None:
    """They are booked; the run's last event names the error."""
    script: dict[str, Says] = {"1.answer.b": Line(error=ConfigError("set a key", key="k"), first_token_s=1.0)}
    world = World(a_spec(3), script | {"answer": Line(text="slow", first_token_s=9.0)})
    with pytest.raises(ConfigError, match="set a key"):
        world.run()
    assert {made.agent: made.state for made in world.record.calls} == {"a": "cancelled", "b": "lost", "c": "cancelled"}
    last = world.events[-1]
    assert isinstance(last, RunFinished)
    assert (last.state, last.error) == ("failed", "k: set a key")
    assert world.scripted.open_streams == 0


def test_a_config_error_in_a_later_layer_keeps_the_output_so_far() -> None:
    """What was paid stays readable."""
    world = World(a_spec(2), {"2.answer.a": ConfigError("gone")})
    with pytest.raises(ConfigError):
        world.run()
    assert (world.record.state, world.record.text) == ("failed", "says 1.summary.a")


def test_a_cancelled_run_books_every_call_and_keeps_the_best_so_far() -> None:
    """Nothing is left running, and the last event says that it was cancelled."""

    async def scenario(world: World) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.5):
                await world.play()
        assert len(asyncio.all_tasks()) == 1

    world = World(a_spec(3), latency_s=lambda _: 1.0)
    virtual_time.run(scenario(world))
    record = world.record
    assert (record.state, record.text, record.error) == ("cancelled", "says 1.summary.a", "interrupted")
    states = [made.state for made in record.calls]
    assert states.count("cancelled") == sum(isinstance(event, CallCancelled) for event in world.events) == 9
    assert isinstance(world.events[-1], RunFinished)
    assert world.scripted.open_streams == 0
    assert record.usage == call_usage(record.calls)
