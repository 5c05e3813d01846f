"""Plans of several answers: calls of every strategy, of a run that stops early too, and what they take."""

from __future__ import annotations

import pytest

from attention_moa.answer_spec import AnswerSpec
from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.experience import ModelExperience
from attention_moa.money import Price
from attention_moa.not_made import not_made
from attention_moa.plan import Plan, plan
from attention_moa.plan_account import plan_account
from attention_moa.prompts import load_templates
from attention_moa.schedule import count_calls, has_verdict
from tests.baseline_world import STRATEGIES, a_baseline
from tests.property.test_plan import learnt
from tests.worlds import QUESTION, World, a_spec, stop

THREE = AnswerSpec(choices=3)
PRICE = Price(input=1.0, output=2.0)


def a_plan(spec: EnsembleSpec, wanted: AnswerSpec, known: dict[str, ModelExperience] | None = None) -> Plan:
    """Return the plan of a run."""
    return plan(
        spec,
        QUESTION,
        load_templates(),
        experience=known or {},
        price_of=lambda _: PRICE,
        wanted=wanted,
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_baseline_plans_two_calls_more_for_two_answers_more(strategy: str) -> None:
    """They are those of the run, but for whose answer is chosen, which nobody knows beforehand."""
    spec = a_baseline(strategy, agents=2, layers=2)
    record = World(spec, wanted=THREE).run()
    planned = planned_calls(spec, 3)
    assert len(planned) == count_calls(spec, 3) == len(record.calls) == count_calls(spec) + 2
    assert {call.stage for call in planned if call.choice} == {record.calls[-1].stage}
    if strategy not in {"best-of-n", "majority"}:
        assert {call.call_id for call in planned} == {call.call_id for call in record.calls}
    assert a_plan(spec, THREE).total.calls == len(planned)


def test_a_run_that_stops_early_plans_its_answers_all_the_same() -> None:
    """Its last writer's call again, behind it; the account of such a run adds up."""
    spec = a_spec(2, layers=3)
    record = World(spec, {"2.residual.a": stop}, wanted=THREE, latency_s=lambda _: 1.0).run()
    known = learnt(record)
    planned = a_plan(spec, THREE, known)
    plain = a_plan(spec, AnswerSpec(), known)
    assert [one.calls - other.calls for one, other in zip(planned.layers, plain.layers, strict=True)] == [2, 2, 2]
    assert planned.least.calls == len(record.calls) == plain.least.calls + 2
    assert planned.least.usd is not None
    assert plain.least.usd is not None
    assert planned.least.usd > plain.least.usd
    assert planned.least.seconds is not None
    assert plain.least.seconds is not None
    assert planned.least.seconds > plain.least.seconds
    assert plan_account(planned, record).missing_calls == 0
    assert not_made(record).unread == 0


def test_a_moderator_that_stops_early_leaves_its_aggregator_s_answers() -> None:
    """SMoA's aggregator follows whichever layer is the last."""
    spec = a_baseline("smoa", agents=2, layers=2)
    assert a_plan(spec, THREE).least.calls == a_plan(spec, AnswerSpec()).least.calls + 2


def test_a_layer_that_must_be_the_answer_has_no_verdict() -> None:
    """Only the last one; and only where more is asked than a text."""
    spec = a_spec(2, layers=3)
    assert [has_verdict(spec, layer) for layer in (1, 2, 3)] == [False, True, True]
    assert [has_verdict(spec, layer, THREE) for layer in (1, 2, 3)] == [False, True, False]
