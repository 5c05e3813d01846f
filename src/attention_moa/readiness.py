"""Whether all models of some ensembles can be had, looked at before anything is paid for: no request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import aclosing

from attention_moa.agents import ModelSettings
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError
from attention_moa.ports import Provider
from attention_moa.providers import ProviderPool
from attention_moa.settings import api_key

_Model = tuple[str, str | None, str | None]


async def require_models(ensembles: Iterable[tuple[str, EnsembleSpec]], *, own: Mapping[str, Provider]) -> None:
    """Raise where a model of an ensemble cannot be had: its key, package or file lacks.

    Args:
        ensembles: Each with the name by which an error tells of it.
        own: Providers of one's own by the prefix of the model string.

    Raises:
        ConfigError: One of them cannot; the text names the ensemble, the field and the mend.
    """
    seen: set[_Model] = set()
    for name, spec in ensembles:
        async with aclosing(ProviderPool(spec, own=own, api_key=api_key)) as pool:
            for agent in _unseen(spec, seen):
                try:
                    pool.get(agent)
                except ConfigError as error:
                    raise ConfigError(str(error), key=name) from error


def _unseen(spec: EnsembleSpec, seen: set[_Model]) -> Iterator[ModelSettings]:
    """Yield an agent for each model that nobody has looked at."""
    for agent in all_agents(spec):
        model = (agent.model, agent.base_url, agent.api_key_env)
        if model not in seen:
            seen.add(model)
            yield agent
