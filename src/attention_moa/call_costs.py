"""What each call of a run will take: tokens, money, and when it ends. Pure; what is not known is None or a bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Literal, NamedTuple, TypeAlias

from attention_moa.agents import ModelSettings
from attention_moa.answer_spec import PLAIN, AnswerSpec
from attention_moa.budget import REPLY_TOKENS
from attention_moa.call_plan import planned_calls
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ContextTooLongError
from attention_moa.expected_path import Step, expected_ends
from attention_moa.experience import ModelExperience, Pace, is_one_at_a_time
from attention_moa.messages import Conversation, Usage
from attention_moa.money import Price, cost_usd
from attention_moa.planned_call import PlannedCall
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
        end_s: When it may be expected to end, in seconds from the run's start; None where any model was never seen.
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


class _Draft(NamedTuple):
    """What one call reads and writes; ``known_tokens`` of its prompt's beginning the model has had before."""

    call: PlannedCall
    prompt_tokens: float
    known_tokens: float
    writing: _Writing


def call_costs(
    spec: EnsembleSpec,
    conversation: Conversation,
    templates: Templates,
    *,
    experience: Mapping[str, ModelExperience],
    price_of: PriceOf,
    wanted: AnswerSpec = PLAIN,
) -> CallCosts:
    """Return what each call of a run takes where nothing fails and nothing stops early.

    Args:
        spec: The ensemble.
        conversation: What it is asked.
        templates: The ensemble's.
        experience: What is known of models, by ``provider:model``; any of them may be missing.
        price_of: What models cost.
        wanted: What the answer is to be.
    """
    drafts, notes = _drafts(PromptSizes(spec, conversation, templates, wanted), spec, experience)
    served = _served(drafts, experience)
    agents = {draft.call.agent.name: draft.call.agent for draft in drafts}
    prices = {name: price_of(agent) for name, agent in agents.items()}
    lines = _Lines(spec)
    costs: list[CallCost] = []
    steps: list[Step] = []
    for draft in drafts:
        call, known = draft.call, experience.get(draft.call.agent.model)
        cached = draft.known_tokens * served[call.agent.model, call.kind]
        cost = _cost(draft, cached, prices[call.agent.name])
        costs.append(cost)
        if known is not None:
            steps.append(lines.step(cost, known.pace, draft.writing.deviation))
    ends = expected_ends(steps) if len(steps) == len(costs) else {}
    return CallCosts(tuple(cost._replace(end_s=ends.get(cost.call.call_id)) for cost in costs), notes)


def _drafts(
    sizes: PromptSizes, spec: EnsembleSpec, experience: Mapping[str, ModelExperience]
) -> tuple[list[_Draft], tuple[str, ...]]:
    """Return what each call reads and writes, and which prompts will not fit."""
    texts: dict[str, float] = {}
    drafts: list[_Draft] = []
    notes: dict[str, None] = {}
    for call in planned_calls(spec, sizes.choices):
        known = experience.get(call.agent.model)
        counted = 1.0 if known is None or known.prompt_share is None else known.prompt_share
        writing = _writing(call, known)
        try:
            size = sizes.size(call, texts)
        except ContextTooLongError as error:
            notes[f"{call.agent.name}, {call.kind}: {error}"] = None
            size, writing = PromptSize(0.0, 0.0), writing._replace(tokens=0.0, reasoning_tokens=0.0, text_tokens=0.0)
        texts[call.call_id] = writing.text_tokens / max(len(call.authors), 1)
        drafts.append(_Draft(call, size.tokens * counted, size.known_tokens * counted, writing))
    return drafts, tuple(notes)


def _served(drafts: Sequence[_Draft], experience: Mapping[str, ModelExperience]) -> dict[tuple[str, str], float]:
    """Return, by model and kind, which share of what a cache could serve it is expected to serve.

    All kinds of one model's prompts together are served as much as was seen, as far as their beginnings are known to
    it; kinds that were never seen are served all that can be.
    """
    sums: dict[tuple[str, str], list[float]] = {}
    for draft in drafts:
        one = sums.setdefault((draft.call.agent.model, draft.call.kind), [0.0, 0.0])
        one[0] += draft.prompt_tokens
        one[1] += draft.known_tokens
    served: dict[tuple[str, str], float] = {}
    for (model, kind), (prompts, beginnings) in sums.items():
        known = experience.get(model)
        seen = known.kinds.get(kind) if known is not None else None
        if known is None or not known.has_cache:
            served[model, kind] = 0.0
        elif seen is None or seen.cached_share is None or not beginnings:
            served[model, kind] = 1.0
        else:
            served[model, kind] = min(1.0, prompts * seen.cached_share / beginnings)
    return served


def _writing(call: PlannedCall, known: ModelExperience | None) -> _Writing:
    most = call.agent.max_tokens
    seen = None if known is None else known.kinds.get(call.kind, known.whole)
    if seen is None:
        tokens = float(most or REPLY_TOKENS)
        return _Writing(tokens, 0.0, 0.0, tokens, "max_tokens" if most else "assumed")
    share = 1.0 if most is None or not seen.written_tokens else min(1.0, most / seen.written_tokens)
    return _Writing(
        seen.written_tokens * share,
        seen.written_deviation * share,
        seen.reasoning_tokens * share,
        seen.text_tokens * share,
        "journal",
    )


def _cost(draft: _Draft, cached_tokens: float, price: Price | None) -> CallCost:
    writing = draft.writing
    usage = Usage(
        input_tokens=round(draft.prompt_tokens),
        cached_tokens=round(cached_tokens),
        output_tokens=round(writing.tokens),
    )
    return CallCost(
        call=draft.call,
        prompt_tokens=draft.prompt_tokens,
        cached_tokens=cached_tokens,
        written_tokens=writing.tokens,
        reasoning_tokens=writing.reasoning_tokens,
        usd=cost_usd(usage, price),
        end_s=None,
        written_is=writing.source,
    )


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

    def step(self, cost: CallCost, pace: Pace, deviation: float) -> Step:
        """Return a call as a step in time.

        Args:
            cost: What it takes.
            pace: Its model's.
            deviation: Of the tokens that it writes.
        """
        agent = cost.call.agent
        mean_s = pace.seconds(cost.prompt_tokens - cost.cached_tokens, cost.written_tokens)
        deviation_s = sqrt((deviation * pace.written_token_s) ** 2 + pace.deviation_s**2)
        is_slot = is_one_at_a_time(agent.model)
        line: object = (agent.model, agent.name) if is_slot else _line(agent)
        places = 1 if is_slot else self._places.get(line)
        return Step(cost.call.call_id, cost.call.reads, mean_s, deviation_s, line, places)


def _line(agent: ModelSettings) -> tuple[str, str | None, str | None]:
    return agent.model, agent.base_url, agent.api_key_env
