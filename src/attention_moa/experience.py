"""What a journal teaches of a model: how much it writes, how fast it is, what its cache serves. Pure.

A call leaves its ``CallFacts``, numbers without any text; ``learn`` makes a ``ModelExperience`` of those of one model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from math import ceil, sqrt
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from attention_moa.records import CallRecord

NEWEST_CALLS = 200
"""So many of a model's calls, the newest, are what is learned from."""

PANEL = "panel"
"""The kind of a critique of several answers in one call; all other calls are of the kind of their stage."""

_LEAST_FOR_SLOPE = 8


class CallFacts(Struct, frozen=True, array_like=True):
    """One finished call in numbers. Tokens as the endpoint counted them; None where it did not say.

    Args:
        kind: The stage, or ``panel``.
        agent: Who spoke.
        input_tokens: All prompt tokens.
        cached_tokens: Those out of a cache.
        output_tokens: All generated tokens.
        reasoning_tokens: Those that are thinking.
        prompt_estimate: What the prompt was estimated at, in tokens.
        text_estimate: What the reply's text is estimated at as part of a prompt, in tokens.
        started_s: When the attempt that gave the reply started, on the run's clock.
        first_token_s: When its first token came.
        ended_s: When it ended.
    """

    kind: str
    agent: str
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    prompt_estimate: int
    text_estimate: int
    started_s: float
    first_token_s: float | None
    ended_s: float


class KindExperience(Struct, frozen=True, kw_only=True):
    """What is known of a model's calls of one kind.

    Args:
        calls: So many are known.
        written_tokens: Tokens of a reply in the mean, thinking included; those of the text, as estimated, where the
            endpoint counted no reply.
        written_p90_tokens: Nine of ten replies have at most so many.
        written_deviation: Standard deviation of their number.
        reasoning_tokens: Tokens of thinking in the mean.
        text_tokens: The text of a reply in the mean, as estimated for the prompts that hold it.
        cached_share: Share of the prompts that came out of a cache, 0 to 1; None where nobody said.
    """

    calls: int
    written_tokens: float
    written_p90_tokens: int
    written_deviation: float
    reasoning_tokens: float
    text_tokens: float
    cached_share: float | None


class Pace(Struct, frozen=True, kw_only=True):
    """How fast a model is: a call takes the sum of its parts.

    Args:
        first_token_s: Seconds to the first token, without those for the prompt.
        prompt_token_s: Seconds for each prompt token that no cache held; 0 where they do not show.
        written_token_s: Seconds for each generated token.
        deviation_s: Standard deviation of a call's seconds from that sum.
    """

    first_token_s: float
    prompt_token_s: float
    written_token_s: float
    deviation_s: float

    def seconds(self, fresh_tokens: float, written_tokens: float) -> float:
        """Return a call's seconds; a fresh prompt token is one that no cache held."""
        return self.first_token_s + self.prompt_token_s * fresh_tokens + self.written_token_s * written_tokens


class ModelExperience(Struct, frozen=True, kw_only=True):
    """What is known of a model.

    Args:
        calls: So many of its calls were looked at.
        kinds: By stage, and ``panel``.
        whole: All kinds together.
        prompt_share: Prompt tokens as counted for each one estimated; None where no prompt was counted.
        pace: How fast it is.
    """

    calls: int
    kinds: dict[str, KindExperience]
    whole: KindExperience
    prompt_share: float | None
    pace: Pace

    @property
    def has_cache(self) -> bool:
        """Whether a cache has served it."""
        return bool(self.whole.cached_share)


NOTHING: Mapping[str, ModelExperience] = MappingProxyType({})
"""What is known without a journal."""


class _Timed(NamedTuple):
    """One call's seconds, what it had to read and what it wrote."""

    first_s: float
    written_s: float
    fresh_tokens: int
    written_tokens: int


def kind_of(call: CallRecord) -> str:
    """Return the kind of a call: its stage, or ``panel``."""
    return PANEL if call.stage == "critique" and call.peer is None else call.stage.value


def is_one_at_a_time(model: str) -> bool:
    """Return whether an agent's calls wait for each other: an embedded model has one slot for each agent."""
    return model.startswith("embedded:")


