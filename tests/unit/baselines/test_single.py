"""One agent, asked once."""

from __future__ import annotations

import pytest

from attention_moa.config import LimitSpec
from attention_moa.errors import DeadlineError, QuorumError, ServerError
from attention_moa.providers.scripted import Line
from attention_moa.schedule import count_calls
from tests.worlds import World, a_spec


def test_one_agent_is_asked_once_and_its_answer_is_the_run_s() -> None:
    """One call, one layer, no writer."""
    spec = a_spec(1, strategy="single", layers=1)
    record = World(spec).run()
    assert [call.call_id for call in record.calls] == ["1.answer.a"]
    assert (record.text, record.state, count_calls(spec)) == ("says 1.answer.a", "finished", 1)
    assert record.verdict is not None
    assert (record.verdict.rule, record.layers[0].output) == ("last", record.text)


def test_the_prompt_is_that_of_an_answer_in_any_strategy() -> None:
    """So that a journal can serve the one from the other."""
    alone, beside = World(a_spec(1, strategy="single", layers=1)), World(a_spec(1))
    alone.run()
    beside.run()
    assert alone.requests[0] == beside.requests[0]


def test_a_lost_answer_is_a_failed_run() -> None:
    """There is nothing that could stand in for it."""
    world = World(a_spec(1, strategy="single", layers=1), {"a": ServerError("down", retryable=False)})
    with pytest.raises(QuorumError, match="a: down") as caught:
        world.run()
    assert caught.value.partial is not None
    assert caught.value.partial.state == "failed"


def test_a_deadline_ends_it() -> None:
    """It says so in its error."""
    spec = a_spec(1, strategy="single", layers=1, limits=LimitSpec(deadline_s=1.0))
    with pytest.raises(DeadlineError, match="the deadline of 1 s passed before any answer was there"):
        World(spec, latency_s=lambda _: 5.0).run()


def test_an_answer_that_hit_its_limit_is_told_as_cut() -> None:
    """Nobody takes half an answer for a whole one."""
    record = World(a_spec(1, strategy="single", layers=1), {"a": Line(text="half", finish_reason="length")}).run()
    assert record.is_truncated
