"""A baseline's plan against the run that it is for: calls, prompts' tokens, written tokens."""

from __future__ import annotations

import pytest

from attention_moa.accounting import call_usage
from attention_moa.config import PromptSpec, PromptStyle, StopRule
from attention_moa.messages import CallRequest, Reply, Stage, Usage
from attention_moa.not_made import not_made
from attention_moa.plan import plan
from attention_moa.plan_account import plan_account
from attention_moa.prompts import estimate_tokens, load_templates
from attention_moa.records import RunRecord
from tests.baseline_world import STRATEGIES, a_baseline, choice
from tests.property.test_plan import CONVERSATIONS, MARGIN, learnt
from tests.worlds import World, verdict

WORDS = 60


def played(world_fields: dict[str, object], strategy: str, *, is_stop: bool = False) -> RunRecord:
    """Return a run whose answers all have as many words, counted by the endpoint as they are estimated."""

    def say(request: CallRequest) -> Reply:
        text = "word " * WORDS
        if request.stage is Stage.SELECT:
            text = f"{choice(1, 2, is_stop=is_stop)(request)}\n{text}"
        elif request.stage is Stage.EXTRACT:
            line = verdict(request, is_stop=is_stop)
            text = f"{line}\n{text}" if line and not is_stop else line or text
        usage = Usage(input_tokens=estimate_tokens(request.messages), output_tokens=WORDS)
        return Reply(text=text, finish_reason="stop", usage=usage)

    spec = a_baseline(strategy, 3, 4, **world_fields)
    script = {stage.value: say for stage in Stage}
    return World(spec, script, conversation=CONVERSATIONS[1], latency_s=lambda _: 1.0).run()


@pytest.mark.parametrize("style", ["full", "small"])
@pytest.mark.parametrize("layout", ["continue", "compact"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_planned_is_what_the_run_took(strategy: str, layout: str, style: PromptStyle) -> None:
    """Calls to the call, written tokens to the token, prompts within the margin, seconds too."""
    has_layout = strategy not in ("single", "majority")
    fields: dict[str, object] = {"prompts": PromptSpec(style=style), "layout": layout if has_layout else "continue"}
    record = played(fields, strategy)
    spec = record.ensemble
    templates = load_templates(style=spec.prompts.style)
    planned = plan(spec, CONVERSATIONS[1], templates, experience=learnt(record), price_of=lambda _: None)
    used = call_usage(record.calls)
    assert planned.total.calls == len(record.calls)
    assert planned.total.written_tokens == used.output_tokens
    assert abs(planned.total.prompt_tokens / used.input_tokens - 1) <= MARGIN
    assert {row.what: row.off for row in plan_account(planned, record).rows}["calls"] == 0
    assert planned.total.seconds == pytest.approx(record.critical_path_s, rel=0.05)
    assert not_made(record) == (0, 0, 0)


@pytest.mark.parametrize(("strategy", "layers"), [("smoa", 1), ("rmoa", 2)])
def test_a_run_that_stops_as_soon_as_it_may_takes_the_least(strategy: str, layers: int) -> None:
    """The plan knows it, and the account says so."""
    record = played({"early_stop": StopRule(min_layers=1)}, strategy, is_stop=True)
    planned = plan(
        record.ensemble, CONVERSATIONS[1], load_templates(), experience=learnt(record), price_of=lambda _: None
    )
    assert planned.least_layers == len(record.layers) == layers
    assert planned.least.calls == len(record.calls)
    assert {row.what: row.off for row in plan_account(planned, record).rows}["calls"] == 0
    assert planned.least.seconds == pytest.approx(record.critical_path_s, rel=0.05)
