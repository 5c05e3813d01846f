"""Whether all who answer and judge can work at all, looked at before anything is paid for: no request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import aclosing

from attention_moa.agents import ModelSettings
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec, all_agents
from attention_moa.errors import ConfigError
from attention_moa.providers import ProviderPool
from attention_moa.settings import api_key

_Model = tuple[str, str | None, str | None]


async def require_ready(systems: Iterable[System], judge: EnsembleSpec | None) -> None:
    """Raise a ``ConfigError`` where a model of a system or of the judge cannot be had: its key, package or file lacks.

    Args:
        systems: Who answers.
        judge: Who judges; None for nobody.
    """
    seen: set[_Model] = set()
    if judge is not None:
        await _require("--judge", judge, seen)
    for system in systems:
        await _require(system.name, system.spec, seen)


async def _require(who: str, spec: EnsembleSpec, seen: set[_Model]) -> None:
    async with aclosing(ProviderPool(spec, own={}, api_key=api_key)) as pool:
        for agent in _unseen(spec, seen):
            try:
                pool.get(agent)
            except ConfigError as error:
                raise ConfigError(str(error), key=who) from error


def _unseen(spec: EnsembleSpec, seen: set[_Model]) -> Iterator[ModelSettings]:
    """Yield an agent for each model that nobody has looked at."""
    for agent in all_agents(spec):
        model = (agent.model, agent.base_url, agent.api_key_env)
        if model not in seen:
            seen.add(model)
            yield agent
