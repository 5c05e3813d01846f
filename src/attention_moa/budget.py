"""What a run may still spend. Every attempt reserves the most that it can cost before it is sent.

So a limit is never passed by more than what an endpoint generates beyond the ``max_tokens`` that it was asked for, or
than a prompt is longer than its estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, inf

from msgspec.structs import replace

from attention_moa.accounting import attempt_usage, call_usage
from attention_moa.agents import ModelSettings
from attention_moa.config import EnsembleSpec, LimitSpec
from attention_moa.errors import ConfigError, OverLimitError
from attention_moa.messages import Stage, Usage
from attention_moa.money import Price, as_written, cost_usd, dollars_left
from attention_moa.prompts import beside_tokens, estimate_tokens
from attention_moa.records import CallRecord, UsageTotal

PriceOf = Callable[[ModelSettings], Price | None]
"""The price of a model; None where it is not known."""

REPLY_TOKENS = 4096
"""``max_tokens`` of a call that sets none, where a limit needs one."""

_SHORTEST_REPLY_TOKENS = 64


class Grant:
    """What one attempt may use.

    Args:
        max_tokens: Most tokens of its reply.
        tokens: What is reserved, prompt and reply.
        usd: What is reserved.
    """

    def __init__(self, max_tokens: int, tokens: int, usd: float) -> None:
        """Hold the reservation."""
        self.max_tokens = max_tokens
        self.tokens = tokens
        self.usd = usd


class Budget:
    """The money and the tokens of one run.

    Args:
        limits: What is allowed.
        price_of: Prices of models.
    """

    def __init__(self, limits: LimitSpec, price_of: PriceOf) -> None:
        """Start with nothing spent."""
        self._limits = limits
        self._price_of = price_of
        self._usd = 0.0
        self._tokens = 0

    @property
    def is_limited(self) -> bool:
        """Whether there is anything to watch."""
        return self._limits.has_budget

    @property
    def left_usd(self) -> float:
        """Money that is neither spent nor reserved; infinity for no limit."""
        return inf if self._limits.usd is None else self._limits.usd - self._usd

    @property
    def left_tokens(self) -> float:
        """Tokens that are neither used nor reserved; infinity for no limit."""
        return inf if self._limits.tokens is None else self._limits.tokens - self._tokens

    def require_prices(self, models: Iterable[ModelSettings]) -> None:
        """Raise a ``ConfigError`` where money is limited and a model's price is not known."""
        if self._limits.usd is None:
            return
        for model in models:
            price = self._price_of(model)
            if price is None or price.input is None or price.output is None:
                raise ConfigError(
                    f"the price of {model.model} is not known: give each of its agents one, such as "
                    "price = { input = 0.5, output = 1.5 } (US dollars for a million tokens), or limit tokens instead",
                    key="limits.usd",
                )

    def start(self, calls: Iterable[CallRecord], models: Mapping[str, ModelSettings]) -> None:
        """Count what the run spent before it was interrupted; of an attempt that nobody counted, the most it could.

        Args:
            calls: All that are known.
            models: By agent.
        """
        for call in calls:
            model = models.get(call.agent, ModelSettings(model=call.model))
            for attempt in call.attempts:
                used = attempt_usage(attempt)
                if used.unknown_calls:
                    is_small = model.has_small_vocabulary
                    prompt_tokens = estimate_tokens(call.messages, has_small_vocabulary=is_small)
                    prompt_tokens += beside_tokens(call.tools, call.reply_format, has_small_vocabulary=is_small)
                    self._take(self._grant(model, prompt_tokens, call.sampling.max_tokens or REPLY_TOKENS))
                else:
                    self._usd += used.cost_usd
                    self._tokens += _tokens(used)

    def reserve(self, model: ModelSettings, prompt_tokens: int) -> Grant:
        """Return what an attempt may use, reserved.

        Args:
            model: Whose ``max_tokens`` is wished for.
            prompt_tokens: An upper estimate of the prompt.

        Raises:
            OverLimitError: There is not enough left for a reply of any use.
        """
        prompt_usd, reply_usd = self._costs(model, prompt_tokens)
        by_usd = (self.left_usd - prompt_usd) / reply_usd if reply_usd else inf if self.left_usd >= prompt_usd else 0.0
        wished = model.max_tokens or REPLY_TOKENS
        by_tokens = self.left_tokens - prompt_tokens
        most = min(wished, by_tokens, by_usd)
        if most < min(wished, _SHORTEST_REPLY_TOKENS):
            limit = "limits.usd" if by_usd < by_tokens else "limits.tokens"
            raise OverLimitError(
                f"{limit}: what no call has used or reserved ({self.describe()}) is too little for this call and "
                f"{wished:,} tokens of a reply: raise the limit, or lower max_tokens"
            )
        grant = self._grant(model, prompt_tokens, floor(most))
        self._take(grant)
        return grant

    def release(self, grant: Grant) -> None:
        """Give back what was reserved for an attempt that was not made after all."""
        self._tokens -= grant.tokens
        self._usd -= grant.usd

    def _take(self, grant: Grant) -> None:
        self._tokens += grant.tokens
        self._usd += grant.usd

    def _grant(self, model: ModelSettings, prompt_tokens: int, max_tokens: int) -> Grant:
        prompt_usd, reply_usd = self._costs(model, prompt_tokens)
        return Grant(max_tokens, prompt_tokens + max_tokens, prompt_usd + max_tokens * reply_usd)

    def _costs(self, model: ModelSettings, prompt_tokens: int) -> tuple[float, float]:
        """Return the most that a prompt can cost, and what each token of its reply does."""
        price = self._price_of(model) or Price()
        fresh = Usage(input_tokens=prompt_tokens, output_tokens=0)
        written = replace(fresh, cache_write_tokens=prompt_tokens)
        prompt_usd = max(cost_usd(fresh, price) or 0.0, cost_usd(written, price) or 0.0)
        return prompt_usd, (price.at_length(prompt_tokens).output or 0.0) / 1_000_000

    def settle(self, grant: Grant, model: ModelSettings, usage: Usage, *, was_refused: bool) -> None:
        """Count what an attempt really used in the place of what it reserved.

        Args:
            grant: The reservation.
            model: Who was asked.
            usage: Its tokens; where they are not known all that was reserved counts as spent.
            was_refused: Whether the endpoint refused it, so that unknown means none.
        """
        is_known = usage.input_tokens is not None and usage.output_tokens is not None
        if not is_known and not was_refused:
            return
        cost = cost_usd(usage, self._price_of(model)) if is_known else 0.0
        used = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        self._tokens += used - grant.tokens
        self._usd += (grant.usd if cost is None else cost) - grant.usd

    def affordable_peers(self, spec: EnsembleSpec, last: Sequence[CallRecord]) -> int | None:
        """Return how many peers may criticise each answer of the next layer; None where no layer fits what is left.

        The next layer is taken to cost what the last one did; fewer peers cost it a share of the critiques.

        Args:
            spec: The ensemble as the last layer ran it.
            last: The calls of the last layer.
        """
        everybody = len(spec.agents) - 1
        peers = everybody if spec.attention.peers == "all" else spec.attention.peers
        own = int(spec.attention.own)
        critiques = call_usage(call for call in last if call.stage is Stage.CRITIQUE)
        rest = call_usage(call for call in last if call.stage is not Stage.CRITIQUE)
        for count in range(peers, -1, -1):
            share = (count + own) / (peers + own) if peers + own else 0.0
            if self._fits(rest, critiques, share):
                return count
        return None

    def affords(self, last: Sequence[CallRecord], *, more: float = 0.0) -> bool:
        """Return whether what is left pays once more for some calls.

        Args:
            last: The calls.
            more: A share of their cost that has to be there on top.
        """
        used = call_usage(last)
        return self._fits(used, used, more)

    def _fits(self, rest: UsageTotal, critiques: UsageTotal, share: float) -> bool:
        usd = rest.cost_usd + critiques.cost_usd * share
        tokens = _tokens(rest) + _tokens(critiques) * share
        return usd <= self.left_usd and tokens <= self.left_tokens

    def describe(self) -> str:
        """Return what is left, for a person."""
        parts: list[str] = []
        if self._limits.usd is not None:
            parts.append(f"{dollars_left(max(self.left_usd, 0.0))} of ${as_written(self._limits.usd)}")
        if self._limits.tokens is not None:
            parts.append(f"{max(self.left_tokens, 0):,.0f} of {self._limits.tokens:,} tokens")
        return ", ".join(parts)


def _tokens(used: UsageTotal) -> int:
    return used.input_tokens + used.output_tokens
