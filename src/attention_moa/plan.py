"""What a run will take, before anything is spent: calls, tokens, money, seconds; and how it then compares. Pure.

The calls come from the ensemble, the prompts' lengths from its templates, and what models write, how fast they are and
what their caches serve from a journal's experience. What is not known is said: money and seconds are None then, and
tokens are a bound, labelled so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct

from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.budget import REPLY_TOKENS
from attention_moa.call_costs import CallCost, PriceOf, Source, call_costs
from attention_moa.config import ATTENTION_MOA, EnsembleSpec, writers
from attention_moa.experience import ModelExperience
from attention_moa.messages import Conversation, Stage
from attention_moa.prompts import Templates
from attention_moa.strategies import STRATEGIES

K = TypeVar("K")

DECISION = "plan"
"""The key under which a run's plan is kept with it in a journal."""

_WEAKNESS: Mapping[Source, int] = {"journal": 0, "max_tokens": 1, "assumed": 2}
_BOUNDS: Mapping[Source, str] = {"journal": "", "max_tokens": "at most", "assumed": "a guess"}


class PlanSum(Struct, frozen=True, kw_only=True):
    """What several calls take together.

    Args:
        calls: How many.
        prompt_tokens: Tokens of prompts, cached ones included.
        cached_tokens: Those that a cache is expected to serve; 0 for models that no cache was seen to serve.
        written_tokens: Generated tokens, thinking included.
        reasoning_tokens: Those that are thinking; 0 for models that were not seen to think.
        usd: Money; None where the price of any of them is unknown.
        seconds: When the last of them may be expected to end, from the run's start; None where any model was never
            seen.
    """

    calls: int
    prompt_tokens: int
    cached_tokens: int
    written_tokens: int
    reasoning_tokens: int
    usd: float | None
    seconds: float | None


class PlanRow(Struct, frozen=True, kw_only=True):
    """The calls of one stage of one layer."""

    layer: int
    stage: Stage
    sum: PlanSum


class ModelBasis(Struct, frozen=True, kw_only=True):
    """What a plan knows of a model.

    Args:
        model: ``provider:model``.
        planned_calls: Its calls in the plan.
        seen_calls: Its calls in the journal that were looked at.
        written_is: Where the number of tokens that it writes comes from; the weakest source where there are several.
        has_cache: Whether a cache was seen to serve it; None where the model was not seen.
        has_price: Whether its price is known.
    """

    model: str
    planned_calls: int
    seen_calls: int
    written_is: Source
    has_cache: bool | None
    has_price: bool


class Plan(Struct, frozen=True, kw_only=True):
    """What a run of an ensemble takes where nothing fails.

    Args:
        ensemble: Its name.
        rows: By layer and stage, in order.
        agents: By agent.
        stages: By stage.
        layers: What the run takes up to the end of each layer.
        total: All layers: the most.
        least: What it takes where early stopping ends it as soon as it may; ``total`` where it may not.
        least_layers: The layers of that.
        models: What is known of each model.
        notes: What will not go as it should.
    """

    ensemble: str
    rows: tuple[PlanRow, ...]
    agents: dict[str, PlanSum]
    stages: dict[Stage, PlanSum]
    layers: tuple[PlanSum, ...]
    total: PlanSum
    least: PlanSum
    least_layers: int
    models: tuple[ModelBasis, ...]
    notes: tuple[str, ...] = ()

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The models whose price is unknown."""
        return tuple(basis.model for basis in self.models if not basis.has_price)

    @property
    def written_is(self) -> Source:
        """Where the numbers of written tokens come from; the weakest source of them."""
        return max((basis.written_is for basis in self.models), key=_WEAKNESS.__getitem__)


def plan(
    spec: EnsembleSpec,
    conversation: Conversation,
    templates: Templates,
    *,
    experience: Mapping[str, ModelExperience],
    price_of: PriceOf,
    wanted: AnswerSpec = PLAIN,
) -> Plan:
    """Return what a run takes.

    Args:
        spec: The ensemble.
        conversation: What it is asked.
        templates: The ensemble's.
        experience: What is known of models, by ``provider:model``; any of them may be missing.
        price_of: What models cost.
        wanted: What the answer is to be; that it has to be mended is not expected.
    """
    costs, notes = call_costs(spec, conversation, templates, experience=experience, price_of=price_of, wanted=wanted)
    least_layers, least = _least(spec, costs)
    by_row = _grouped(costs, lambda cost: (cost.call.layer, cost.call.stage))
    return Plan(
        ensemble=spec.name,
        rows=tuple(PlanRow(layer=layer, stage=stage, sum=_sum(of_it)) for (layer, stage), of_it in by_row.items()),
        agents={name: _sum(of_it) for name, of_it in _grouped(costs, lambda cost: cost.call.agent.name).items()},
        stages={stage: _sum(of_it) for stage, of_it in _grouped(costs, lambda cost: cost.call.stage).items()},
        layers=tuple(_sum(_up_to(spec, costs, last)) for last in range(1, spec.layers + 1)),
        total=_sum(costs),
        least=_sum(least),
        least_layers=least_layers,
        models=tuple(_bases(costs, experience)),
        notes=notes,
    )


def models_of(spec: EnsembleSpec) -> tuple[str, ...]:
    """Return the models whose experience a plan of an ensemble asks for, each once."""
    agents = (*spec.agents, *(chain[0] for _, chain in writers(spec)))
    return tuple(dict.fromkeys(agent.model for agent in agents))


def add_plans(sums: Iterable[PlanSum]) -> PlanSum:
    """Return what several runs take, one after the other."""
    found = list(sums)
    return PlanSum(
        calls=sum(one.calls for one in found),
        prompt_tokens=sum(one.prompt_tokens for one in found),
        cached_tokens=sum(one.cached_tokens for one in found),
        written_tokens=sum(one.written_tokens for one in found),
        reasoning_tokens=sum(one.reasoning_tokens for one in found),
        usd=_known_sum([one.usd for one in found]),
        seconds=_known_sum([one.seconds for one in found]),
    )


def _least(spec: EnsembleSpec, costs: Sequence[CallCost]) -> tuple[int, Sequence[CallCost]]:
    """Return the layers and calls of a run that stops as soon as it may."""
    stop, is_smoa = spec.early_stop, spec.strategy == "smoa"
    first = stop.min_layers if is_smoa else max(stop.min_layers, 2)
    may_stop = STRATEGIES[spec.strategy].reads("early_stop.rule") and stop.rule != "none"
    if not may_stop or first > spec.layers - is_smoa:
        return spec.layers, costs
    # Likeness, and that nothing is new, are found before the residual agent writes.
    has_residual = stop.rule == "verdict" and spec.strategy == ATTENTION_MOA
    least = [
        cost
        for cost in _first_answer(spec, costs, first)
        if has_residual or cost.call.layer < first or cost.call.stage is not Stage.RESIDUAL
    ]
    return first, [*least, *_further(costs, least)]


def _up_to(spec: EnsembleSpec, costs: Sequence[CallCost], last: int) -> list[CallCost]:
    """Return what a run takes that ends after a layer."""
    if last == spec.layers:
        return list(costs)
    found = _first_answer(spec, costs, last)
    return [*found, *_further(costs, found)]


def _first_answer(spec: EnsembleSpec, costs: Sequence[CallCost], last: int) -> list[CallCost]:
    """Return what one answer takes where the run ends after a layer: SMoA's aggregator follows whichever is last."""
    once = [cost for cost in costs if not cost.call.choice]
    found = [cost for cost in once if cost.call.layer <= last]
    if spec.strategy != "smoa" or last == spec.layers:
        return found
    closing = once[-1]
    own_s = [cost.end_s for cost in once[-2:] if cost.end_s is not None]
    ready_s = found[-1].end_s
    end_s = None if ready_s is None or len(own_s) < 2 else ready_s + own_s[1] - own_s[0]
    return [*found, closing._replace(end_s=end_s)]


