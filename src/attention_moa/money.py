"""What tokens cost: prices as ensembles and records have them, the arithmetic, and how amounts are written.

Pure; the unknown stays unknown.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from math import floor, isfinite, log10

from msgspec import Struct

from attention_moa.errors import ConfigError
from attention_moa.messages import Usage

_MILLION = 1_000_000
_PARTS = ("input", "cached", "cache_write", "output")
_CENTS_FROM_USD = 10.0
_FOUR_DIGITS_FROM_USD = 0.0001
_LEAST_USD = 1e-9


class Tier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The prices of a call with a long prompt; they hold for all of its tokens.

    Args:
        above_tokens: For prompts of more tokens than this, cached ones included.
        input: See ``Price``; so are the three that follow.
        cached: A prompt token out of a cache.
        cache_write: A prompt token into a cache.
        output: A generated token.
    """

    above_tokens: int
    input: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    output: float | None = None


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model's tokens cost, in US dollars for a million of them; None for not known.

    Args:
        input: Prompt tokens.
        cached: Prompt tokens that come out of a cache; None: as ``input``.
        cache_write: Prompt tokens that are written to a cache; None: as ``input``.
        output: Generated tokens, thinking included.
        tiers: Other prices for long prompts, the shortest first.
    """

    input: float | None = None
    cached: float | None = None
    cache_write: float | None = None
    output: float | None = None
    tiers: tuple[Tier, ...] = ()

    def check(self, at: str) -> None:
        """Raise a ``ConfigError`` that names the field under ``at`` if a part is no amount of money.

        Args:
            at: The dotted name of the price (``agents[0].price``).
        """
        _check_parts(self, at)
        least = 0
        for index, tier in enumerate(self.tiers):
            where = f"{at}.tiers[{index}]"
            _check_parts(tier, where)
            if tier.above_tokens <= least:
                raise ConfigError(f"{tier.above_tokens} is not above {least}", key=f"{where}.above_tokens")
            least = tier.above_tokens

    def require_whole(self, at: str) -> None:
        """Raise a ``ConfigError`` where prompt or generated tokens have no price: then no cost would ever be known.

        Args:
            at: The dotted name of the price.
        """
        tiers = {f"{at}.tiers[{index}]": tier for index, tier in enumerate(self.tiers)}
        for where, prices in {at: self, **tiers}.items():
            for part in ("input", "output"):
                if getattr(prices, part) is None:
                    raise ConfigError(
                        "missing: write US dollars for a million tokens, 0 for free", key=f"{where}.{part}"
                    )

    def at_length(self, input_tokens: int) -> Price | Tier:
        """Return the prices that hold for a prompt of so many tokens."""
        return next((tier for tier in reversed(self.tiers) if input_tokens > tier.above_tokens), self)


FREE = Price(input=0.0, cached=0.0, cache_write=0.0, output=0.0)
"""What costs nothing, by definition: a model that runs on this machine's own processor."""


def cost_usd(usage: Usage, price: Price | None) -> float | None:
    """Return what a call cost in US dollars; None where that is not known.

    It is not known where the price is not, where prompt or generated tokens were not counted, or where some of the
    tokens have no price. Tokens that no cache is said to have held count as fresh.

    Args:
        usage: The call's tokens.
        price: The model's; None for not known.

    Source: ours; tiers that hold for the whole call are how all vendors with tiers do it.
    """
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    prices = price.at_length(usage.input_tokens)
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    costs = (
        _part(max(usage.input_tokens - cached - written, 0), prices.input),
        _part(cached, prices.input if prices.cached is None else prices.cached),
        _part(written, prices.input if prices.cache_write is None else prices.cache_write),
        _part(usage.output_tokens, prices.output),
    )
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def amount(usd: float) -> str:
    """Return an amount of money without its sign: ``0``, ``0.0012``, ``0.0000034``, ``12.30``.

    Never with an exponent, and never a zero that it is not: what four digits would lose gets as many as it takes.

    Args:
        usd: From 0 up. What is under a billionth of a dollar, which no price list knows, is said to be less than that.
    """
    if not usd:
        return "0"
    if usd >= _CENTS_FROM_USD:
        return f"{usd:,.2f}"
    if usd >= _FOUR_DIGITS_FROM_USD:
        return f"{usd:.4f}"
    if usd < _LEAST_USD:
        return f"<{_LEAST_USD:.9f}"
    return f"{usd:.{1 - floor(log10(usd))}f}".rstrip("0")


def dollars(usd: float) -> str:
    """Return an amount of money with its sign: ``$0``, ``$0.0012``, ``$12.30``, ``less than $0.000000001``."""
    shown = amount(usd)
    return f"less than ${shown[1:]}" if shown.startswith("<") else f"${shown}"


def dollars_left(usd: float) -> str:
    """Return what is left of an amount, as ``dollars`` writes it, but rounded down: never more than there is.

    Args:
        usd: From 0 up.
    """
    if usd < _LEAST_USD:
        return dollars(usd)
    digits = 2 if usd >= _CENTS_FROM_USD else 4 if usd >= _FOUR_DIGITS_FROM_USD else 1 - floor(log10(usd))
    return dollars(float(Decimal(repr(usd)).quantize(Decimal(1).scaleb(-digits), ROUND_DOWN)))


def as_written(number: float) -> str:
    """Return a number as a person writes it into a file: ``5``, ``0.25``, ``0.000001``; all its digits, no exponent."""
    shown = f"{Decimal(repr(number)):f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _part(tokens: int, usd_per_million: float | None) -> float | None:
    """Return the cost of tokens of one kind; none of them cost nothing, whatever the price."""
    if not tokens:
        return 0.0
    return None if usd_per_million is None else tokens * usd_per_million / _MILLION


def _check_parts(prices: Price | Tier, at: str) -> None:
    for part in _PARTS:
        value = getattr(prices, part)
        if value is not None and not (isfinite(value) and value >= 0):
            raise ConfigError(
                f"{value} is no price: write US dollars for a million tokens, 0 or more", key=f"{at}.{part}"
            )
