"""What a call leaves behind where its end comes at a bad moment, and where its attempts differ."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.booking import Booking
from attention_moa.collected import Ask, name_of
from attention_moa.config import AttentionSpec, CallPolicy, LimitSpec, PromptSpec
from attention_moa.errors import QuorumError
from attention_moa.messages import Chunk, RateHint, Reply, Stage, TokenChances, Usage
from attention_moa.prompts import Prompt, render_answer
from attention_moa.providers.scripted import Line
from attention_moa.records import CallRecord
from attention_moa.run_log import RunLog
from attention_moa.store.memory import MemoryJournal, MemoryRun
from tests import virtual_time
from tests.asking import run
from tests.journals import a_call, a_head
from tests.worlds import QUESTION, Says, World, a_spec, call, in_turn

OFF = AttentionSpec(own=False, peers=0)


def a_place() -> MemoryRun:
    """Return a run's place in a journal."""
    return asyncio.run(MemoryJournal().begin(a_head()))


def test_a_calls_name_says_all_that_it_is() -> None:
    """Only a critique of one peer has a fourth part."""
    assert name_of(2, Stage.CRITIQUE, "a", "b") == "2.critique.a.b"
    assert name_of(1, Stage.ANSWER, "a") == "1.answer.a"


def test_a_request_that_was_not_prepared_is_a_mistake_of_ours() -> None:
    """There is nothing to send."""
    world = World()
    agent = world.spec.agents[0]
    log = RunLog("run", "", world.spec, world.desk.conversation, now=lambda: 0.0)
    ask = Ask(agent=agent, stage=Stage.ANSWER, layer=1, render=render_answer(world.desk, agent, 1, None))
    with pytest.raises(RuntimeError, match="no request was prepared"):
        _ = Booking(log, ask, journal=None, price=None).request


class SlowPlace(MemoryRun):
    """A place that takes a second to write, whoever waits for it."""

    async def put(self, fingerprint: str, call: CallRecord) -> None:
        await super().put(fingerprint, call)
        await asyncio.sleep(1.0)


def test_a_call_that_is_cancelled_while_it_is_written_has_finished() -> None:
    """It was paid for, and the journal has it."""
    place = a_place()
    slow = SlowPlace(place._journal, place._run, has_reuse=False)  # noqa: SLF001 - the same place, only slower
    world = World(a_spec(1), journal=slow)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(world.play())
            await asyncio.sleep(0.5)
            task.cancel()

    virtual_time.run(scenario())
    assert [(made.call_id, made.state) for made in world.record.calls] == [("1.answer.a", "finished")]
    assert [made.call_id for made in place._run.calls.values()] == ["1.answer.a"]  # noqa: SLF001 - what is kept


def test_of_two_attempts_that_were_cut_otherwise_the_record_has_the_one_that_replied() -> None:
    """And it is journaled under what that one was asked."""
    agent = AgentSpec(name="a", model="test:a", max_tokens=1000)
    spec = a_spec(
        [agent],
        layers=1,
        attention=OFF,
        calls=CallPolicy(attempts=1, hedge_s=2.0),
        limits=LimitSpec(tokens=1700),
        prompts=PromptSpec(style="small"),
    )
    usage = Usage(input_tokens=10, output_tokens=10)
    script = {"1.answer.a": in_turn(Line(text="first", first_token_s=5.0, usage=usage), Line(first_token_s=60.0))}
    place = a_place()
    world = World(spec, script, journal=place)
    record = world.run()
    sent = [request.sampling.max_tokens for request in world.requests if request.stage == "answer"]
    assert sent[0] == 1000
    assert sent[1] is not None
    assert sent[1] < 1000
    answered = call(record, "1.answer.a")
    assert (answered.text, answered.sampling.max_tokens) == ("first", 1000)
    again = World(spec, journal=place)
    assert again.run().text == record.text
    assert again.asked == []


def test_an_endpoint_that_has_nothing_left_is_left_alone_until_its_reset() -> None:
    """The next call to the model waits as long as the reply says."""
    hint = RateHint(remaining_requests=0, reset_s=30.0)
    said: dict[str, Says] = {"1.answer.a": [Chunk(text="Because.", finish_reason="stop", rate=hint)]}
    world = World(a_spec(1, layers=1, attention=OFF), said)
    record = world.run()
    assert call(record, "1.summary.a").attempts[0].waited_s == 30.0


def test_in_a_layer_that_is_over_nothing_is_sent() -> None:
    """What the journal does not have then is late."""
    place = a_place()
    asyncio.run(place.decide("1.closed", True))
    world = World(a_spec(2), journal=place)
    with pytest.raises(QuorumError):
        world.run()
    assert world.asked == []


def test_log_probabilities_are_kept_with_the_call() -> None:
    """Where they were asked for; where none come the notes say so."""
    chances = (TokenChances("m", -0.5, (("m", -0.5), ("M", -1.0))),)
    spec = a_spec([AgentSpec(name=name, model=f"test:{name}", top_logprobs=2) for name in "ab"], layers=1)
    world = World(spec, {"1.answer.a": Reply(text="m", finish_reason="stop", logprobs=chances)})
    world.run()
    told, untold = call(world.record, "1.answer.a"), call(world.record, "1.answer.b")
    assert (told.logprobs, told.notes) == (chances, ())
    assert (untold.logprobs, untold.notes) == ((), ("log-probabilities were asked for, and none came",))


def test_log_probabilities_come_out_of_the_journal_again() -> None:
    """As they were told."""
    chances = (TokenChances("m", -0.5, (("m", -0.5), ("M", -1.0))),)
    stored = a_call(reply="m", logprobs=chances)
    log = RunLog("r", "now", a_spec(), QUESTION, now=lambda: 0.0)
    ask = Ask(agent=a_spec().agents[0], stage=Stage.ANSWER, layer=1, render=lambda _: Prompt(QUESTION, tail=0))
    reply = run(lambda: Booking(log, ask, journal=None, price=None).replayed(stored))
    assert reply.logprobs == chances
    assert log.calls[-1].logprobs == chances
