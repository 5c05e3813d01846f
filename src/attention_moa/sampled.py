"""How a caller wants an answer to be drawn, put into an ensemble: on those who write it, and on nobody else. Pure."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import fields, replace

from attention_moa.config import EnsembleSpec
from attention_moa.messages import Sampling
from attention_moa.strategies import WITHOUT_WRITERS

_EFFORTS: dict[str, bool | Literal["low", "medium", "high"]] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
EFFORTS = tuple(_EFFORTS)
"""The efforts of reasoning that clients name, from the least up."""


def sampled(spec: EnsembleSpec, sampling: Sampling) -> EnsembleSpec:
    """Return the ensemble with the set fields of ``sampling`` on the agents that write its answer.

    They are the summary agent's and the residual agent's, in every layer: any of them may be the last; and those of
    the fallbacks that write in their place. Where the answer is one of the agents' own, they are all agents'.

    Args:
        spec: The ensemble.
        sampling: What the caller asks for; None leaves what the ensemble says.

    Raises:
        ConfigError: A number is out of its range; the key names the field (``summary.temperature``).

    Source: ours.
    """
    own = {field.name: value for field in fields(sampling) if (value := getattr(sampling, field.name)) is not None}
    if not own:
        return spec
    if spec.strategy in WITHOUT_WRITERS:
        return replace(spec, agents=tuple(replace(agent, **own) for agent in spec.agents))
    return replace(spec, drawn=replace(spec.drawn, **own))


def thinking_of(effort: str) -> bool | Literal["low", "medium", "high"]:
    """Return what an effort of reasoning, as clients name it, is among ours; one finer than ours is the nearest.

    Args:
        effort: One of ``EFFORTS``.

    Raises:
        KeyError: There is no such effort.
    """
    return _EFFORTS[effort]
