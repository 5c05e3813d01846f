"""Where a fleet's spec comes from: a TOML file, or the ready fleet that comes with the package."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from attention_moa.fleet.spec import FleetSpec
from attention_moa.toml_specs import parse_toml, read_toml, to_spec

_EXAMPLES = {"models": "[[models]] tables, each with a name"}


def ready_fleet() -> str:
    """Return the TOML text of the fleet that comes with the package: five models of different speeds."""
    return resources.files("attention_moa").joinpath("fleet", "ready.toml").read_text(encoding="utf-8")


def fleet_text(path: Path | None) -> str:
    """Return the TOML text of a file, or of the ready fleet for None.

    Raises:
        ConfigError: The file cannot be read.
    """
    if path is None:
        return ready_fleet()
    missing = f"{str(path)!r} is no file: attention-moa simulate --show > {path.name} writes one to begin with"
    return read_toml(path, key="fleet", missing=missing)


def load_fleet(path: Path | None = None) -> FleetSpec:
    """Return the fleet of a file, or the ready fleet for None.

    Raises:
        ConfigError: The file cannot be read, or is wrong.
    """
    return parse_fleet(fleet_text(path), name="the fleet's file" if path is None else path.name)


def parse_fleet(text: str, *, name: str) -> FleetSpec:
    """Return the fleet that a TOML text describes.

    Args:
        text: The file's content.
        name: What errors call the file.

    Raises:
        ConfigError: It is not TOML, or a field is unknown, missing, of the wrong type or out of range.
    """
    return to_spec(parse_toml(text, name=name, key="fleet"), FleetSpec, _EXAMPLES)
