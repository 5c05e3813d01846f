"""Which ensemble a command runs: what was said of it, its checked spec, and the ensemble itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from attention_moa.cli.keeping import Keeping, Limits

if TYPE_CHECKING:
    from attention_moa.config import EnsembleSpec
    from attention_moa.runtime import Ensemble

_NO_LIMITS = Limits()


class Choice(NamedTuple):
    """What a command line says of the ensemble.

    Args:
        ensemble: A shipped one's name, or a file.
        layers: Most layers; None leaves what the ensemble says.
        model_file: A GGUF file in the place of the embedded model; None for the model itself.
    """

    ensemble: str
    layers: int | None = None
    model_file: Path | None = None

    def spec(self, limits: Limits = _NO_LIMITS) -> EnsembleSpec:
        """Return the ensemble's spec; nothing heavy is loaded for it.

        Args:
            limits: In the place of the ensemble's own.

        Raises:
            ConfigError: There is no such ensemble, or something in it is wrong.
        """
        from attention_moa.settings import load_spec

        spec = load_spec(self.ensemble)
        if self.layers is not None:
            from msgspec.structs import replace

            spec = replace(spec, layers=self.layers)
        return limits.apply(spec)

    def load(self, keeping: Keeping) -> Ensemble:
        """Return the ensemble, with its journal and limits; this imports the library.

        Args:
            keeping: Which journal, what of it serves the run, and which limits.

        Raises:
            ConfigError: As ``spec``.
        """
        from attention_moa.runtime import Ensemble

        loaded = Ensemble.load(
            self.ensemble,
            layers=self.layers,
            model_file=self.model_file,
            journal=keeping.place,
            has_reuse=keeping.has_reuse,
            is_replay=keeping.is_replay,
        )
        loaded.spec = keeping.limits.apply(loaded.spec)
        return loaded
