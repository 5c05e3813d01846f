"""What Inspect AI finds by this package's entry point: the model provider ``attention-moa``."""

# pyright: basic, reportMissingImports=false
# Inspect AI comes with an extra of its own: where the package is checked it is not there, and all of it is unknown.

from __future__ import annotations

from inspect_ai.model import modelapi


@modelapi(name="attention-moa")
def attention_moa() -> type:
    """Return the provider; nothing of an ensemble is loaded before."""
    from attention_moa.frameworks.inspect_ai import EnsembleAPI

    return EnsembleAPI
