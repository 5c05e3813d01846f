"""An ensemble without a residual agent: a layer's output is its summary, and no verdict can be given."""

from __future__ import annotations

import pytest

from attention_moa.agents import ResidualSpec
from attention_moa.baselines.derive import baseline_specs
from attention_moa.call_plan import planned_calls
from attention_moa.config import StopRule, all_agents
from attention_moa.errors import ConfigError
from attention_moa.messages import Stage
from attention_moa.schedule import count_calls
from tests.worlds import World, a_spec, call, texts

WITHOUT = ResidualSpec(enabled=False)
NEVER = StopRule(rule="none")


@pytest.mark.parametrize("agents", [1, 2, 3])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_no_residual_call_is_planned_counted_or_made(agents: int, layers: int) -> None:
    """The formula, the plan and the run agree."""
    spec = a_spec(agents, layers=layers, residual=WITHOUT, early_stop=NEVER)
    record = World(spec).run()
    assert Stage.RESIDUAL not in {call.stage for call in record.calls}
    assert len(record.calls) == count_calls(spec) == layers * (agents + agents * agents + agents + 1)
    assert {one.call_id for one in planned_calls(spec)} == {one.call_id for one in record.calls}


def test_the_output_of_a_layer_is_its_summary() -> None:
    """It is the answer, and what the next layer begins from."""
    record = World(a_spec(2, layers=2, residual=WITHOUT, early_stop=NEVER)).run()
    assert [layer.output for layer in record.layers] == ["says 1.summary.a", "says 2.summary.a"]
    assert record.text == "says 2.summary.a"
    assert "says 1.summary.a" in "".join(text for _, text in texts(call(record, "2.answer.a").messages))
    assert not record.degraded


def test_outputs_that_are_alike_still_end_a_run() -> None:
    """That rule compares the summary with the output before, and asks nobody."""
    stop = StopRule(rule="similarity", threshold=0.5)
    record = World(a_spec(2, layers=4, residual=WITHOUT, early_stop=stop), {"summary": "the very same text"}).run()
    assert len(record.layers) == 2
    assert record.verdict is not None
    assert record.verdict.rule == "similarity"
    going_on = World(a_spec(2, layers=2, residual=WITHOUT, early_stop=StopRule(rule="similarity", threshold=1.0)))
    assert going_on.run().text == "says 2.summary.a"


def test_a_verdict_without_a_residual_agent_is_refused() -> None:
    """Nobody would give it: a rule that can never hold is a mistake of the file."""
    with pytest.raises(ConfigError, match=r"^early_stop\.rule: without a residual agent"):
        a_spec(2, residual=WITHOUT)
    with pytest.raises(ConfigError, match=r"^residual\.enabled: false, yet other fields"):
        a_spec(2, residual=ResidualSpec(enabled=False, model="test:x"), early_stop=NEVER)


def test_a_residual_agent_that_is_not_there_needs_no_provider() -> None:
    """Its model would be opened and its price asked for, for nothing."""
    names = [agent.name for agent in all_agents(a_spec(2, residual=WITHOUT, early_stop=NEVER))]
    assert names == ["a", "b", "a"]
    with_it = [agent.name for agent in all_agents(a_spec(2))]
    assert with_it == ["a", "b", "a", "a"]


def test_baselines_of_such_an_ensemble_are_whole() -> None:
    """RMoA has residuals of its own."""
    (rmoa,) = baseline_specs(a_spec(3, residual=WITHOUT, early_stop=NEVER), ["rmoa"])
    assert rmoa.spec.residual.enabled
