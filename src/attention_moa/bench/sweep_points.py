"""The points of a sweep: every combination of its values, each an ensemble of its own. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from msgspec import Struct

from attention_moa.bench.sweep_axes import AXES, applied, changed, label_of, too_few
from attention_moa.bench.sweep_file import SweepSpec, Value, Vary
from attention_moa.bench.systems import System, named_systems, with_most_tokens
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError

QUESTIONS = "benchmark"
"""The axis that changes the questions and not the ensemble."""

EACH = "*"
"""Every agent of the ensemble, as the aggregator."""

_FIELDS_PLACE = list(AXES).index("ablation") - 0.5
_MOST = 500


class Point(Struct, frozen=True, kw_only=True):
    """One combination of values.

    Args:
        labels: What its values are called, in the order of the axes.
        benchmark: What is asked.
        system: What answers.
    """

    labels: tuple[str, ...]
    benchmark: str
    system: System

    @property
    def label(self) -> str:
        """All its values in a line."""
        return ", ".join(self.labels)


class Points(NamedTuple):
    """All points of a sweep.

    Args:
        axes: What is varied, in order.
        points: In the order of the values.
        left_out: Combinations that make no sense, a sentence each.
    """

    axes: tuple[str, ...]
    points: tuple[Point, ...]
    left_out: tuple[str, ...]

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """What is asked, each once."""
        return tuple(dict.fromkeys(point.benchmark for point in self.points))


def points_of(sweep: SweepSpec, base: EnsembleSpec) -> Points:
    """Return the points of a sweep.

    Left out are combinations that are the same ensemble as an earlier one, those that take more agents than there are,
    and those with a number of layers that their strategy cannot have: it would have another one, under a label that is
    not true.

    Args:
        sweep: What is varied.
        base: The ensemble.

    Raises:
        ConfigError: A value makes no ensemble; the text names the point and the field. Or there are too many points.
    """
    axes = tuple(one.axis for one in sweep.vary)
    base = with_most_tokens(changed(base, sweep.change), sweep.max_tokens)
    found: list[tuple[tuple[str, ...], str, EnsembleSpec]] = []
    left_out: list[str] = []
    for values in product(*(_values(one, base) for one in sweep.vary)):
        labels = tuple(label_of(axis, value) for axis, value in zip(axes, values, strict=True))
        label = ", ".join(labels)
        benchmark = str(values[axes.index(QUESTIONS)]) if QUESTIONS in axes else sweep.benchmark
        few = _too_few(base, axes, values)
        if few is not None:
            left_out.append(f"{label}: {few}")
            continue
        spec = _varied(base, axes, values)
        if "layers" in axes and spec.layers != values[axes.index("layers")]:
            left_out.append(f"{label}: {spec.strategy} has {spec.layers} layers or more")
            continue
        same = next((", ".join(one) for one, asked, other in found if (asked, other) == (benchmark, spec)), None)
        if same is not None:
            left_out.append(f"{label}: the same as {same}")
        else:
            found.append((labels, benchmark, spec))
    if len(found) > _MOST:
        raise ConfigError(f"{len(found)} points: at most {_MOST}; vary less at once", key="vary")
    return Points(axes, _named(found), tuple(left_out))


def _values(vary: Vary, base: EnsembleSpec) -> tuple[Value, ...]:
    """Return the values of an axis; ``*`` stands for every agent as the aggregator."""
    if vary.axis != "aggregator" or EACH not in vary.values:
        return vary.values
    agents = [agent.name for agent in base.agents]
    values: list[Value] = []
    for value in vary.values:
        values += [name for name in (agents if value == EACH else [value]) if name not in values]
    return tuple(values)


def _named(found: Sequence[tuple[tuple[str, ...], str, EnsembleSpec]]) -> tuple[Point, ...]:
    """Return points whose systems have names that say what they are, unique over all questions."""
    systems = named_systems([("_".join(labels), spec) for labels, _, spec in found])
    return tuple(
        Point(labels=labels, benchmark=benchmark, system=system)
        for (labels, benchmark, _), system in zip(found, systems, strict=True)
    )


def _varied(base: EnsembleSpec, axes: Sequence[str], values: Sequence[Value]) -> EnsembleSpec:
    """Return the ensemble of a point: agents first, then settings, then what makes another method of it all."""
    spec = base
    for axis, value in sorted(zip(axes, values, strict=True), key=lambda pair: _rank(pair[0])):
        if axis == QUESTIONS:
            continue
        try:
            spec = applied(spec, axis, value)
        except ConfigError as error:
            text = str(error).removeprefix(f"{axis}: ")
            label = label_of(axis, value)
            says_it = text.startswith((f"{label} ", f"{label!r} "))
            raise ConfigError(text if says_it else f"{label}: {text}", key=axis) from error
    return spec


def _too_few(base: EnsembleSpec, axes: Sequence[str], values: Sequence[Value]) -> str | None:
    """Return why a point takes more agents than it has; None where it has enough."""
    agents = [(axis, value) for axis, value in zip(axes, values, strict=True) if axis == "agents"]
    spec = _varied(base, [axis for axis, _ in agents], [value for _, value in agents])
    reasons = (too_few(spec, axis, value) for axis, value in zip(axes, values, strict=True))
    return next((reason for reason in reasons if reason is not None), None)


def _rank(axis: str) -> float:
    names = list(AXES)
    return names.index(axis) if axis in AXES else _FIELDS_PLACE
