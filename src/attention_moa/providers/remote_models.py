"""From a model string and a key to the provider library's model object, with every SDK's own retries off."""

from __future__ import annotations

import difflib
import inspect
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

from attention_moa.agents import ModelSettings
from attention_moa.errors import ConfigError, describe
from attention_moa.providers.remote_chat import ChatModel

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.profiles.openai import OpenAIModelProfile

LOCAL = {
    "ollama": "http://127.0.0.1:11434/v1",
    "lmstudio": "http://127.0.0.1:1234/v1",
    "vllm": "http://127.0.0.1:8000/v1",
    "llamacpp": "http://127.0.0.1:8080/v1",
}
"""Where the usual local servers listen."""

_ADDRESSES = {"xai": "https://api.x.ai/v1"}  # its own SDK is gRPC with retries of its own; the HTTP API is OpenAI's
_ALIASES = {"google-gla": "google", "gemini": "google"}
_NATIVE_ADDRESS = {"anthropic", "azure", "bedrock", "google", "groq", "huggingface", "mistral", "ollama", "vllm"}
"""Providers whose ``base_url`` is another address of their own API; any other base_url speaks OpenAI's."""
_EXTRAS = {"anthropic", "bedrock", "cohere", "google", "groq", "huggingface", "mistral"}
_KNOWN = sorted(
    {"openai", "openrouter", "azure", "deepseek", "together", "fireworks", "cerebras", "moonshotai", "alibaba"}
    | {"nebius", "sambanova", "ovhcloud", "github", "heroku", "vercel", "litellm", "zai", "google-cloud"}
    | {"embedded", "python", "command", "google-gla"} | _EXTRAS | set(LOCAL) | set(_ADDRESSES)
)  # fmt: skip
_COMMON = ("openai", "openrouter", "anthropic", "google", "mistral", "ollama", "embedded")
_NO_TAGS = ("\0think", "\0/think")
"""Tags that no text holds: the library splits thinking marks only where they are a chunk of their own, we split all."""


class Remote(NamedTuple):
    """A model that can be asked.

    Args:
        model: The library's model.
        provider: What holds the model's connections.
        has_our_client: Whether its requests go through our HTTP client.
    """

    model: Model[Any]
    provider: Provider[Any]
    has_our_client: bool


def build_model(
    settings: ModelSettings, api_key: str | None, client: httpx2.AsyncClient, *, key: str = "model"
) -> Remote:
    """Return the model that a spec names; nothing is connected yet.

    Args:
        settings: ``model`` and ``base_url`` decide.
        api_key: None where the endpoint needs none.
        client: Our HTTP client, for the SDKs that take one of its kind.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        ConfigError: The provider is not known, its package is not installed, or it lacks a key or an address.
    """
    kind, _, name = settings.model.partition(":")
    kind = _ALIASES.get(kind, kind)
    base_url = settings.base_url or LOCAL.get(kind) or _ADDRESSES.get(kind)
    if base_url is not None and kind not in _NATIVE_ADDRESS:
        return _compatible(kind, name, base_url, api_key=api_key, client=client)
    kind = "openai-chat" if kind == "openai" else kind
    try:
        provider, has_our_client = _provider(kind, base_url, api_key, client)
        model = infer_model(f"{kind}:{name}", lambda _: provider)
    except ImportError as error:
        raise ConfigError(_missing(kind, error), key=key) from error
    except ValueError as error:
        raise ConfigError(_unknown(kind), key=key) from error
    except UserError as error:
        raise ConfigError(f"{settings.model!r} cannot be used: {describe(error)}", key=key) from error
    profile: OpenAIModelProfile = {"thinking_tags": _NO_TAGS}
    if kind in LOCAL:
        profile["openai_chat_supports_max_completion_tokens"] = False
    return Remote(_with_profile(model, provider, profile), provider, has_our_client)


def _provider(
    kind: str, base_url: str | None, api_key: str | None, client: httpx2.AsyncClient
) -> tuple[Provider[Any], bool]:
    """Return the library's provider of a kind, made explicitly, and whether it took our client."""
    maker = infer_provider_class(kind)
    takes = inspect.signature(maker).parameters
    has_our_client = "http_client" in takes and bool({"openai_client", "anthropic_client"} & takes.keys())
    offered = {
        # Without a key the SDK would take one from the environment: it is not for whoever listens at another address.
        "api_key": api_key or ("none" if base_url is not None and kind != "bedrock" else None),
        "azure_endpoint" if kind == "azure" else "base_url": base_url,
        "http_client": client if has_our_client else None,
    }
    make = cast("Any", maker)
    given = {name: value for name, value in offered.items() if value is not None and name in takes}
    provider: Provider[Any] = make(**given)
    _switch_retries_off(provider)
    return provider, has_our_client


def _compatible(kind: str, name: str, base_url: str, *, api_key: str | None, client: httpx2.AsyncClient) -> Remote:
    """Return a model behind any OpenAI-compatible address; without a key none of ours is sent."""
    provider = OpenAICompatibleProvider(kind, base_url=base_url, api_key=api_key, http_client=client)
    _switch_retries_off(provider)
    model = OpenAIChatModel(name, provider=provider)
    profile: OpenAIModelProfile = {"thinking_tags": _NO_TAGS}
    if not model.profile.get("openai_supports_reasoning") or "gpt-oss" in name:
        # The older field is what every compatible server knows; only OpenAI's own reasoning models refuse it.
        profile["openai_chat_supports_max_completion_tokens"] = False
    return Remote(_with_profile(model, provider, profile), provider, has_our_client=True)


def _with_profile(model: Model[Any], provider: Provider[Any], profile: OpenAIModelProfile) -> Model[Any]:
    make = cast("Any", ChatModel if type(model) is OpenAIChatModel else type(model))
    changed: Model[Any] = make(model.model_name, provider=provider, profile=profile)
    return changed


def _switch_retries_off(provider: Provider[Any]) -> None:
    """Set the SDK client's own retries to none: a retry is ours, seen and booked."""
    client = provider.client
    if hasattr(client, "max_retries"):
        client.max_retries = 0
    if provider.name == "bedrock":
        # boto3 retries through a hook that is registered when the client is made.
        service = "bedrock-runtime"
        client.meta.events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")


def _missing(kind: str, error: ImportError) -> str:
    extra = kind.partition("-")[0]
    package = f"attention-moa[{extra}]" if extra in _EXTRAS else f"pydantic-ai-slim[{kind}]"
    return f"{kind!r} needs a package that is not installed ({error.name or describe(error)}): pip install '{package}'"


def _unknown(kind: str) -> str:
    close = difflib.get_close_matches(kind, _KNOWN, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(_COMMON)} and others."
    return f"{kind!r} is no provider: {hint} Any OpenAI-compatible address works as openai:MODEL with base_url"
