"""What tests of judging share: judges that say what they are told, and simulated ones behind real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.judges import JudgeSettings, judge_name, judge_spec, with_settings
from attention_moa.bench.judging import Judge, asking
from attention_moa.config import CallPolicy, EnsembleSpec
from attention_moa.fleet import Fleet, FleetSpec, ModelSpec
from attention_moa.messages import CallRequest
from attention_moa.money import Price
from attention_moa.ports import Journal
from attention_moa.providers.scripted import Script, ScriptedProvider
from attention_moa.runtime import Ensemble
from tests.fleet_world import a_fleet

_PATIENT = CallPolicy(attempts=6, retry_wait_s=0.01)
SETTINGS = JudgeSettings(temperature=0.0, max_tokens=500, top_logprobs=5)


class Bench(NamedTuple):
    """A judge that says what it is told, and what it was asked."""

    judge: Judge
    requests: list[CallRequest]
    ensemble: Ensemble


@asynccontextmanager
async def a_judge(script: Script, *, journal: Journal | None = None, **options: Any) -> AsyncIterator[Bench]:
    """Yield a judge ``test:judge`` that follows a script; its tokens cost a dollar each thousand.

    Args:
        script: As ``ScriptedProvider`` has it.
        journal: Where its runs are kept.
        options: Of ``Judge``.
    """
    provider = ScriptedProvider(script)
    spec = judge_spec("test:judge", SETTINGS)
    agent = replace(spec.agents[0], price=Price(input=1000.0, output=1000.0))
    spec = replace(spec, agents=(agent,), calls=CallPolicy(attempts=1))
    async with Ensemble(spec, providers={"test": provider}, journal=journal) as ensemble:
        yield Bench(Judge(judge_name(spec), asking(ensemble, "judge"), **options), provider.requests, ensemble)


def a_judging_fleet(**fields: Any) -> FleetSpec:
    """Return a fleet that does not wait, with one model ``sim-judge`` that says something else each time.

    Args:
        fields: Of ``FleetSpec``.
    """
    return a_fleet(ModelSpec(name="sim-judge", output_tokens=60), **({"replies": "fresh"} | fields))


@asynccontextmanager
async def a_simulated_judge(
    fleet: Fleet, settings: JudgeSettings, *, journal: Journal | str | None = None, **options: Any
) -> AsyncIterator[Judge]:
    """Yield a judge behind HTTP: ``openai:sim-judge`` of a running fleet, at a price.

    Args:
        fleet: Has a model ``sim-judge``.
        settings: Of the benchmark.
        journal: Where its runs are kept.
        options: Of ``Judge``.
    """
    price = Price(input=1.0, output=2.0)
    agent = AgentSpec(name="judge", model="openai:sim-judge", base_url=fleet.base_url, price=price)
    spec = with_settings(EnsembleSpec(agents=(agent,), strategy="single", calls=_PATIENT), settings)
    async with Ensemble(spec, journal=journal) as ensemble:
        yield Judge(judge_name(spec), asking(ensemble, "judge"), **options)
