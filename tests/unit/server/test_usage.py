"""What a run took, as the API tells it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from attention_moa.answer_spec import AnswerSpec
from attention_moa.journaling import CUT_OFF
from attention_moa.messages import Sampling, Stage, Usage, assistant
from attention_moa.plan import DECISION, Plan, PlanSum
from attention_moa.prompts import estimate_tokens
from attention_moa.records import Attempt, CallRecord, Degradation, Loss, RunRecord, UsageTotal
from attention_moa.server.usage import plan_of, run_body, usage_of, usage_with_estimates
from attention_moa.store.memory import MemoryJournal
from attention_moa.stored_runs import RunHead
from tests.server_world import run
from tests.worlds import QUESTION, a_spec

SUM = PlanSum(calls=9, prompt_tokens=1, cached_tokens=0, written_tokens=1, reasoning_tokens=0, usd=0.5, seconds=12.3456)
PLAN = Plan(ensemble="duo", rows=(), agents={}, stages={}, layers=(), total=SUM, least=SUM, least_layers=1, models=())
RECORD = RunRecord(
    run_id="r",
    created_at="",
    ensemble=a_spec(2, name="duo", layers=1),
    conversation=QUESTION,
    state="finished",
    losses=(Loss(stage=Stage.CRITIQUE, layer=1, agent="a", kind="ServerError", message="down"),),
    degraded=(Degradation(layer=1, stage=Stage.REFINE, agent="a", what="its own answer", why="it was lost"),),
    notes=("so",),
    usage=UsageTotal(
        input_tokens=10, cached_tokens=4, output_tokens=5, reasoning_tokens=1, cost_usd=0.1, unpriced_calls=1
    ),
    wall_s=1.23456,
)


def test_usage_is_the_sum_over_all_runs() -> None:
    """With cached and reasoning tokens."""
    total = usage_of([RECORD.usage, RECORD.usage])
    assert (total.prompt_tokens, total.completion_tokens, total.total_tokens) == (20, 10, 30)
    assert total.prompt_tokens_details.cached_tokens == 8
    assert total.completion_tokens_details.reasoning_tokens == 2


def test_what_happened_is_told_with_what_was_planned() -> None:
    """Losses, stand-ins, notes, and what of the request changed nothing."""
    told = run_body([RECORD], ignored=("store",), notes=("as asked", "so"), plan=PLAN)
    assert (told.run_id, told.ensemble, told.state) == ("r", "duo", "finished")
    assert (told.losses, told.degraded) == (RECORD.losses, RECORD.degraded)
    assert (told.ignored, told.notes) == (("store",), ("as asked", "so"))
    assert (told.calls.planned, told.calls.made) == (9, 0)
    assert (told.cost_usd, told.cost_is_lower_bound, told.planned_cost_usd) == (0.1, True, 0.5)
    assert (told.wall_s, told.planned_s) == (1.235, 12.346)


def test_whole_runs_are_told_together() -> None:
    """With the ids of all."""
    told = run_body([RECORD, replace(RECORD, run_id="s")], ignored=(), notes=(), plan=PLAN)
    assert told.run_ids == ("r", "s")
    assert (told.cost_usd, told.planned_cost_usd, told.calls.planned) == (0.2, 1.0, 18)


def test_a_plan_that_nobody_knows_is_none() -> None:
    """Without a journal, without that run, and where another form was kept."""

    async def test() -> None:
        journal = MemoryJournal()
        head = RunHead(run_id="r", created_at="", ensemble=RECORD.ensemble, conversation=QUESTION, request_key="k")
        place = await journal.begin(head)
        assert await plan_of(None, "r") is None
        assert await plan_of(journal, "r") is None
        assert await plan_of(journal, "s") is None
        await place.decide(DECISION, {"total": 1})
        assert await plan_of(journal, "r") is None

    run(test)


def test_a_plan_comes_out_of_the_journal() -> None:
    """As it was kept at the run's start."""

    async def test() -> None:
        journal = MemoryJournal()
        head = RunHead(run_id="r", created_at="", ensemble=RECORD.ensemble, conversation=QUESTION, request_key="k")
        place = await journal.begin(head)
        await place.decide(DECISION, msgspec.to_builtins(PLAN))
        assert await plan_of(journal, "r") == PLAN

    run(test)


