"""What each call of a run will take: tokens, money, and when it ends. Pure; what is not known is None or a bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.agents import ModelSettings
from attention_moa.budget import REPLY_TOKENS
from attention_moa.call_plan import PlannedCall, planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ContextTooLongError
from attention_moa.expected_path import Step, expected_ends
from attention_moa.experience import ModelExperience, is_one_at_a_time
from attention_moa.messages import Conversation, Usage
from attention_moa.money import Price, cost_usd
from attention_moa.prompt_sizes import PromptSize, PromptSizes
from attention_moa.prompts import Templates

PriceOf: TypeAlias = Callable[[ModelSettings], Price | None]
"""The price of a model; None where it is not known."""

Source: TypeAlias = Literal["journal", "max_tokens", "assumed"]
"""Where a number of written tokens comes from: the mean of the journal's calls; the limit of the reply, an upper bound;
or, where there is no limit either, the number that a budget assumes."""


class CallCost(NamedTuple):
    """What one call takes.

    Args:
        call: Which.
        prompt_tokens: Tokens of its prompt, cached ones included.
        cached_tokens: Those that a cache is expected to serve; 0 for a model that no cache was seen to serve.
        written_tokens: What it writes, thinking included.
        reasoning_tokens: The thinking.
        usd: Money; None where its price is unknown.
        end_s: When it may be expected to end, in seconds from the run's start; None where any model's pace is unknown.
        written_is: Where ``written_tokens`` comes from.
    """

    call: PlannedCall
    prompt_tokens: float
    cached_tokens: float
    written_tokens: float
    reasoning_tokens: float
    usd: float | None
    end_s: float | None
    written_is: Source


class CallCosts(NamedTuple):
    """The calls of a run, each behind those that it reads, and what will not go as it should."""

    costs: tuple[CallCost, ...]
    notes: tuple[str, ...]


class _Writing(NamedTuple):
    """What one call writes: tokens, their deviation, the thinking, and the text's length as a prompt is estimated."""

    tokens: float
    deviation: float
    reasoning_tokens: float
    text_tokens: float
    source: Source


def call_costs(
    spec: EnsembleSpec,
    conversation: Conversation,
    templates: Templates,
    *,
    experience: Mapping[str, ModelExperience],
    price_of: PriceOf,
) -> CallCosts:
    """Return what each call of a run takes where nothing fails and nothing stops early.

    Args:
        spec: The ensemble.
        conversation: What it is asked.
        templates: The ensemble's.
        experience: What is known of models, by ``provider:model``; any of them may be missing.
        price_of: What models cost.
    """
    sizes = PromptSizes(spec, conversation, templates)
    prices: dict[str, Price | None] = {}
    texts: dict[str, float] = {}
    costs: list[CallCost] = []
    steps: list[Step | None] = []
    notes: dict[str, None] = {}
    lines = _Lines(spec)
    for call in planned_calls(spec):
        known = experience.get(call.agent.model)
        writing = _writing(call, known)
        try:
            size = sizes.size(call, texts)
        except ContextTooLongError as error:
            notes[f"{call.agent.name}, {call.kind}: {error}"] = None
            size, writing = PromptSize(0.0, 0.0), writing._replace(tokens=0.0, reasoning_tokens=0.0, text_tokens=0.0)
        texts[call.call_id] = writing.text_tokens / max(len(call.authors), 1)
        if call.agent.name not in prices:
            prices[call.agent.name] = price_of(call.agent)
        cost = _cost(call, known, size, writing)
        costs.append(cost._replace(usd=_usd(cost, prices[call.agent.name])))
        steps.append(lines.step(cost, known, writing.deviation))
    timed = [step for step in steps if step is not None]
    ends = expected_ends(timed) if len(timed) == len(steps) else {}
    return CallCosts(tuple(cost._replace(end_s=ends.get(cost.call.call_id)) for cost in costs), tuple(notes))


def _writing(call: PlannedCall, known: ModelExperience | None) -> _Writing:
    most = call.agent.max_tokens
    seen = None if known is None else known.kinds.get(call.kind, known.whole)
    if seen is None or not seen.written_tokens:
        tokens = float(most or REPLY_TOKENS)
        return _Writing(tokens, 0.0, 0.0, tokens, "max_tokens" if most else "assumed")
    share = 1.0 if most is None else min(1.0, most / seen.written_tokens)
    return _Writing(
        seen.written_tokens * share,
        seen.written_deviation * share,
        seen.reasoning_tokens * share,
        seen.text_tokens * share,
        "journal",
    )


def _cost(call: PlannedCall, known: ModelExperience | None, size: PromptSize, writing: _Writing) -> CallCost:
    counted = 1.0 if known is None or known.prompt_share is None else known.prompt_share
    prompt = size.tokens * counted
    cached = min(size.known_tokens * counted, prompt * _cached_share(call, known))
    return CallCost(call, prompt, cached, writing.tokens, writing.reasoning_tokens, None, None, writing.source)


def _cached_share(call: PlannedCall, known: ModelExperience | None) -> float:
    """Return the share of a prompt that a cache may serve: as was seen; all that can be for kinds that were not."""
    if known is None or not known.has_cache:
        return 0.0
    seen = known.kinds.get(call.kind)
    return 1.0 if seen is None or seen.cached_share is None else seen.cached_share


def _usd(cost: CallCost, price: Price | None) -> float | None:
    usage = Usage(
        input_tokens=round(cost.prompt_tokens),
        cached_tokens=round(cost.cached_tokens),
        output_tokens=round(cost.written_tokens),
    )
    return cost_usd(usage, price)


class _Lines:
    """What calls queue for: the places at a model with a key, or at an embedded model's slot."""

    def __init__(self, spec: EnsembleSpec) -> None:
        """Take the strictest limit of those that share a line."""
        self._places: dict[object, int] = {}
        for agent in (*spec.agents, *(call.agent for call in planned_calls(spec) if call.own is None)):
            most = agent.concurrency or spec.calls.concurrency
            if most is not None:
                line = _line(agent)
                self._places[line] = min(most, self._places.get(line, most))

    def step(self, cost: CallCost, known: ModelExperience | None, deviation: float) -> Step | None:
        """Return a call as a step in time; None where its model's pace is not known."""
        if known is None or known.pace is None:
            return None
        pace, agent = known.pace, cost.call.agent
        mean_s = pace.seconds(cost.prompt_tokens - cost.cached_tokens, cost.written_tokens)
        deviation_s = sqrt((deviation * pace.written_token_s) ** 2 + pace.deviation_s**2)
        is_slot = is_one_at_a_time(agent.model)
        line: object = (agent.model, agent.name) if is_slot else _line(agent)
        places = 1 if is_slot else self._places.get(line)
        return Step(cost.call.call_id, cost.call.reads, mean_s, deviation_s, line, places)


def _line(agent: ModelSettings) -> tuple[str, str | None, str | None]:
    return agent.model, agent.base_url, agent.api_key_env
