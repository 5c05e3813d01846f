"""What a model costs, by the price list that comes with genai-prices: offline, and None where it is not known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from attention_moa.agents import ModelSettings
from attention_moa.money import FREE, Price, Tier

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_PROVIDERS = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "google": "google",
    "google-cloud": "google",
    "google-gla": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshotai": "moonshotai",
    "openai": "openai",
    "openai-chat": "openai",
    "openrouter": "openrouter",
    "ovhcloud": "ovhcloud",
    "together": "together",
    "xai": "x-ai",
    "zai": "zai",
}
"""Our names of providers, and theirs. Who is not here sets prices of his own: a local server, a router, a function."""

_PARTS = {
    "input": "input_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
_NOT_OURS = ("audio", "image", "video", "search", "document", "cache_write_1h")
"""Charges that no call of ours makes, or, of images, that are counted as prompt tokens."""


def price_of(model: str, base_url: str | None = None, *, at: datetime | None = None) -> Price | None:
    """Return what a model's tokens cost; None where that is not known.

    An embedded model costs nothing. A model at an address of one's own, on a local server or behind a function or a
    program has the price that the ensemble's file gives it, or none.

    Args:
        model: ``provider:model``.
        base_url: The address that its settings name, or None.
        at: When; prices change, some by the hour. None for now.
    """
    kind, _, name = model.partition(":")
    if kind == "embedded":
        return FREE
    if base_url is not None or not name or kind not in _PROVIDERS:
        return None
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(), name, provider_id=_PROVIDERS[kind], genai_request_timestamp=at)
    except LookupError:
        return None
    return _price(found.model_price)


def known_price(model: ModelSettings) -> Price | None:
    """Return what a model costs: as its settings say, else as the price list does; None where neither knows."""
    return price_of(model.model, model.base_url) if model.price is None else model.price


def _price(listed: ModelPrice) -> Price | None:
    """Return a price in our terms; None where the list has none for text, or one that also counts other things."""
    charged = {key for key, value in vars(listed).items() if value is not None}
    others = charged - set(_PARTS.values())
    if not charged & {"input_mtok", "output_mtok"} or any(not _is_not_ours(key) for key in others):
        return None
    starts = sorted({start for key in charged - others for start in _starts(getattr(listed, key))})
    tiers = tuple(Tier(above_tokens=start, **_parts(listed, start + 1)) for start in starts)
    return Price(**_parts(listed, 0), tiers=tiers)


def _is_not_ours(key: str) -> bool:
    return any(word in key for word in _NOT_OURS)


def _starts(value: object) -> Iterator[int]:
    from genai_prices.types import TieredPrices

    if isinstance(value, TieredPrices):
        yield from (tier.start for tier in value.tiers)


def _parts(listed: ModelPrice, input_tokens: int) -> dict[str, float | None]:
    """Return each part's price for a prompt of so many tokens."""
    from genai_prices.types import TieredPrices

    parts: dict[str, float | None] = {}
    for ours, theirs in _PARTS.items():
        value = getattr(listed, theirs)
        if isinstance(value, TieredPrices):
            above = [tier.price for tier in value.tiers if input_tokens > tier.start]
            value = above[-1] if above else value.base
        parts[ours] = None if value is None else float(value)
    return parts