def a_call(*attempts: Attempt, **fields: Any) -> CallRecord:
    """Return a call with these attempts."""
    defaults: dict[str, Any] = {
        "call_id": "1.summary.a",
        "stage": Stage.SUMMARY,
        "layer": 1,
        "agent": "a",
        "model": "test:a",
        "sampling": Sampling(),
        "messages": QUESTION,
        "state": "finished",
        "text": "an answer",
        "reads": (),
        "queued_s": 0.0,
        "ended_s": 1.0,
        "peer": None,
    }
    return CallRecord(**(defaults | fields), attempts=attempts)


def an_attempt(usage: Usage | None = None, error: str | None = None) -> Attempt:
    """Return an attempt whose endpoint told this."""
    return Attempt(started_s=0.0, ended_s=1.0, error=error, usage=usage or Usage())


def test_tokens_that_nobody_told_are_estimated_and_marked() -> None:
    """A stop closed the stream before the endpoint told them: 0 would say that nothing was used."""
    call = a_call(an_attempt())
    record = replace(RECORD, calls=(call,), usage=UsageTotal(calls=1, unknown_calls=1, unpriced_calls=1))
    total = usage_of([usage_with_estimates(record)])
    assert total.prompt_tokens == estimate_tokens(QUESTION)
    assert total.completion_tokens == estimate_tokens((assistant("an answer"),))
    told = run_body([record], ignored=(), notes=(), plan=None)
    assert (told.usage_is_estimate, told.usage_is_lower_bound) == (True, False)
    assert (told.cost_usd, told.cost_is_lower_bound) == (None, True)


def test_what_the_endpoint_told_is_not_estimated() -> None:
    """Half of it may be there; the other half is."""
    half = a_call(an_attempt(Usage(input_tokens=7)))
    whole = a_call(an_attempt(Usage(input_tokens=7, output_tokens=3)))
    record = replace(RECORD, calls=(half, whole), usage=UsageTotal(calls=2, unknown_calls=1, input_tokens=14))
    total = usage_with_estimates(record)
    assert (total.input_tokens, total.output_tokens) == (14, estimate_tokens((assistant("an answer"),)))


def test_an_attempt_that_broke_off_makes_a_lower_bound() -> None:
    """What it wrote is nowhere, so that nothing is estimated of it."""
    call = a_call(an_attempt(error="TransportError"), an_attempt(Usage(input_tokens=7, output_tokens=3)))
    record = replace(RECORD, calls=(call,), usage=UsageTotal(calls=2, unknown_calls=1, input_tokens=7, output_tokens=3))
    told = run_body([record], ignored=(), notes=(), plan=None)
    assert (told.usage_is_estimate, told.usage_is_lower_bound) == (False, True)


def test_a_run_that_was_cut_off_is_a_lower_bound() -> None:
    """What was under way when its process died may have been billed, and is in no sum."""
    record = replace(RECORD, notes=(CUT_OFF,), usage=UsageTotal(calls=1, cost_usd=0.1))
    told = run_body([record], ignored=(), notes=(), plan=None)
    assert (told.cost_usd, told.cost_is_lower_bound, told.usage_is_lower_bound) == (0.1, True, True)
    assert CUT_OFF in told.notes


def test_further_answers_are_planned_calls() -> None:
    """Each is a call more."""
    told = run_body([replace(RECORD, wanted=AnswerSpec(choices=3))], ignored=(), notes=(), plan=None)
    assert told.calls.planned == 11