def learn(model: str, runs: Iterable[tuple[str, CallFacts]]) -> ModelExperience | None:
    """Return what calls teach; None without any.

    Args:
        model: ``provider:model``.
        runs: Run id and facts of each call.
    """
    found = list(runs)
    facts = [fact for _, fact in found]
    if not facts:
        return None
    kinds: dict[str, list[CallFacts]] = defaultdict(list)
    for fact in facts:
        kinds[fact.kind].append(fact)
    counted = [fact for fact in facts if fact.input_tokens is not None]
    estimated = sum(fact.prompt_estimate for fact in counted)
    return ModelExperience(
        calls=len(facts),
        kinds={kind: _kind(of_kind) for kind, of_kind in kinds.items()},
        whole=_kind(facts),
        prompt_share=sum(fact.input_tokens or 0 for fact in counted) / estimated if estimated else None,
        pace=_pace(_timed(found, has_slots=is_one_at_a_time(model))),
    )


def _kind(facts: Sequence[CallFacts]) -> KindExperience:
    counted = [fact.output_tokens for fact in facts if fact.output_tokens is not None]
    written = sorted(counted or [fact.text_estimate for fact in facts])
    told = [fact for fact in facts if fact.cached_tokens is not None and fact.input_tokens]
    read = sum(fact.input_tokens or 0 for fact in told)
    return KindExperience(
        calls=len(facts),
        written_tokens=_mean(written),
        written_p90_tokens=written[ceil(0.9 * len(written)) - 1],
        written_deviation=_deviation(written),
        reasoning_tokens=_mean([fact.reasoning_tokens or 0 for fact in facts]),
        text_tokens=_mean([fact.text_estimate for fact in facts]),
        cached_share=sum(fact.cached_tokens or 0 for fact in told) / read if read else None,
    )


def _timed(runs: Sequence[tuple[str, CallFacts]], *, has_slots: bool) -> list[_Timed]:
    """Return calls in their parts; what waited for the agent's slot counts from when that was free.

    Tokens that nobody counted are those that were estimated, and a reply without a first token came all at once.
    """
    free_s: dict[tuple[str, str], float] = defaultdict(float)
    timed: list[_Timed] = []
    for run_id, fact in sorted(runs, key=lambda one: one[1].ended_s):
        started_s = max(fact.started_s, free_s[run_id, fact.agent]) if has_slots else fact.started_s
        free_s[run_id, fact.agent] = fact.ended_s
        began_s = max(fact.ended_s if fact.first_token_s is None else fact.first_token_s, started_s)
        read = fact.prompt_estimate if fact.input_tokens is None else fact.input_tokens
        written = fact.text_estimate if fact.output_tokens is None else fact.output_tokens
        fresh = max(read - (fact.cached_tokens or 0), 0)
        timed.append(_Timed(began_s - started_s, max(fact.ended_s - began_s, 0.0), fresh, written))
    return timed


def _pace(timed: Sequence[_Timed]) -> Pace:
    written = sum(call.written_tokens for call in timed)
    written_token_s = sum(call.written_s for call in timed) / written if written else 0.0
    first_token_s, prompt_token_s = _line([(call.fresh_tokens, call.first_s) for call in timed])
    off = [
        call.first_s
        + call.written_s
        - (first_token_s + prompt_token_s * call.fresh_tokens + written_token_s * call.written_tokens)
        for call in timed
    ]
    return Pace(
        first_token_s=first_token_s,
        prompt_token_s=prompt_token_s,
        written_token_s=written_token_s,
        deviation_s=_deviation(off),
    )


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return where the straight line of least squares begins and how it rises; never below nothing, never falling."""
    middle_x, middle_y = _mean([x for x, _ in points]), _mean([y for _, y in points])
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    if len(points) < _LEAST_FOR_SLOPE or not spread:
        return middle_y, 0.0
    rise = max(sum((x - middle_x) * (y - middle_y) for x, y in points) / spread, 0.0)
    if rise * middle_x > middle_y:
        return 0.0, sum(x * y for x, y in points) / sum(x * x for x, _ in points)
    return middle_y - rise * middle_x, rise


def _mean(values: Collection[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    middle = _mean(values)
    return sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))
