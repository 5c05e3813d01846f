"""How requests were answered, in numbers: beside those of runs, in the same registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from prometheus_client import Counter, Histogram

from attention_moa.telemetry.metrics import Metrics

_FIRST_BYTE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)


class Answered(NamedTuple):
    """A request that is over.

    Args:
        method: HTTP's.
        route: As it stands in the OpenAPI document; empty where there is none, so that no path makes a series.
        status: HTTP's; None where the client left before there was an answer.
        first_byte_s: Seconds until the first byte of the answer's body; None where none was sent.
    """

    method: str
    route: str
    status: int | None
    first_byte_s: float | None


class RequestNumbers:
    """Counts requests that are over.

    Args:
        metrics: Whose registry has the numbers.
    """

    def __init__(self, metrics: Metrics) -> None:
        """Start at zero."""
        self._requests = Counter(
            "attention_moa_requests", "Requests that are over.", ("route", "status"), registry=metrics.registry
        )
        self._first_byte_s = Histogram(
            "attention_moa_first_byte_seconds",
            "Seconds until the first byte of an answer.",
            ("route",),
            buckets=_FIRST_BYTE_S,
            registry=metrics.registry,
        )

    def __call__(self, request: Answered) -> None:
        """Count one."""
        route = f"{request.method} {request.route}" if request.route else "other"
        self._requests.labels(route, "left" if request.status is None else str(request.status)).inc()
        if request.first_byte_s is not None:
            self._first_byte_s.labels(route).observe(request.first_byte_s)


@asynccontextmanager
async def watched_loop(metrics: Metrics) -> AsyncGenerator[None, None]:
    """While entered, measure how late the event loop is."""
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(metrics.watch_loop())
        try:
            yield
        finally:
            watching.cancel()
