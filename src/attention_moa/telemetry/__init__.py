"""What a run tells of itself to those who run a server: log lines, metrics, traces. All are observers of its events.

Nothing of it needs more than the standard library until metrics or traces are opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attention_moa.errors import ConfigError

if TYPE_CHECKING:
    from attention_moa.telemetry.metrics import Metrics
    from attention_moa.telemetry.tracing import Tracing


def open_metrics() -> Metrics:
    """Return metrics of one's own, all at zero.

    Raises:
        ConfigError: The library for them is not installed.
    """
    try:
        from attention_moa.telemetry.metrics import Metrics
    except ModuleNotFoundError as error:
        raise _missing("metrics need prometheus-client", "server", error) from error
    return Metrics()


def open_tracing() -> Tracing:
    """Return what sends traces to where the variables of OpenTelemetry say (``OTEL_EXPORTER_OTLP_ENDPOINT``); close it.

    Raises:
        ConfigError: The library for them is not installed.
    """
    try:
        from attention_moa.telemetry.tracing import Tracing, otlp_provider
    except ModuleNotFoundError as error:
        raise _missing("traces need OpenTelemetry", "otel", error) from error
    return Tracing(otlp_provider())


def _missing(what: str, extra: str, error: ModuleNotFoundError) -> ConfigError:
    """Return what to do where an extra is not installed; raise a fault of our own as it is."""
    if (error.name or "").startswith("attention_moa"):
        raise error
    return ConfigError(f"{what}: pip install 'attention-moa[{extra}]', or in a clone pip install -e '.[{extra}]'")
