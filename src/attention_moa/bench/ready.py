"""Whether all who answer and judge can work at all, looked at before anything is paid for: no request is sent."""

from __future__ import annotations

from collections.abc import Iterable

from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.readiness import require_models


async def require_ready(systems: Iterable[System], judge: EnsembleSpec | None) -> None:
    """Raise a ``ConfigError`` where a model of a system or of the judge cannot be had: its key, package or file lacks.

    Args:
        systems: Who answers.
        judge: Who judges; None for nobody.
    """
    judges = [] if judge is None else [("--judge", judge)]
    await require_models([*judges, *((system.name, system.spec) for system in systems)], own={})
