"""How long steps that wait for each other take together."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from attention_moa.call_plan import planned_calls
from attention_moa.config import AttentionSpec
from attention_moa.expected_path import Step, expected_ends
from tests.worlds import a_spec


def test_no_steps_take_no_time() -> None:
    """There is nothing to tell."""
    assert expected_ends([]) == {}


def test_a_chain_takes_the_sum() -> None:
    """However much its steps vary: one waits for one."""
    steps = [Step("a", (), 1.0, 0.5), Step("b", ("a",), 2.0, 0.5), Step("c", ("b",), 3.0)]
    assert expected_ends(steps) == {"a": 1.0, "b": 3.0, "c": 6.0}


def test_who_waits_for_several_that_do_not_vary_waits_for_the_longest() -> None:
    """It is the critical path."""
    steps = [Step("a", (), 1.0), Step("b", (), 5.0), Step("c", ("a", "b"), 1.0)]
    assert expected_ends(steps)["c"] == 6.0


def test_who_waits_for_several_that_vary_waits_for_more_than_their_mean() -> None:
    """As much as many draws show."""
    steps = [Step(name, (), 10.0, 2.0) for name in "abcde"]
    expected = expected_ends([*steps, Step("end", tuple("abcde"), 0.0)])["end"]
    chance = random.Random(1)
    drawn = fmean(max(chance.gauss(10.0, 2.0) for _ in range(5)) for _ in range(20_000))
    assert expected == pytest.approx(drawn, rel=0.01)


def test_what_never_is_the_latest_adds_nothing() -> None:
    """A step that is over long before is as if it were not there."""
    steps = [Step("short", (), 1.0, 0.1), Step("long", (), 100.0, 0.1), Step("end", ("short", "long"), 1.0)]
    assert expected_ends(steps)["end"] == pytest.approx(101.0)


def test_steps_of_one_line_wait_for_its_places() -> None:
    """First come, first served; other lines do not wait."""
    steps = [
        *(Step(name, (), 2.0, line="slow", places=2) for name in "abcde"),
        Step("other", (), 2.0, line="quick"),
        Step("end", tuple("abcde"), 1.0, line="slow", places=2),
    ]
    assert expected_ends(steps) == {"a": 2.0, "b": 2.0, "c": 4.0, "d": 4.0, "e": 6.0, "other": 2.0, "end": 7.0}


def test_who_is_ready_first_is_served_first() -> None:
    """Not who stands first in the list."""
    steps = [
        Step("late", (), 3.0),
        Step("early", (), 1.0),
        Step("after late", ("late",), 1.0, line="one", places=1),
        Step("after early", ("early",), 5.0, line="one", places=1),
    ]
    ends = expected_ends(steps)
    assert (ends["after early"], ends["after late"]) == (6.0, 7.0)


def test_a_whole_run_takes_as_long_as_many_draws_show() -> None:
    """Two layers of five agents with panels, every call a fifth of its time more or less."""
    spec = a_spec(5, attention=AttentionSpec(mode="panel"))
    mean_s = dict(zip("abcde", (2.0, 4.0, 7.0, 11.0, 12.0), strict=True))
    calls = planned_calls(spec)
    steps = [Step(call.call_id, call.reads, mean_s[call.agent.name], mean_s[call.agent.name] / 5) for call in calls]
    chance = random.Random(1)
    drawn = []
    for _ in range(1000):
        ends: dict[str, float] = {}
        for step in steps:
            ready_s = max((ends[read] for read in step.reads), default=0.0)
            ends[step.name] = ready_s + chance.gauss(step.mean_s, step.deviation_s)
        drawn.append(max(ends.values()))
    assert max(expected_ends(steps).values()) == pytest.approx(fmean(drawn), rel=0.02)
