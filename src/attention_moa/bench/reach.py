"""How far a budget reaches, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from attention_moa.agents import ModelSettings
from attention_moa.bench.generating import templates_of
from attention_moa.bench.questions import Question
from attention_moa.bench.systems import System
from attention_moa.config import all_agents
from attention_moa.errors import ConfigError
from attention_moa.experience import ModelExperience
from attention_moa.money import dollars, dollars_left
from attention_moa.plan import plan
from attention_moa.prices import known_price

_SAMPLE = 20


class Reach(NamedTuple):
    """What a budget does.

    Args:
        usd_each: What a question is planned to cost, by system.
        questions: For about how many all systems get answers; at most as many as there are.
        is_bound: Whether the costs are the most that it can be, since not all models are known.
        judge_usd_each: What judging one system's answer is planned to cost.
        is_uncapped: Whether the costs are bounds only because some agent may write as much as it likes.
    """

    usd_each: Mapping[str, float]
    questions: int
    is_bound: bool
    judge_usd_each: float = 0.0
    is_uncapped: bool = False


def require_prices(systems: Iterable[System], judges: Iterable[ModelSettings] = ()) -> None:
    """Raise a ``ConfigError`` where the price of a model is not known: a budget cannot be kept then.

    Args:
        systems: Who answers.
        judges: Who judges.
    """
    models = [agent for system in systems for agent in all_agents(system.spec)]
    for model in (*models, *judges):
        price = known_price(model)
        if price is None or price.input is None or price.output is None:
            raise ConfigError(
                f"the price of {model.model} is not known, so no budget can be kept: give each of its agents one, such "
                "as price = { input = 0.5, output = 1.5 } (US dollars for a million tokens)",
                key="--budget",
            )


def reach_of(
    systems: Sequence[System],
    questions: Sequence[Question],
    *,
    usd: float,
    experience: Mapping[str, ModelExperience],
    judge_usd_each: float = 0.0,
) -> Reach:
    """Return how far money reaches.

    Args:
        systems: Who answers.
        questions: Those that are still to be asked.
        usd: What may be spent.
        experience: What is known of models.
        judge_usd_each: What judging one answer is planned to cost.
    """
    apart = max(len(questions) // _SAMPLE, 1)
    sample = questions[::apart]
    usd_each: dict[str, float] = {}
    is_bound = False
    for system in systems:
        templates = templates_of(system.spec)
        plans = [
            plan(system.spec, question.conversation, templates, experience=experience, price_of=known_price)
            for question in sample
        ]
        is_bound = is_bound or any(one.written_is != "journal" for one in plans)
        costs = [(one.total.usd or 0.0) * question.turns for one, question in zip(plans, sample, strict=True)]
        usd_each[system.name] = sum(costs) / max(len(costs), 1)
    together = sum(usd_each.values()) + judge_usd_each * len(systems)
    covered = len(questions) if together <= 0 else min(int(usd / together), len(questions))
    agents = [agent for system in systems for agent in all_agents(system.spec)]
    is_uncapped = is_bound and any(agent.max_tokens is None for agent in agents)
    return Reach(usd_each, covered, is_bound, judge_usd_each, is_uncapped)


def describe_reach(reach: Reach, *, usd: float, questions: int, answered: int = 0) -> str:
    """Return in a line how far the money reaches.

    Args:
        reach: How far.
        usd: What may still be spent.
        questions: How many are still to be asked.
        answered: How many are answered already.
    """
    each = dollars(sum(reach.usd_each.values()) + reach.judge_usd_each * len(reach.usd_each))
    judged = " and the judge" if reach.judge_usd_each else ""
    kind = "at most, as far as is known" if reach.is_bound else "by what the journal knows"
    if reach.is_uncapped:
        kind = "an upper bound, since max_tokens is not set: --max-tokens makes it a closer one"
    of = f"the {questions:,} questions that are left" if answered else f"{questions:,} questions"
    return (
        f"the budget reaches for about {reach.questions:,} of {of}: {dollars_left(usd)} left, "
        f"{each} a question for all systems{judged} ({kind})"
    )
