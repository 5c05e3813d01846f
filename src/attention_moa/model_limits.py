"""The limiters of an ensemble: one for each model and key, however many agents share it."""

from __future__ import annotations

from collections.abc import Sequence

from attention_moa.agents import ModelSettings
from attention_moa.config import CallPolicy, EnsembleSpec, all_agents
from attention_moa.limiter import Limiters
from attention_moa.pacing import Rate


def model_limiters(spec: EnsembleSpec) -> Limiters:
    """Return the limiters of an ensemble; where agents share model and key, the strictest of their limits holds."""

    def rate_of(model: ModelSettings) -> Rate:
        sharing = [agent for agent in all_agents(spec) if _line(agent) == _line(model)]
        return Rate(**{field: _strictest(sharing, spec.calls, field) for field in Rate.__struct_fields__})

    return Limiters(rate_of, pause_max_s=spec.calls.retry_wait_max_s)


def _line(model: ModelSettings) -> tuple[str, str | None, str | None]:
    return model.model, model.base_url, model.api_key_env


def _strictest(models: Sequence[ModelSettings], calls: CallPolicy, field: str) -> int | None:
    limits: list[int] = [limit for model in models if (limit := getattr(model, field)) is not None]
    most: int | None = min(limits, default=getattr(calls, field))
    return most
