"""What models cost by genai-prices' list; the expected values are asked of the library, not copied."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice

from attention_moa.messages import Usage
from attention_moa.money import FREE, Price, cost_usd
from attention_moa.prices import price_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

LISTED = [
    ("openai:gpt-4.1", "openai", "gpt-4.1"),
    ("openai-chat:gpt-4.1", "openai", "gpt-4.1"),
    ("anthropic:claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"),
    ("google:gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ("google-gla:gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ("google-cloud:gemini-2.5-flash", "google", "gemini-2.5-flash"),
    ("mistral:mistral-small-2506", "mistral", "mistral-small-2506"),
    ("groq:openai/gpt-oss-20b", "groq", "openai/gpt-oss-20b"),
    ("xai:grok-4", "x-ai", "grok-4"),
    ("deepseek:deepseek-chat", "deepseek", "deepseek-chat"),
    ("openrouter:qwen/qwen3-32b", "openrouter", "qwen/qwen3-32b"),
    ("openrouter:anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
    ("bedrock:anthropic.claude-3-5-sonnet-20240620-v1:0", "aws", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
    ("azure:gpt-4.1", "azure", "gpt-4.1"),
]

USAGES = [
    Usage(input_tokens=1234, output_tokens=567),
    Usage(input_tokens=100_000, cached_tokens=60_000, output_tokens=2_000),
    Usage(input_tokens=200_000, output_tokens=1),
    Usage(input_tokens=200_001, cached_tokens=150_000, output_tokens=3_000),
    Usage(input_tokens=900_000, output_tokens=60_000),
]


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize(("model", "provider", "theirs"), LISTED)
def test_a_cost_is_what_the_library_says(model: str, provider: str, theirs: str, usage: Usage) -> None:
    """Our price and our arithmetic together give the library's own total, tiers and caches included."""
    price = price_of(model, at=NOON)
    tokens = TheirUsage(
        input_tokens=usage.input_tokens, cache_read_tokens=usage.cached_tokens or 0, output_tokens=usage.output_tokens
    )
    total = calc_price(tokens, theirs, provider_id=provider, genai_request_timestamp=NOON).total_price
    assert total > 0
    assert cost_usd(usage, price) == pytest.approx(float(total))


def test_tokens_that_are_written_to_a_cache_cost_what_the_library_says() -> None:
    """Anthropic's price of writing is in the price."""
    usage = Usage(input_tokens=5000, cached_tokens=1000, cache_write_tokens=3000, output_tokens=10)
    theirs = TheirUsage(input_tokens=5000, cache_read_tokens=1000, cache_write_tokens=3000, output_tokens=10)
    total = calc_price(theirs, "claude-sonnet-4-5", provider_id="anthropic").total_price
    assert cost_usd(usage, price_of("anthropic:claude-sonnet-4-5")) == pytest.approx(float(total))


UNKNOWN = [
    ("openai:no-such-model", None),
    ("openai:", None),
    ("no-such-provider:gpt-4.1", None),
    ("gpt-4.1", None),
    ("", None),
    ("openai:gpt-4.1", "http://127.0.0.1:8000/v1"),
    ("openai:gpt-4.1", "https://gateway.example/v1"),
    ("openrouter:no-such-maker/no-such-model", None),
    ("ollama:qwen3:8b", None),
    ("vllm:Qwen/Qwen3-32B", None),
    ("lmstudio:gpt-4.1", None),
    ("llamacpp:gpt-4.1", None),
    ("python:package.module:function", None),
    ("command:gpt-4.1", None),
    ("litellm:openai/gpt-4.1", None),
]


@pytest.mark.parametrize(("model", "base_url"), UNKNOWN)
def test_what_is_not_listed_has_no_price(model: str, base_url: str | None) -> None:
    """Unknown is None, never zero: no such model, no such provider, an address of one's own, a local server."""
    assert price_of(model, base_url) is None


def test_the_embedded_model_is_free() -> None:
    """It costs nothing, by definition."""
    assert price_of("embedded:smollm2") == price_of("embedded:/some/file.gguf") == FREE


