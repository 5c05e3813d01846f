"""From a model string to the model, for every provider name that an ensemble may use."""

from __future__ import annotations

import sys

import pytest
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.openrouter import OpenRouterModel

from attention_moa.agents import ModelSettings
from attention_moa.errors import ConfigError
from attention_moa.messages import Sampling, assistant, user
from attention_moa.providers.http import SharedHttp
from attention_moa.providers.remote_messages import render_messages, render_settings
from attention_moa.providers.remote_models import LOCAL, Remote, build_model
from tests.asking import a_request
from tests.machine import require_module


def _built(model: str, base_url: str | None = None, api_key: str | None = "k") -> Remote:
    settings = ModelSettings(model=model, base_url=base_url)
    return build_model(settings, api_key, SharedHttp().client(), key="agents[0].model")


@pytest.mark.parametrize(
    ("model", "address"),
    [
        ("openai:gpt-4.1", "https://api.openai.com/v1/"),
        ("openrouter:qwen/qwen3-32b", "https://openrouter.ai/api/v1/"),
        ("deepseek:deepseek-chat", "https://api.deepseek.com"),
        ("together:a/b", "https://api.together.xyz/v1"),
        ("fireworks:a/b", "https://api.fireworks.ai/inference/v1"),
        ("xai:grok-4", "https://api.x.ai/v1/"),
        *((f"{name}:m", f"{address}/") for name, address in LOCAL.items()),
    ],
)
def test_an_openai_compatible_provider_is_reached_at_its_usual_address(
    model: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over our client, in the form of chat completions, with the SDK's retries off."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    remote = _built(model)
    assert remote.provider.base_url.rstrip("/") == address.rstrip("/")
    assert isinstance(remote.model, OpenAIChatModel)
    assert remote.has_our_client
    assert remote.provider.client.max_retries == 0
    assert remote.model.model_name == model.partition(":")[2]


def test_a_router_keeps_its_own_form() -> None:
    """OpenRouter has fields of its own."""
    assert isinstance(_built("openrouter:qwen/qwen3-32b").model, OpenRouterModel)


@pytest.mark.parametrize("model", ["openai:m", "openrouter:m", "deepseek:m", "ollama:m", "lmstudio:m", "anything:m"])
def test_a_base_url_wins_over_the_usual_address(model: str) -> None:
    """Any name may stand before an OpenAI-compatible address."""
    assert _built(model, "http://127.0.0.1:9/v1").provider.base_url == "http://127.0.0.1:9/v1/"


def test_azure_takes_its_endpoint_as_base_url() -> None:
    """It has no address of its own."""
    remote = _built("azure:gpt-4.1", "https://mine.openai.azure.com/openai/v1")
    assert "mine.openai.azure.com" in remote.provider.base_url


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("opnrouter:x", "did you mean openrouter?"),
        ("anthropc:x", "did you mean anthropic"),
        ("qqqqqq:x", "known are openai, openrouter, anthropic"),
        ("azure:x", "cannot be used"),
    ],
)
def test_a_name_that_cannot_be_used_is_a_configuration_error(
    model: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the field, what is wrong, and the nearest names."""
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT", raising=False)
    with pytest.raises(ConfigError, match=r"agents\[0\]\.model") as caught:
        _built(model)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "module", "command"),
    [
        ("anthropic:claude-sonnet-4-5", "anthropic", "pip install 'attention-moa[anthropic]'"),
        ("google-gla:gemini-2.5-pro", "google.genai", "pip install 'attention-moa[google]'"),
        ("mistral:m", "mistralai", "pip install 'attention-moa[mistral]'"),
    ],
)
def test_a_missing_package_is_a_configuration_error_with_the_command(
    model: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendors' own packages are extras."""
    for name in [name for name in sys.modules if name.startswith(("pydantic_ai.providers.", module))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError) as caught:
        _built(model)
    assert command in str(caught.value)
    assert caught.value.key == "agents[0].model"


VENDORS = {
    "anthropic": ("anthropic", "anthropic:claude-sonnet-4-5"),
    "google": ("google.genai", "google:gemini-2.5-pro"),
    "groq": ("groq", "groq:llama-3.3-70b-versatile"),
    "mistral": ("mistralai", "mistral:mistral-small-latest"),
    "cohere": ("cohere", "cohere:command-a-03-2025"),
    "huggingface": ("huggingface_hub", "huggingface:Qwen/Qwen3-32B"),
}


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendors_own_api_is_built_with_retries_off(vendor: str) -> None:
    """By the client where the SDK has the switch there, by the request where it has it there."""
    module, model = VENDORS[vendor]
    require_module(module)
    remote = _built(model)
    settings = render_settings(Sampling(), remote.model, timeout=None).settings
    is_off = getattr(remote.provider.client, "max_retries", None) == 0 or settings.get("max_retries") == 0
    assert is_off or vendor == "huggingface"  # has no retries


def test_bedrock_is_built_with_boto3s_retries_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a hook on the client's events."""
    require_module("boto3")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    events = _built("bedrock:anthropic.claude-3-5-sonnet-20240620-v1:0").provider.client.meta.events
    asked = {"response": None, "endpoint": None, "operation": None, "attempts": 1, "caught_exception": OSError("x")}
    assert events.emit("needs-retry.bedrock-runtime.Converse", request_dict={"context": {}}, **asked) == []


def test_a_cache_point_follows_the_shared_turns_where_the_model_has_them() -> None:
    """On the last user turn among them, since only such a turn can carry one."""
    require_module("anthropic")
    model = _built("anthropic:claude-sonnet-4-5").model
    request = a_request(user("a"), assistant("b"), user("c"), shared_messages=2)
    kinds = [[type(part).__name__ for part in message.parts] for message in render_messages(request, model)]
    assert kinds == [["UserPromptPart"], ["TextPart"], ["UserPromptPart"]]
    contents = [getattr(message.parts[0], "content", ()) for message in render_messages(request, model)]
    assert [type(item).__name__ for item in contents[0]] == ["str", "CachePoint"]
    assert contents[2] == "c"
    lone = render_messages(a_request(user("a"), shared_messages=0), model)
    assert getattr(lone[0].parts[0], "content", None) == "a"


def test_a_setting_that_a_model_does_not_take_is_noted_and_not_sent() -> None:
    """Nothing that was asked for is dropped in silence."""
    require_module("anthropic")
    rendered = render_settings(
        Sampling(seed=1, temperature=0.5), _built("anthropic:claude-sonnet-4-5").model, timeout=None
    )
    assert "seed" not in rendered.settings
    assert rendered.settings.get("temperature") == 0.5
    assert rendered.notes == ("seed was not sent: the model does not take it",)


def test_no_key_of_the_environment_goes_to_another_address_of_a_vendors_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that needs the key gets it by ``api_key_env``."""
    require_module("anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-private")
    assert _built("anthropic:m", "http://127.0.0.1:9", api_key=None).provider.client.api_key != "sk-private"
    assert _built("anthropic:m", "http://127.0.0.1:9", api_key="mine").provider.client.api_key == "mine"
