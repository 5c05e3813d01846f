"""A second attempt beside a slow first one."""

from __future__ import annotations

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.config import AttentionSpec, CallPolicy
from attention_moa.errors import QuorumError, RefusedError, ServerError
from attention_moa.messages import CallRequest
from attention_moa.records import CallRecord
from tests.worlds import Says, World, a_spec, call, in_turn

OFF = AttentionSpec(own=False, peers=0)


def a_world(latencies_s: list[float], said: Says = "Because.", *, hedge_s: float | None = 2.0) -> World:
    """Return a world whose answer takes so many seconds at each attempt; one attempt is not tried again."""
    left = list(latencies_s)

    def latency_s(request: CallRequest) -> float:
        return left.pop(0) if request.stage == "answer" else 0.0

    policy = CallPolicy(attempts=1, hedge_s=hedge_s)
    spec = a_spec([AgentSpec(name="a", model="test:a")], layers=1, attention=OFF, calls=policy)
    return World(spec, {"1.answer.a": said}, latency_s=latency_s)


def outcomes(record: CallRecord) -> list[tuple[str | None, float, float]]:
    """Return how the attempts ended, and when they started and ended."""
    return [(tried.error, tried.started_s, tried.ended_s) for tried in record.attempts]


def test_without_the_setting_a_slow_attempt_is_waited_for() -> None:
    """The default."""
    assert outcomes(call(a_world([9.0], hedge_s=None).run(), "1.answer.a")) == [(None, 0.0, 9.0)]


def test_an_attempt_that_begins_in_time_stays_alone() -> None:
    """Nobody pays twice for what is quick enough."""
    record = a_world([1.0]).run()
    assert outcomes(call(record, "1.answer.a")) == [(None, 0.0, 1.0)]
    assert record.notes == ()


@pytest.mark.parametrize(
    ("latencies_s", "expected"),
    [
        ([9.0, 1.0], [(None, 2.0, 3.0), ("Cancelled", 0.0, 3.0)]),
        ([4.0, 9.0], [(None, 0.0, 4.0), ("Cancelled", 2.0, 4.0)]),
    ],
)
def test_the_quicker_of_two_attempts_counts_and_the_other_is_ended_and_booked(
    latencies_s: list[float], expected: list[tuple[str | None, float, float]]
) -> None:
    """Whichever of them it is."""
    record = a_world(latencies_s).run()
    booked = call(record, "1.answer.a")
    assert outcomes(booked) == expected
    assert booked.text == "Because."
    assert record.usage.unknown_calls == 1
    note = "a second attempt was made beside a first one that had not begun its reply within 2 s"
    assert record.notes == (f"a: {note}",)


def test_a_failed_attempt_leaves_the_other_one_to_reply() -> None:
    """One of two is enough."""
    booked = call(a_world([3.0, 3.0], in_turn(ServerError("down"), "Because.")).run(), "1.answer.a")
    assert [tried.error for tried in booked.attempts] == ["ServerError", None]


def test_where_both_attempts_fail_the_first_error_is_the_calls() -> None:
    """And both are booked."""
    world = a_world([3.0, 3.0], in_turn(RefusedError("first"), ServerError("second")))
    with pytest.raises(QuorumError, match="first"):
        world.run()
    assert [tried.error for tried in call(world.record, "1.answer.a").attempts] == ["RefusedError", "ServerError"]
