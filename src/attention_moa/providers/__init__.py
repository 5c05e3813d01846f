"""Providers by name: an API, a local model, a Python function, a program, or one's own. Each is made at first use.

Nothing heavy is imported before an ensemble needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from attention_moa.agents import ModelSettings
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.ports import Provider

if TYPE_CHECKING:
    from attention_moa.providers.http import SharedHttp

_Key = tuple[str, str | None, str | None]


class ProviderPool:
    """The providers of one ensemble: one for each model, address and key.

    After ``aclose`` it can be used again; connections and processes are then made anew.

    Args:
        spec: The ensemble; a local model learns from it which agents speak through it.
        own: Providers of one's own by the prefix of the model string. They are never closed here.
        api_key: The key of a model, or None where it needs none; may raise ``ConfigError``.
    """

    def __init__(
        self, spec: EnsembleSpec, *, own: Mapping[str, Provider], api_key: Callable[[ModelSettings], str | None]
    ) -> None:
        """Start without any provider."""
        self._spec = spec
        self._own = own
        self._api_key = api_key
        self._made: dict[_Key, Provider] = {}
        self._http: SharedHttp | None = None

    def get(self, settings: ModelSettings) -> Provider:
        """Return the provider of a model; equal model, address and key give the same one.

        Args:
            settings: An agent, or the settings of any model.

        Raises:
            ConfigError: The model cannot be had; the text names the field and the mend.
        """
        prefix = settings.model.partition(":")[0]
        if prefix in self._own:
            return self._own[prefix]
        key = (settings.model, settings.base_url, settings.api_key_env)
        if key not in self._made:
            self._made[key] = self._make(prefix, settings)
        return self._made[key]

    async def aclose(self) -> None:
        """Let go of every provider that was made here, also where one of them fails to; idempotent."""
        made, self._made = self._made, {}
        http, self._http = self._http, None
        async with AsyncExitStack() as stack:
            if http is not None:
                stack.push_async_callback(http.aclose)
            for provider in made.values():
                stack.push_async_callback(provider.aclose)

    def _make(self, prefix: str, settings: ModelSettings) -> Provider:
        key = _field(self._spec, settings)
        if prefix == "embedded":
            return self._embedded(settings, key)
        if prefix == "python":
            from attention_moa.providers.functions import FunctionProvider

            return FunctionProvider(settings.model, key=key)
        if prefix == "command":
            from attention_moa.providers.programs import ProgramProvider

            return ProgramProvider(settings.model, key=key)
        api_key = self._api_key(settings)
        from attention_moa.providers.http import SharedHttp
        from attention_moa.providers.remote import RemoteProvider

        self._http = self._http or SharedHttp()
        return RemoteProvider(settings, api_key=api_key, http=self._http, key=key)

    def _embedded(self, settings: ModelSettings, key: str) -> Provider:
        from attention_moa.providers.embedded import EmbeddedProvider

        names, context_tokens = speakers(self._spec, settings.model)
        return EmbeddedProvider(settings.model, agents=names, context_tokens=context_tokens, key=key)


class Speakers(NamedTuple):
    """Who speaks through a model, and the largest context window that any of them asks for."""

    names: tuple[str, ...]
    context_tokens: int | None


def speakers(spec: EnsembleSpec, model: str) -> Speakers:
    """Return who speaks through a model in a run, agents first, then the writers and their fallbacks.

    Args:
        spec: The ensemble.
        model: ``provider:model``.

    Source: ours; a local model keeps a slot, and with it a cache, for each of them.
    """
    found = [agent for agent in all_agents(spec) if agent.model == model]
    windows = [window for agent in found if (window := agent.window_tokens) is not None]
    return Speakers(tuple(dict.fromkeys(agent.name for agent in found)), max(windows, default=None))


def _field(spec: EnsembleSpec, settings: ModelSettings) -> str:
    """Return the dotted name of the field that names this model, for errors."""
    for index, agent in enumerate(spec.agents):
        if agent.model == settings.model:
            return f"agents[{index}].model"
    for at, writer in (("summary", spec.summary), ("residual", spec.residual)):
        if writer.model == settings.model:
            return f"{at}.model"
        if settings.model in writer.fallback:
            return f"{at}.fallback[{writer.fallback.index(settings.model)}]"
    return "model"
