"""The pool: from model strings to providers, each made once and at first use."""

from __future__ import annotations

from typing import Any

import pytest

from attention_moa.agents import AgentSpec, ModelSettings, WriterSpec
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.ports import Provider
from attention_moa.providers import ProviderPool, speakers
from attention_moa.providers.embedded import EmbeddedProvider
from attention_moa.providers.functions import FunctionProvider
from attention_moa.providers.programs import ProgramProvider
from attention_moa.providers.remote import RemoteProvider
from attention_moa.providers.scripted import ScriptedProvider
from tests.asking import run, text_of
from tests.fake_openai import FakeOpenAI, says

ECHO = "python:tests.function_agents:echo"


def _pool(spec: EnsembleSpec, **own: Provider) -> ProviderPool:
    return ProviderPool(spec, own=own, api_key=lambda settings: f"key-of-{settings.api_key_env}")


def _spec(*models: str, **fields: Any) -> EnsembleSpec:
    agents = tuple(AgentSpec(name=f"a{n}", model=model) for n, model in enumerate(models))
    return EnsembleSpec(agents=agents, **fields)


def test_the_prefix_decides_and_equal_models_share_a_provider() -> None:
    """Another address or another key makes another one."""
    spec = _spec(ECHO, "command:cat", "openai:m", "mine:anything", "embedded:smollm2")
    mine = ScriptedProvider(["x"])
    pool = _pool(spec, mine=mine)
    kinds = [type(pool.get(agent)) for agent in spec.agents]
    assert kinds == [FunctionProvider, ProgramProvider, RemoteProvider, ScriptedProvider, EmbeddedProvider]
    assert pool.get(ModelSettings(model=ECHO)) is pool.get(spec.agents[0])
    remote = ModelSettings(model="openai:m", base_url="http://127.0.0.1:9/v1")
    assert pool.get(remote) is not pool.get(spec.agents[2])
    assert pool.get(remote) is not pool.get(ModelSettings(model="openai:m", base_url=remote.base_url, api_key_env="B"))
    run(pool.aclose)
    run(pool.aclose)
    assert not mine.is_closed


def test_every_agent_sends_the_key_of_its_own_variable() -> None:
    """Over one shared client."""

    async def scenario() -> list[str]:
        async with FakeOpenAI(says("ok")) as server:
            pool = _pool(_spec("openai:m"))
            for variable in ("A", "B"):
                settings = ModelSettings(model="openai:m", base_url=server.base_url, api_key_env=variable)
                assert await text_of(pool.get(settings)) == "ok"
            await pool.aclose()
            return [seen.headers["Authorization"] for seen in server.requests]

    assert run(scenario) == ["Bearer key-of-A", "Bearer key-of-B"]


def test_a_pool_can_be_used_again_after_it_was_closed_on_another_loop() -> None:
    """A run is often one event loop, and an ensemble outlives it."""
    spec = _spec("openai:m")
    pool = _pool(spec)
    for _ in range(2):

        async def scenario() -> None:
            async with FakeOpenAI(says("ok")) as server:
                assert await text_of(pool.get(ModelSettings(model="openai:m", base_url=server.base_url))) == "ok"
                await pool.aclose()

        run(scenario)


def test_every_provider_is_closed_even_where_one_fails_to() -> None:
    """The failure is still heard."""
    spec = _spec("one:m", "two:m")

    class Broken(ScriptedProvider):
        async def aclose(self) -> None:
            await super().aclose()
            raise RuntimeError("stuck")

    broken, well = Broken(["x"]), ScriptedProvider(["x"])
    pool = _pool(spec)
    pool._made = {("one:m", None, None): well, ("two:m", None, None): broken}  # noqa: SLF001 - providers that fail to close
    with pytest.raises(RuntimeError, match="stuck"):
        run(pool.aclose)
    assert broken.is_closed
    assert well.is_closed


@pytest.mark.parametrize(
    ("spec", "model", "field"),
    [
        (_spec(ECHO, "python:nowhere:f"), "python:nowhere:f", "agents[1].model"),
        (_spec(ECHO, summary=WriterSpec(model="nosuch:m")), "nosuch:m", "summary.model"),
        (_spec(ECHO, summary=WriterSpec(fallback=("a0", "nosuch:m"))), "nosuch:m", "summary.fallback[1]"),
        (_spec(ECHO, "embedded:/no/such.gguf"), "embedded:/no/such.gguf", "agents[1].model"),
        (_spec(ECHO), "command:nosuchprogram", "model"),
    ],
)
def test_a_model_that_cannot_be_had_is_named_by_its_field(spec: EnsembleSpec, model: str, field: str) -> None:
    """As the ensemble's file has it."""
    with pytest.raises(ConfigError) as caught:
        _pool(spec).get(ModelSettings(model=model))
    assert caught.value.key == field


def test_a_missing_key_is_a_configuration_error_at_once() -> None:
    """Before any call."""

    def no_key(settings: ModelSettings) -> str:
        raise ConfigError(f"no key for {settings.model}", key="api_key_env")

    pool = ProviderPool(_spec("openai:m"), own={}, api_key=no_key)
    with pytest.raises(ConfigError, match="no key for openai:m"):
        pool.get(ModelSettings(model="openai:m"))


def test_who_speaks_through_a_model_is_everybody_who_may() -> None:
    """Agents, writers and fallbacks, each once, with the largest window of any, asked for or not."""
    agents = (
        AgentSpec(name="ann", model="embedded:s", context_tokens=1000),
        AgentSpec(name="bob", model="openai:m"),
        AgentSpec(name="eve", model="embedded:s", context_tokens=3000),
    )
    spec = EnsembleSpec(agents=agents, summary=WriterSpec(model="embedded:s", fallback=("eve", "embedded:s")))
    assert speakers(spec, "embedded:s") == (("ann", "eve", "summary", "summary-fallback-2"), 4096)
    assert speakers(spec, "openai:m") == (("bob",), None)
