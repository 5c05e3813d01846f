"""What a sweep's file says: which ensemble, which questions, and what is varied."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.bench.sweep_prompts import SETS
from attention_moa.bench.tasks import TASKS
from attention_moa.errors import ConfigError
from attention_moa.settings import shipped_ensembles
from attention_moa.toml_specs import parse_toml, read_toml, to_spec

Value: TypeAlias = bool | int | float | str | dict[str, object]
_EXAMPLES = {
    "vary": "[[vary]] tables, each with an axis and values",
    "axis": 'axis = "layers"',
    "values": "values = […]",
}


class Vary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is varied.

    Args:
        axis: What: a name that ``sweep_axes`` knows, or a dotted field of an ensemble.
        values: What it is in turn.
    """

    axis: str
    values: tuple[Value, ...]


class SweepSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sweep, as its file says it.

    Args:
        vary: What is varied; the first one is the x-axis.
        title: One line, over the figures.
        description: What it is to find out.
        ensemble: The one that is varied: a shipped name, or a file.
        benchmark: A benchmark, a file of questions, or a set of questions that ships.
        judge: Who judges; None for nobody.
        limit: At most so many questions of each set; None for all.
        seed: By which they are drawn; None for the first ones.
        max_tokens: A cap for every reply; None for none.
        change: Dotted fields that every point has, and what they are.
    """

    vary: tuple[Vary, ...]
    title: str = ""
    description: str = ""
    ensemble: str = "embedded"
    benchmark: str = "adversarial"
    judge: str | None = None
    limit: int | None = None
    seed: int | None = None
    max_tokens: int | None = None
    change: dict[str, object] = {}

    def __post_init__(self) -> None:
        """Check what types cannot say; raise a ``ConfigError`` that names the field."""
        if not self.vary:
            raise ConfigError("nothing is varied: add at least one [[vary]] table with an axis and values", key="vary")
        axes = [one.axis for one in self.vary]
        for index, one in enumerate(self.vary):
            if not one.values:
                raise ConfigError("no value: write at least one", key=f"vary[{index}].values")
            if axes.count(one.axis) > 1:
                raise ConfigError(f"{one.axis!r} is varied twice: put its values together", key=f"vary[{index}].axis")
        for field in ("limit", "max_tokens"):
            value = getattr(self, field)
            if value is not None and value < 1:
                raise ConfigError(f"{value} is not 1 or more", key=field)


def shipped_sweeps() -> tuple[str, ...]:
    """Return the names of the sweeps that come with the package, sorted."""
    files = resources.files("attention_moa").joinpath("bench", "sweeps").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def sweep_text(name_or_path: str) -> str:
    """Return the TOML text of a shipped sweep or of a file.

    Raises:
        ConfigError: There is no such sweep, or its file cannot be read.
    """
    names = shipped_sweeps()
    if name_or_path in names:
        place = resources.files("attention_moa").joinpath("bench", "sweeps", f"{name_or_path}.toml")
        return place.read_text(encoding="utf-8")
    close = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    missing = f"{name_or_path!r} is neither a file nor a shipped sweep: {hint}shipped are {', '.join(names)}"
    return read_toml(Path(name_or_path), key="sweep", missing=missing)


def load_sweep(name_or_path: str) -> SweepSpec:
    """Return the sweep of a shipped name or of a file; what a file names is looked for beside it.

    Args:
        name_or_path: A name that ``shipped_sweeps`` lists, or a path.

    Raises:
        ConfigError: There is no such sweep, or its file is wrong; the text names the field.
    """
    text = sweep_text(name_or_path)
    spec = to_spec(parse_toml(text, name=name_or_path, key="sweep"), SweepSpec, _EXAMPLES)
    if name_or_path in shipped_sweeps():
        return spec
    folder = Path(name_or_path).parent
    vary = tuple(
        replace(one, values=tuple(questions_beside(folder, value) for value in one.values))
        if one.axis == "benchmark"
        else one
        for one in spec.vary
    )
    benchmark = str(questions_beside(folder, spec.benchmark))
    return replace(spec, vary=vary, benchmark=benchmark, ensemble=_ensemble_beside(folder, spec.ensemble))


def questions_beside(folder: Path, value: Value) -> Value:
    """Return the name of a benchmark or set as it is, and the path of a file as seen from here.

    Args:
        folder: What paths are relative to.
        value: A name or a path.
    """
    return value if value in {*TASKS, *SETS} or not isinstance(value, str) else str(folder / value)


def _ensemble_beside(folder: Path, name: str) -> str:
    return name if name in shipped_ensembles() else str(folder / name)
