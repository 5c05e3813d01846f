"""What a run took, beside its plan and its limits; what is unknown stays so."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.config import EnsembleSpec, LimitSpec
from attention_moa.errors import ServerError
from attention_moa.events import CallFinished
from attention_moa.messages import Stage, Usage
from attention_moa.money import Price
from attention_moa.plan import Plan, plan
from attention_moa.prompts import load_templates
from attention_moa.records import Attempt, RunRecord, UsageTotal
from attention_moa.ui.spending import (
    beside_plan,
    by_agent,
    by_stage,
    limit_states,
    limits_of,
    share_is_of,
    tokens_of,
    told_cost,
)
from attention_moa.ui.story import RunStory
from tests.journals import a_call, a_head, a_record
from tests.worlds import QUESTION, World, a_spec, in_turn

PRICED = [AgentSpec(name=name, model=f"test:{name}", price=Price(input=1e5, output=1e5)) for name in "ab"]


def a_run(spec: EnsembleSpec | None = None) -> tuple[RunStory, RunRecord]:
    """Return a run of two agents and one layer, as it was heard and as it is recorded."""
    world = World(spec or a_spec(PRICED, layers=1))
    record = world.run()
    story = RunStory(world.spec)
    story.hear_all([(None, event) for event in world.events])
    return story, record


def a_plan(spec: EnsembleSpec) -> Plan:
    """Return what was planned for it."""
    return plan(spec, QUESTION, load_templates(), experience={}, price_of=lambda model: model.price)


def test_tokens_are_told_by_what_became_of_them() -> None:
    """Cached ones are not prefilled; what some calls did not tell may be more."""
    usage = UsageTotal(calls=2, input_tokens=10, cached_tokens=4, output_tokens=5)
    assert tokens_of(usage) == (4, 6, 5, False, True)
    assert tokens_of(UsageTotal(calls=2, unknown_calls=1, input_tokens=10)) == (0, 10, 0, True, True)
    assert tokens_of(UsageTotal(calls=1, unknown_calls=1)).is_known is False


@pytest.mark.parametrize(
    ("usd", "is_least", "told"),
    [(0.12, False, "$0.1200"), (0.12, True, "at least $0.1200"), (None, True, "unknown"), (0.0, True, "unknown"),
     (0.0, False, "$0")],
)  # fmt: skip
def test_a_cost_is_told_as_far_as_it_is_known(usd: float | None, is_least: bool, told: str) -> None:
    """Never as nothing where nobody knows."""
    assert told_cost(usd, is_least=is_least) == told


def test_what_each_agent_and_each_stage_took_is_the_same_live_and_in_the_record() -> None:
    """In the ensemble's order, with their shares."""
    story, record = a_run()
    assert by_agent(story) == by_agent(record)
    assert by_stage(story) == by_stage(record)
    assert [(row.name, row.counts.sent, row.cost) for row in by_agent(record)] == [
        ("a", 5, "$7.5000"),
        ("b", 4, "$6.0000"),
    ]
    assert [row.name for row in by_stage(record)] == ["answer", "critique", "refine", "summary"]
    assert by_agent(record)[0].share == pytest.approx(5 / 9)


def test_without_prices_shares_are_of_tokens() -> None:
    """And where some told nothing there are none."""
    _, record = a_run(a_spec(2, layers=1))
    assert [(row.usd, row.cost) for row in by_agent(record)] == [(None, "unknown")] * 2
    assert by_agent(record)[0].share == pytest.approx(5 / 9)
    silent = a_call(attempts=(Attempt(started_s=0.0, ended_s=1.0),))
    (row,) = by_agent(a_record(a_head(), silent))
    assert (row.share, row.tokens.is_known) == (None, False)
    writer = a_call("1.summary.w", agent="w", stage=Stage.SUMMARY)
    never = a_call("1.answer.b", agent="b", attempts=())
    assert [row.name for row in by_agent(a_record(a_head(), writer, never))] == ["w"]


def test_a_run_under_way_stands_beside_its_plan() -> None:
    """Calls, tokens, money and seconds so far, each as a lower bound; without a plan only the calls are planned."""
    spec = a_spec(PRICED, layers=1)
    story, record = a_run(spec)
    rows = {row.what: row for row in beside_plan(story, a_plan(spec))}
    assert (rows["calls"].planned, rows["calls"].actual, rows["calls"].is_least) == (9, 9, False)
    assert rows["prompt tokens"].actual == 90
    assert rows["prompt tokens"].planned is not None
    assert rows["US dollars"].actual == 13.5
    early = RunStory(spec)
    rows = {row.what: row for row in beside_plan(early, None)}
    assert (rows["calls"].planned, rows["calls"].actual, rows["calls"].is_least) == (9, 0, True)
    assert (rows["prompt tokens"].planned, rows["prompt tokens"].actual) == (None, 0)
    assert rows["seconds"].off is None
    assert beside_plan(record, a_plan(spec))[0].what == "calls"
    assert beside_plan(record, None) == ()


