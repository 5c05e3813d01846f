"""What a sweep can vary: each axis makes of an ensemble and a value another ensemble. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec import to_builtins
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.baselines.derive import BASELINES, baseline_specs
from attention_moa.bench.report_words import count
from attention_moa.bench.sweep_adversaries import with_adversary
from attention_moa.bench.sweep_file import Value
from attention_moa.config import ATTENTION_MOA, EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.toml_specs import to_spec

Change = Mapping[str, object]

ABLATIONS: Mapping[str, Change] = {
    "full": {},
    "no-self-attention": {"attention.self": False},
    "self-only": {"attention.peers": 0},
    "no-attention": {"attention.self": False, "attention.peers": 0},
    "no-residual": {"residual": {"enabled": False}, "early_stop.rule": "none"},
    "no-early-stop": {"early_stop.rule": "none"},
    "panel": {"attention.mode": "panel"},
    "pairwise": {"attention.mode": "pairwise"},
    "layout-paper": {"layout": "paper"},
    "layout-continue": {"layout": "continue"},
    "layout-compact": {"layout": "compact"},
    "history-outputs": {"residual.history": "outputs"},
    "history-summaries": {"residual.history": "summaries"},
    "labels": {"attention.labels": True},
}
"""Parts that are left out or changed, as dotted fields; ``sparse-K`` is beside them."""

_SPARSE = "sparse-"


def applied(spec: EnsembleSpec, axis: str, value: Value) -> EnsembleSpec:
    """Return an ensemble with another value on an axis.

    Args:
        spec: The ensemble.
        axis: A name of ``AXES``, or a dotted field.
        value: The value.

    Raises:
        ConfigError: There is no such axis or value, or the ensemble cannot have it.
    """
    change = AXES.get(axis)
    return changed(spec, {axis: value}) if change is None else change(spec, value)


def changed(spec: EnsembleSpec, fields: Change) -> EnsembleSpec:
    """Return an ensemble with other settings.

    Args:
        spec: The ensemble.
        fields: Values by dotted field.

    Raises:
        ConfigError: There is no such field, or it cannot have that value.
    """
    document = cast("dict[str, Any]", to_builtins(spec))
    for field, value in fields.items():
        table, dot, name = field.rpartition(".")
        place: object = document.setdefault(table, {}) if dot else document
        if not isinstance(place, dict):
            raise ConfigError(f"{table} is no table of settings", key=field)
        cast("dict[str, Any]", place)[name] = value
    return to_spec(document, EnsembleSpec, {})


def label_of(axis: str, value: Value) -> str:
    """Return what a value is called in tables and figures.

    Raises:
        ConfigError: It is a table without a ``label``.
    """
    if not isinstance(value, dict):
        return str(value).lower() if isinstance(value, bool) else str(value)
    label = value.get("label")
    if not isinstance(label, str):
        raise ConfigError('a table of settings has no label: add label = "…"', key=axis)
    return label


def _agents(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    """Return the ensemble with its first agents, or with further ones of the same models."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{value!r} is not a number of agents", key="agents")
    have = len(spec.agents)
    agents = [_copy(spec.agents[at % have], at // have) for at in range(value)]
    lost = {agent.name for agent in spec.agents} - {agent.name for agent in agents}
    if missing := next((name for name in (spec.summary.model, spec.residual.model) if name in lost), None):
        raise ConfigError(f"with {value} agents {missing!r} is none of them, but writes: put it first", key="agents")
    peers = spec.attention.peers
    if peers != "all" and peers >= value:
        raise ConfigError(f"{peers} peers are too many for {value} agents: lower attention.peers", key="agents")
    summary = replace(spec.summary, fallback=tuple(name for name in spec.summary.fallback if name not in lost))
    residual = replace(spec.residual, fallback=tuple(name for name in spec.residual.fallback if name not in lost))
    return replace(spec, agents=tuple(agents), summary=summary, residual=residual)


def _copy(agent: AgentSpec, number: int) -> AgentSpec:
    """Return a further agent of the same model, under a name of its own and with a seed of its own."""
    if not number:
        return agent
    seed = None if agent.seed is None else agent.seed + number
    return replace(agent, name=f"{agent.name}-{number + 1}", seed=seed)


def _aggregator(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    """Return the ensemble with another writer of the summary, whom the residual agent follows."""
    summary = replace(spec.summary, model=_text("aggregator", value))
    return replace(spec, summary=summary, residual=replace(spec.residual, model=""))


def _strategy(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    """Return the ensemble, or the baseline of that name; ``single-NAME`` is one agent alone."""
    name = _text("strategy", value)
    if name == ATTENTION_MOA:
        return spec
    kind = "single" if name.startswith("single-") else name
    found = {one.name: one.spec for one in baseline_specs(spec, [kind])} if kind in BASELINES else {}
    if name not in found:
        singles = [f"single-{agent.name}" for agent in spec.agents]
        known = [ATTENTION_MOA, *(one for one in BASELINES if one != "single"), *singles]
        raise ConfigError(f"{name!r} is none: known are {', '.join(known)}", key="strategy")
    return found[name]


def _ablation(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    name = _text("ablation", value)
    if name.startswith(_SPARSE) and name.removeprefix(_SPARSE).isdigit():
        return changed(spec, {"attention.peers": int(name.removeprefix(_SPARSE))})
    if name not in ABLATIONS:
        raise ConfigError(f"{name!r} is none: known are {', '.join(ABLATIONS)}, {_SPARSE}K", key="ablation")
    return changed(spec, ABLATIONS[name])


def too_few(spec: EnsembleSpec, axis: str, value: Value) -> str | None:
    """Return why an ensemble has too few agents for a value, for a person; None where it has enough.

    Args:
        spec: The ensemble.
        axis: A name of ``AXES``, or a dotted field.
        value: The value.
    """
    if axis != "ablation" or not isinstance(value, str) or not value.startswith(_SPARSE):
        return None
    peers = value.removeprefix(_SPARSE)
    if not peers.isdigit() or int(peers) < len(spec.agents):
        return None
    return f"{count(len(spec.agents), 'agent')}, and {peers} peers of each take {int(peers) + 1}"


def _adversary(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    return with_adversary(spec, _text("adversary", value))


def _order(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    """Return the ensemble with its agents in another order; who writes stays who wrote."""
    agents = list(spec.agents)
    if value == "reversed":
        agents.reverse()
    elif isinstance(value, int) and not isinstance(value, bool):
        chance = random.Random(value)  # noqa: S311 - an order, no secret
        agents.sort(key=lambda _: chance.random())
    elif value != "given":
        raise ConfigError(f'{value!r} is no order: write "given", "reversed" or a whole number', key="order")
    summary = replace(spec.summary, model=spec.summary.model or spec.agents[0].name)
    return replace(spec, agents=tuple(agents), summary=summary)


def _settings(spec: EnsembleSpec, value: Value) -> EnsembleSpec:
    if not isinstance(value, dict):
        raise ConfigError(f"{value!r} is no table of dotted fields and a label", key="settings")
    return changed(spec, {field: one for field, one in value.items() if field != "label"})


def _text(axis: str, value: Value) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{value!r} is not text in quotes", key=axis)
    return value


AXES: Mapping[str, Callable[[EnsembleSpec, Value], EnsembleSpec]] = {
    "agents": _agents,
    "aggregator": _aggregator,
    "order": _order,
    "settings": _settings,
    "ablation": _ablation,
    "adversary": _adversary,
    "strategy": _strategy,
}
"""The axes with names of their own, in the order in which they are applied; dotted fields come before ``ablation``."""
