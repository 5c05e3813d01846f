"""The longest chain of calls that waited for each other."""

from __future__ import annotations

from attention_moa.critical_path import CriticalPath, critical_path
from attention_moa.messages import Sampling, Stage
from attention_moa.records import CallRecord


def a_call(name: str, queued_s: float, ended_s: float, *reads: str) -> CallRecord:
    """Return a call that read others."""
    return CallRecord(
        call_id=name,
        stage=Stage.ANSWER,
        layer=1,
        agent="a",
        model="test:a",
        sampling=Sampling(),
        messages=(),
        state="finished",
        reads=reads,
        queued_s=queued_s,
        ended_s=ended_s,
        attempts=(),
    )


def test_no_calls_have_no_path() -> None:
    """Nothing takes no time."""
    assert critical_path([]) == CriticalPath(0.0, ())


def test_the_longest_chain_is_found() -> None:
    """A fast call that read a slow one may beat a slow call that read a fast one."""
    calls = [
        a_call("fast", 0, 1),
        a_call("slow", 0, 5),
        a_call("after fast", 1, 4, "fast"),
        a_call("after both", 5, 6, "fast", "slow"),
    ]
    assert critical_path(calls) == CriticalPath(6.0, ("slow", "after both"))


def test_time_in_which_nothing_was_waited_for_does_not_count() -> None:
    """A late start is the schedule's fault, not the path's."""
    calls = [a_call("one", 0, 2), a_call("two", 10, 11, "one")]
    assert critical_path(calls).seconds == 3.0


def test_a_read_that_is_not_in_the_log_counts_as_there_from_the_start() -> None:
    """A path can be taken of a part of a log."""
    assert critical_path([a_call("one", 3, 5, "unknown")]) == CriticalPath(2.0, ("one",))