def test_a_model_that_is_charged_for_other_things_too_has_no_price() -> None:
    """A charge for each request, or for thinking apart, is none that we count: then the total would be too low."""
    charges = {"requests_kcount", "output_reasoning_mtok", "output_citation_mtok"}
    seen = 0
    for provider, ours in (("openrouter", "openrouter"), ("aws", "bedrock"), ("cohere", "cohere"), ("x-ai", "xai")):
        listed = next(known for known in get_snapshot().providers if known.id == provider)
        for model in listed.models:
            found = price_of(f"{ours}:{model.id}")
            prices = model.get_prices(datetime.now(UTC))
            if charges & {key for key, value in vars(prices).items() if value is not None}:
                seen += 1
                assert found is None, model.id
    assert seen


def test_every_listed_price_is_a_price() -> None:
    """All models that the list has for our providers give a price that stands the check, or none."""
    ours = {"openai": "openai", "anthropic": "anthropic", "google": "google", "openrouter": "openrouter"}
    counted = 0
    for provider in get_snapshot().providers:
        for model in provider.models if provider.id in ours else ():
            price = price_of(f"{ours[provider.id]}:{model.id}")
            if price is not None:
                counted += 1
                price.check("price")
    assert counted > 100


def test_a_price_depends_on_the_day() -> None:
    """A model whose price has changed costs what it cost at the time."""
    changed = [
        (provider.id, model.id)
        for provider in get_snapshot().providers
        if provider.id in {"openai", "openrouter", "groq"}
        for model in provider.models
        if not isinstance(model.prices, ModelPrice)
    ]
    days = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
    pairs = [[price_of(f"{provider}:{model}", at=day) for day in days] for provider, model in changed]
    assert any(before != after for before, after in pairs)


def shipped() -> list[tuple[str, str, str | None]]:
    """Return every model of the shipped ensembles: file, model, address."""
    found = []
    for file in sorted(files("attention_moa").joinpath("ensembles").iterdir(), key=lambda entry: entry.name):
        ensemble = tomllib.loads(file.read_text(encoding="utf-8"))
        found += [(file.name, agent["model"], agent.get("base_url")) for agent in ensemble["agents"]]
    return found


UNPRICED = {"alibaba:qwen-max", "alibaba:qwen3-32b", "google:gemma-3-12b-it"}


def test_the_shipped_ensembles_have_prices() -> None:
    """All of their models but local ones and three that the list does not have; ``pytest -s`` shows them."""
    without = set()
    for file, model, base_url in shipped():
        price = price_of(model, base_url)
        sys.stdout.write(f"{file:26} {model:52} {line(price)}\n")
        if price is None:
            without.add(model)
    assert {model for model in without if not model.startswith(("ollama:", "vllm:"))} <= UNPRICED
    assert any(model.startswith("openrouter:") for _, model, _ in shipped())


def line(price: Price | None) -> str:
    """Return a price in one line."""
    if price is None:
        return "unknown"
    cache = f"cached {price.cached} written {price.cache_write}"
    return f"in {price.input} {cache} out {price.output}, {len(price.tiers)} tiers"


def test_the_library_has_prices_as_we_take_them() -> None:
    """Its numbers are decimals for a million tokens."""
    price = calc_price(TheirUsage(), "gpt-4.1", provider_id="openai").model_price
    assert isinstance(price.input_mtok, Decimal)
    assert price_of("openai:gpt-4.1") == Price(
        input=float(price.input_mtok), cached=float(str(price.cache_read_mtok)), output=float(str(price.output_mtok))
    )


def test_a_price_list_is_loaded_only_when_it_is_asked() -> None:
    """Importing the library, or this module of it, does not load genai-prices; nor do models without a list price."""
    code = (
        "import sys, attention_moa, attention_moa.prices as p, attention_moa.money\n"
        "p.price_of('embedded:smollm2'), p.price_of('ollama:x'), p.price_of('openai:m', 'http://127.0.0.1/v1')\n"
        "assert 'genai_prices' not in sys.modules and 'pydantic' not in sys.modules\n"
        "p.price_of('openai:gpt-4.1')\n"
        "assert 'genai_prices' in sys.modules\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert child.returncode == 0, child.stderr
