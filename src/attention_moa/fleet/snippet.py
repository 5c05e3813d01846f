"""An ensemble whose agents are the models of a fleet."""

from __future__ import annotations

import json
import re

from attention_moa.fleet.spec import FleetSpec

KEY_VARIABLE = "ATTENTION_MOA_FLEET_KEY"
"""Where an ensemble for a fleet that asks for a key takes it from."""


def render_ensemble(spec: FleetSpec, base_url: str, *, has_key: bool = False, layers: int = 2) -> str:
    """Return the TOML text of an ensemble of all models of a fleet, an agent each.

    Args:
        spec: The fleet.
        base_url: Where it is.
        has_key: Whether it asks for a key; the agents then take it from ``ATTENTION_MOA_FLEET_KEY``.
        layers: How many layers to run.
    """
    names = agent_names(spec)
    lines = [f"description = {_quoted(f'{len(names)} simulated models')}", f"layers = {layers}", ""]
    for name, model in zip(names, spec.models, strict=True):
        lines += ["[[agents]]", f"name = {_quoted(name)}", f"model = {_quoted(f'openai:{model.name}')}"]
        lines += [f"base_url = {_quoted(base_url)}"]
        lines += [f"api_key_env = {_quoted(KEY_VARIABLE)}"] if has_key else []
        lines += [""]
    lines += ["[summary]", f"model = {_quoted(names[0])}"]
    if len(names) > 1:
        lines += [f"fallback = [{', '.join(map(_quoted, names[1:3]))}]"]
    return "\n".join(lines) + "\n"


def agent_names(spec: FleetSpec) -> list[str]:
    """Return a name for each model that an agent can have, none twice."""
    names: list[str] = []
    for model in spec.models:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", model.name.rpartition("/")[2]).strip("-_")[:48].removeprefix("sim-")
        is_free = plain and not plain.startswith(("summary", "residual")) and plain not in names
        names.append(plain if is_free else f"model-{len(names) + 1}")
    return names


def _quoted(text: str) -> str:
    return json.dumps(text)
