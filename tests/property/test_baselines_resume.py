"""A baseline that is cut anywhere and taken up again ends as it would have, and pays for no call twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from attention_moa.agents import AgentSpec, WriterSpec
from attention_moa.config import CallPolicy, EnsembleSpec, LimitSpec, StopRule
from tests.baseline_world import LAYERED, ONE_AGENT, SAMPLED, STRATEGIES
from tests.lives import Story, attempts
from tests.property.test_resume import PRICE, QUICK, a_cut, lost, resumed, texts
from tests.worlds import a_spec

CUTS = 8
"""For each strategy and kind of run."""


def a_random_baseline(strategy: str, draw: random.Random, **fields: Any) -> EnsembleSpec:
    """Return an ensemble of that strategy in some form."""
    size = 1 if strategy in ONE_AGENT else draw.randint(2, 4)
    names = [f"agent-{number}" for number in range(size)]
    agents = [AgentSpec(name=name, model="test:m", price=PRICE, max_tokens=400) for name in names]
    told: dict[str, Any] = {"layers": draw.randint(2, 4) if strategy in LAYERED else 3, "calls": QUICK}
    if strategy not in ("single", "majority"):
        told["summary"] = WriterSpec(model=names[-1], fallback=(names[0], "test:m"))
    if strategy in SAMPLED:
        told["samples"] = draw.randint(2, 4)
    if strategy in ("smoa", "rmoa"):
        told["early_stop"] = StopRule(rule=draw.choice(["verdict", "none"]), min_layers=draw.randint(1, 2))
    return a_spec(agents, **(told | {"strategy": strategy} | fields))


@pytest.mark.parametrize("seed", range(CUTS))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_killed_baseline_ends_as_it_would_have(strategy: str, seed: int) -> None:
    """The same texts, losses, stand-ins and verdicts; what was in flight is all that is sent twice."""
    draw = random.Random(f"{strategy} {seed}")
    spec = a_random_baseline(strategy, draw)
    told: dict[str, Any] = {"failures": draw.choice([0.0, 0.1, 0.4]), "stop_share": 0.3}
    whole = Story(spec, seed, **told).live()
    if whole.state == "failed":  # all lost: such a run has ended, and who takes it up wants it tried again
        return
    record = resumed(Story(spec, seed, **told), [a_cut(draw, whole) for _ in range(draw.randint(1, 3))])
    assert (record.text, record.state, record.verdict) == (whole.text, whole.state, whole.verdict)
    if told["failures"] == 0.0:
        assert (texts(record), lost(record), set(record.degraded)) == (texts(whole), lost(whole), set(whole.degraded))
        assert record.layers[-1].selection == whole.layers[-1].selection


@pytest.mark.parametrize("seed", range(CUTS))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cancelled_baseline_that_is_taken_up_forgets_no_attempt(strategy: str, seed: int) -> None:
    """Its ledger has an attempt for every request that any of its lives sent."""
    draw = random.Random(f"{strategy} {seed}")
    spec = a_random_baseline(strategy, draw)
    whole = Story(spec, seed, stop_share=0.3).live()
    story = Story(spec, seed, stop_share=0.3)
    record = resumed(story, [a_cut(draw, whole, is_kill=False)])
    assert (record.text, record.verdict) == (whole.text, whole.verdict)
    assert attempts(record) == len(story.requests)


@pytest.mark.parametrize("seed", range(CUTS))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_time_and_money_decided_stays_decided(strategy: str, seed: int) -> None:
    """Deadlines, limits, second attempts: a run that is over tells the same once more, for nothing."""
    draw = random.Random(f"{strategy} {seed}")
    kind = ("deadline", "usd", "tokens")[seed % 3]
    limits = {
        "deadline": LimitSpec(deadline_s=draw.uniform(3.0, 20.0)),
        "usd": LimitSpec(usd=draw.uniform(1.0, 10.0)),
        "tokens": LimitSpec(tokens=draw.randint(600, 9_000)),
    }
    calls = CallPolicy(attempts=3, retry_wait_s=0.5, hedge_s=draw.choice([None, 2.0]))
    spec = a_random_baseline(strategy, draw, limits=limits[kind], calls=calls)
    told: dict[str, Any] = {"failures": draw.choice([0.0, 0.2])}
    whole = Story(spec, seed, **told).live()
    if whole.state == "failed":
        return
    story = Story(spec, seed, **told)
    record = resumed(story, [a_cut(draw, whole)])
    if record.state != "finished":
        return
    again = story.live()
    assert story.lives[-1] == []
    assert (again.text, again.state, again.verdict) == (record.text, "finished", record.verdict)
    assert texts(again) == texts(record)