def test_tokens_that_nobody_told_are_unknown_beside_the_plan() -> None:
    """Not nothing."""
    world = World(a_spec(1, layers=1))
    world.run()
    story = RunStory(world.spec)
    for event in world.events[:5]:
        story.hear(replace(event, usage=Usage()) if isinstance(event, CallFinished) else event)
    rows = {row.what: row for row in beside_plan(story, None)}
    assert (rows["calls"].actual, rows["prompt tokens"].actual, rows["US dollars"].actual) == (1, None, None)


def limits(used: UsageTotal, seconds_s: float = 0.0, **fields: Any) -> list[tuple[str, str, str]]:
    """Return each limit's name, level and words."""
    return [(one.what, one.level, one.told) for one in limit_states(LimitSpec(**fields), used, seconds_s)]


def test_how_far_a_run_is_towards_its_limits_is_told_in_words() -> None:
    """Money, tokens, time; what is not limited is not told."""
    used = UsageTotal(calls=2, input_tokens=700, output_tokens=100, cost_usd=0.5)
    assert limits(used) == []
    assert limits(used, usd=1.0) == [("money", "fine", "$0.5000 of $1.0000 (50%)")]
    assert limits(used, tokens=1_000) == [("tokens", "near", "800 of 1,000 tokens (80%), near its limit")]
    assert limits(used, 61.0, deadline_s=60.0) == [
        ("time", "reached", "61 s of 60 s (102%), its limit is reached")
    ]  # fmt: skip


def test_a_part_that_is_unknown_is_said_to_be() -> None:
    """A limit may be nearer than is known."""
    used = UsageTotal(calls=2, unknown_calls=1, unpriced_calls=1, input_tokens=800, cost_usd=0.5)
    assert limits(used, usd=1.0, tokens=1_000)[0][2] == "at least $0.5000 of $1.0000 (50%)"
    assert limits(used, usd=1.0, tokens=1_000)[1][2] == "800+ of 1,000 tokens (80%), near its limit"
    nothing = UsageTotal(calls=1, unknown_calls=1, unpriced_calls=1)
    assert limits(nothing, tokens=1_000) == [("tokens", "fine", "unknown of 1,000 tokens (0%)")]


def test_a_deadline_counts_from_when_this_life_of_the_run_began() -> None:
    """As the engine does."""
    spec = a_spec(PRICED, layers=1, limits=LimitSpec(deadline_s=10.0))
    story = RunStory(spec)
    world = World(spec, latency_s=lambda _: 1.0)
    world.run()
    story.hear_all([(None, event) for event in world.events if event.at_s <= 2.0])
    assert [one.told for one in limits_of(story)] == ["2.0 s of 10 s (20%)"]


def test_shares_are_of_what_is_known_and_say_so() -> None:
    """One agent without a price takes the shares of the others away no more."""
    half = [PRICED[0], AgentSpec(name="b", model="test:b")]
    story, record = a_run(a_spec(half, layers=1))
    assert share_is_of(record) == share_is_of(story) == "known cost"
    assert [row.share for row in by_agent(record)] == [1.0, None]
    assert by_agent(story) == by_agent(record)
    assert share_is_of(a_run()[1]) == "cost"
    assert share_is_of(a_run(a_spec(2, layers=1))[1]) == "tokens"
    silent = a_call(attempts=(Attempt(started_s=0.0, ended_s=1.0),))
    assert share_is_of(a_record(a_head(), silent)) == ""
    said = a_call(
        "1.answer.b",
        agent="b",
        attempts=(Attempt(started_s=0.0, ended_s=1.0, usage=Usage(input_tokens=3, output_tokens=4)),),
    )
    assert share_is_of(a_record(a_head(), silent, said)) == "known tokens"


def test_attempts_are_told_beside_the_calls_that_they_are_of() -> None:
    """Nine calls of which one was tried three times are nine calls and eleven attempts."""
    world = World(a_spec(PRICED, layers=1), {"1.answer.a": in_turn(ServerError("x"), ServerError("y"), "At last.")})
    record = world.run()
    assert sum(row.counts.sent for row in by_agent(record)) == 9
    assert sum(row.attempts for row in by_agent(record)) == 11
