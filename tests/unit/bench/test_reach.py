"""How far a budget reaches."""

from __future__ import annotations

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.reach import Reach, describe_reach, reach_of
from attention_moa.bench.systems import System
from attention_moa.experience import CallFacts, learn
from attention_moa.money import Price
from tests.bench_world import a_question, a_spec

AGENT = AgentSpec(name="a", model="test:m", price=Price(input=0.0, output=10_000.0), max_tokens=100)
SYSTEM = System(name="mine", spec=a_spec(agents=(AGENT,)))
"""Whose reply of 100 tokens costs a dollar."""
QUESTIONS = [a_question(number) for number in range(50)]


def test_it_is_told_by_the_most_that_models_may_write() -> None:
    """Of the systems and of the judge."""
    reach = reach_of([SYSTEM], QUESTIONS, usd=10.5, experience={})
    assert (round(reach.usd_each["mine"], 6), reach.questions, reach.is_bound) == (1.0, 10, True)
    judged = reach_of([SYSTEM], QUESTIONS, usd=10.5, experience={}, judge_usd_each=1.0)
    assert (judged.questions, judged.judge_usd_each) == (5, 1.0)
    assert reach_of([SYSTEM], QUESTIONS, usd=900, experience={}).questions == 50
    assert describe_reach(judged, usd=10.5, questions=50) == (
        "the budget reaches for about 5 of 50 questions: $10.50 left, $2.0000 a question for all systems and the judge "
        "(at most, as far as is known)"
    )


def test_it_is_said_why_it_is_no_more_than_a_bound() -> None:
    """Without max_tokens; and of how many questions it speaks where some are answered already."""
    uncapped = System(name="mine", spec=a_spec(agents=(replace(AGENT, max_tokens=None),)))
    reach = reach_of([uncapped], QUESTIONS[:5], usd=0.019479999999999997, experience={})
    line = describe_reach(reach, usd=0.019479999999999997, questions=5, answered=45)
    assert line.startswith("the budget reaches for about 0 of the 5 questions that are left: $0.0194 left, $")
    assert line.endswith("(an upper bound, since max_tokens is not set: --max-tokens makes it a closer one)")


def test_both_turns_of_a_question_cost() -> None:
    """So half as many are reached."""
    questions = [a_question(number, later=("And?",)) for number in range(4)]
    assert reach_of([SYSTEM], questions, usd=4.0, experience={}).questions == 2


def test_what_the_journal_knows_is_believed() -> None:
    """And said."""
    facts = CallFacts("answer", "a", 10, 0, 10, 0, 10, 10, 0.0, 0.1, 0.2)
    known = learn("test:m", [(f"r{number}", facts) for number in range(30)])
    assert known is not None
    reach = reach_of([SYSTEM], QUESTIONS, usd=1.05, experience={"test:m": known})
    assert (round(reach.usd_each["mine"], 3), reach.questions, reach.is_bound) == (0.1, 10, False)
    assert "by what the journal knows" in describe_reach(reach, usd=1.0, questions=50)


def test_what_costs_nothing_reaches_for_all() -> None:
    """However little there is."""
    free = System(name="free", spec=a_spec(agents=(AgentSpec(name="a", model="t:m", price=Price(input=0, output=0)),)))
    assert reach_of([free], QUESTIONS, usd=0.0, experience={}) == Reach(
        {"free": 0.0}, 50, is_bound=True, is_uncapped=True
    )