def _further(costs: Sequence[CallCost], found: Sequence[CallCost]) -> list[CallCost]:
    """Return what further answers take where the run ends with the last of some calls: that call again, behind it."""
    wrote, ends = found[-1], {cost.call.call_id: cost.end_s for cost in costs}
    begin_s = [end_s for name in wrote.call.reads if (end_s := ends.get(name)) is not None]
    end_s = None if wrote.end_s is None else 2 * wrote.end_s - max(begin_s, default=0.0)
    return [wrote._replace(end_s=end_s) for cost in costs if cost.call.choice]


def _grouped(costs: Sequence[CallCost], key_of: Callable[[CallCost], K]) -> dict[K, list[CallCost]]:
    groups: dict[K, list[CallCost]] = {}
    for cost in costs:
        groups.setdefault(key_of(cost), []).append(cost)
    return groups


def _sum(costs: Sequence[CallCost]) -> PlanSum:
    ends = [cost.end_s for cost in costs if cost.end_s is not None]
    return PlanSum(
        calls=len(costs),
        prompt_tokens=round(sum(cost.prompt_tokens for cost in costs)),
        cached_tokens=round(sum(cost.cached_tokens for cost in costs)),
        written_tokens=round(sum(cost.written_tokens for cost in costs)),
        reasoning_tokens=round(sum(cost.reasoning_tokens for cost in costs)),
        usd=_known_sum([cost.usd for cost in costs]),
        seconds=max(ends) if len(ends) == len(costs) else None,
    )


def _known_sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _bases(costs: Sequence[CallCost], experience: Mapping[str, ModelExperience]) -> Iterator[ModelBasis]:
    for model, of_it in _grouped(costs, lambda cost: cost.call.agent.model).items():
        known = experience.get(model)
        yield ModelBasis(
            model=model,
            planned_calls=len(of_it),
            seen_calls=known.calls if known is not None else 0,
            written_is=max((cost.written_is for cost in of_it), key=_WEAKNESS.__getitem__),
            has_cache=known.has_cache if known is not None else None,
            has_price=all(cost.usd is not None for cost in of_it),
        )


def bound_of(source: Source) -> str:
    """Return what tokens and money of a plan are: ``at most``, ``a guess``; empty where they are what is expected.

    Args:
        source: What the lengths of replies are known from.
    """
    return _BOUNDS[source]


def bound_remark(source: Source) -> str:
    """Return in a line why a plan's tokens and money are no expectation, and what makes them one; empty where they are.

    Args:
        source: What the lengths of replies are known from.
    """
    if source == "journal":
        return ""
    why = "what some models write is known only once the journal has calls of them"
    if source == "max_tokens":
        return f"tokens and money are at most so many: {why}"
    return f"tokens and money are a guess: {why}, and a reply without max_tokens is taken for {REPLY_TOKENS:,} tokens"
