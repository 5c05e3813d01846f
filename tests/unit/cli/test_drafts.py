"""The text of a new ensemble file: whatever was found, it loads and says what it should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attention_moa.cli.discovery import Listed, LocalServer
from attention_moa.cli.drafts import draft, offers_of, remarks_on
from attention_moa.config import EnsembleSpec
from attention_moa.settings import parse_spec


def a_server(*models: str, provider: str = "ollama") -> LocalServer:
    """Return a server on this machine with these models."""
    listed = tuple(Listed(name=model) for model in models)
    return LocalServer(provider=provider, title="Ollama", address="http://127.0.0.1:11434/v1", models=listed)


def drafted(keys: dict[str, str], *servers: LocalServer, layers: int = 2) -> EnsembleSpec:
    """Return the ensemble that is written for what was found."""
    return parse_spec(draft(offers_of(keys, servers), layers), name="new", folder=None)


def test_with_nothing_found_the_embedded_model_speaks_three_times() -> None:
    """Three agents that differ in role and temperature."""
    spec = drafted({}, layers=3)
    assert [agent.model for agent in spec.agents] == ["embedded:smollm2"] * 3
    assert len({agent.role for agent in spec.agents}) == len({agent.temperature for agent in spec.agents}) == 3
    assert spec.layers == 3


def test_three_models_of_one_server_are_three_agents() -> None:
    """Each has its own name, the server's address, and no more than a few calls at once."""
    spec = drafted({}, a_server("qwen3:8b", "gemma3:12b", "hf.co/x/llama:latest", "fourth"))
    assert [agent.name for agent in spec.agents] == ["qwen3-8b", "gemma3-12b", "llama-latest"]
    assert {agent.base_url for agent in spec.agents} == {"http://127.0.0.1:11434/v1"}
    assert spec.calls.concurrency == 2
    assert spec.summary.model == "qwen3-8b"
    assert spec.summary.fallback == ("gemma3-12b", "llama-latest")


def test_sources_take_turns_and_five_agents_are_enough() -> None:
    """The best of each comes first."""
    keys = {"openai": "OPENAI_API_KEY", "openrouter": "OPENROUTER_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
    spec = drafted(keys, a_server("one", "two"))
    models = [agent.model.partition(":")[0] for agent in spec.agents]
    assert models == ["ollama", "openrouter", "anthropic", "openai", "ollama"]


def test_a_key_that_no_usual_model_goes_with_is_left_to_the_user() -> None:
    """Nothing is guessed."""
    assert drafted({"heroku": "HEROKU_INFERENCE_KEY"}).agents[0].model == "embedded:smollm2"


def test_a_key_without_an_offer_is_remarked_on() -> None:
    """What to install, or that a model has to be named; an offer needs no remark."""
    keys = {"openai": "OPENAI_API_KEY", "google": "GEMINI_API_KEY", "cohere": "CO_API_KEY", "huggingface": "HF_TOKEN"}
    assert remarks_on(keys, {"google", "huggingface"}) == [
        "key in GEMINI_API_KEY, not usable yet: pip install 'attention-moa[google]'",
        'key in CO_API_KEY: name a model yourself, as "cohere:MODEL"',
        "key in HF_TOKEN, not usable yet: pip install 'attention-moa[huggingface]'",
    ]


@pytest.mark.parametrize("name", ["summary", "residual-1", "///", "…", 'say "x"\\', "a\nb", "x" * 200, "\x7f"])
def test_odd_model_names_make_right_files(name: str) -> None:
    """Names that are taken, empty or full of quotes."""
    spec = drafted({}, a_server(name, name + "x", name))
    assert [agent.model for agent in spec.agents] == [f"ollama:{name}", f"ollama:{name}x", f"ollama:{name}"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=6), st.sets(st.sampled_from(["openai", "google", "groq"])))
def test_every_draft_loads(models: list[str], keys: set[str]) -> None:
    """Whatever servers call their models."""
    spec = drafted({provider: provider.upper() for provider in keys}, a_server(*models))
    assert 3 <= len(spec.agents) <= 5
