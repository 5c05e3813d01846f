"""Which models there are: each ensemble, and each agent of one by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from attention_moa.baselines.derive import baseline_specs
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.server.errors import not_found
from attention_moa.settings import load_spec


class Served(Struct, frozen=True, kw_only=True):
    """A model of the server.

    Args:
        name: What requests call it.
        ensemble: The ensemble that it is, or is an agent of.
        spec: What runs.
    """

    name: str
    ensemble: str
    spec: EnsembleSpec

    @property
    def fingerprint(self) -> str:
        """A hash of what runs: another one says that answers may differ."""
        return "fp_" + hashlib.sha256(msgspec.json.encode(self.spec)).hexdigest()[:12]


class Catalogue:
    """The models of a server, by name.

    Args:
        specs: The ensembles.

    Raises:
        ConfigError: Two of them have one name.
    """

    def __init__(self, specs: Iterable[EnsembleSpec]) -> None:
        """Name every ensemble and every agent."""
        self.ensembles: dict[str, EnsembleSpec] = {}
        self._served: dict[str, Served] = {}
        for spec in specs:
            if spec.name in self.ensembles:
                message = f"two ensembles are called {spec.name!r}: give one of them another name"
                raise ConfigError(message, key="ensembles")
            self.ensembles[spec.name] = spec
            for served in _served(spec):
                self._served[served.name] = served

    def renew(self, spec: EnsembleSpec) -> None:
        """Serve another ensemble in the place of the one of its name; who looks sees the one or the other, whole.

        Args:
            spec: The ensemble; one of its name has to be there.

        Raises:
            KeyError: There is none of its name.
        """
        if spec.name not in self.ensembles:
            raise KeyError(spec.name)
        self.ensembles = {name: spec if name == spec.name else one for name, one in self.ensembles.items()}
        self._served = {served.name: served for one in self.ensembles.values() for served in _served(one)}

    @property
    def served(self) -> Mapping[str, Served]:
        """All models, by name."""
        return self._served


def no_model(name: str, known: Iterable[str]) -> Exception:
    """Return the error of a model that is not there, or not there for who asks.

    Args:
        name: What was asked for.
        known: The ensembles that may be named to them.
    """
    shown = ascii(name[:80])
    message = f"the model {shown} does not exist: there are {', '.join(known)}, and their agents as ENSEMBLE/AGENT"
    return not_found(message, code="model_not_found", param="model")


def load_ensembles(names: Iterable[str]) -> tuple[EnsembleSpec, ...]:
    """Return the ensembles of shipped names, files, and folders, each ``*.toml`` of which is one.

    Raises:
        ConfigError: There is no such ensemble, one is wrong, or a folder has none.
    """
    return tuple(load_spec(one) for name in names for one in _each(name))


def _each(name: str) -> tuple[str, ...]:
    folder = Path(name)
    if not folder.is_dir():
        return (name,)
    files = tuple(str(path) for path in sorted(folder.glob("*.toml")))
    if not files:
        raise ConfigError(f"the folder {name!r} has no *.toml", key="ensembles")
    return files


def _served(spec: EnsembleSpec) -> tuple[Served, ...]:
    alone = baseline_specs(spec, ["single"])
    agents = (
        Served(name=f"{spec.name}/{single.spec.agents[0].name}", ensemble=spec.name, spec=single.spec)
        for single in alone
    )
    named = (replace(served, spec=replace(served.spec, name=served.name)) for served in agents)
    return (Served(name=spec.name, ensemble=spec.name, spec=spec), *named)
