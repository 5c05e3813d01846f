"""The text of a new ensemble file, from the models that were found. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence

from msgspec import Struct

from attention_moa.cli.discovery import LocalServer

_MOST_AGENTS = 5
_FEWEST_AGENTS = 3
_ROLES = (
    ("exact", "You are exact: you check facts, numbers and each step of an argument."),
    ("clear", "You explain clearly, with an example where one helps."),
    ("wary", "You look for what others miss: exceptions, risks, other readings of the question."),
)
_USUAL: dict[str, tuple[str, ...]] = {
    "openrouter": (
        "qwen/qwen3-32b",
        "mistralai/mistral-small-3.2-24b-instruct",
        "deepseek/deepseek-chat-v3.1",
    ),
    "anthropic": ("claude-sonnet-4-5",),
    "openai": ("gpt-4.1",),
    "google": ("gemini-2.5-pro",),
    "mistral": ("mistral-small-latest",),
    "deepseek": ("deepseek-chat",),
    "alibaba": ("qwen-max",),
    "groq": ("openai/gpt-oss-20b",),
}
"""Models to begin with, by provider; what is not here is left to the user."""


class Found(Struct, frozen=True, kw_only=True):
    """A model that can be used.

    Args:
        model: ``provider:model``.
        base_url: Its address, for servers on this machine.
    """

    model: str
    base_url: str | None = None


class Offer(Struct, frozen=True, kw_only=True):
    """One source of models.

    Args:
        title: What it is, for a person.
        models: At least one.
        is_one_at_a_time: Whether its models share a machine, so that calls should wait for each other.
    """

    title: str
    models: tuple[Found, ...]
    is_one_at_a_time: bool = False


def offers_of(keys: Mapping[str, str], servers: Iterable[LocalServer]) -> list[Offer]:
    """Return the sources of models that are here; the embedded model where there is nothing else.

    Args:
        keys: Providers that can be used, as their key is in the environment, with its variable.
        servers: Model servers on this machine.
    """
    offers = [
        Offer(
            title=f"{server.title} at {server.address}",
            models=tuple(
                Found(model=f"{server.provider}:{model.name}", base_url=server.address)
                for model in server.models[:_FEWEST_AGENTS]
            ),
            is_one_at_a_time=True,
        )
        for server in servers
    ]
    offers += [
        Offer(title=f"key in {keys[provider]}", models=tuple(Found(model=f"{provider}:{name}") for name in names))
        for provider, names in _USUAL.items()
        if provider in keys
    ]
    return offers or [Offer(title="the embedded model", models=(Found(model="embedded:smollm2"),))]


def remarks_on(keys: Mapping[str, str], missing: Container[str]) -> list[str]:
    """Return a line for each key that makes no offer, with what is to be done about it.

    Args:
        keys: Providers whose key is in the environment, with its variable.
        missing: Those of them whose package is not installed.
    """
    remarks: list[str] = []
    for provider, variable in keys.items():
        if provider in missing:
            remarks.append(f"key in {variable}, not usable yet: pip install 'attention-moa[{provider}]'")
        elif provider not in _USUAL:
            remarks.append(f'key in {variable}: name a model yourself, as "{provider}:MODEL"')
    return remarks


def draft(offers: Sequence[Offer], layers: int) -> str:
    """Return a TOML text of an ensemble of the models that are offered: three to five agents.

    Every source gives its first model, then every source its second, and so on. Where there are fewer than three
    models, agents of the same model differ in role and temperature.

    Args:
        offers: At least one.
        layers: Most layers.
    """
    models = _in_turn([offer.models for offer in offers])[:_MOST_AGENTS]
    lines = [
        "# Written by attention-moa ensemble new. Keys come from the environment and are not in here.",
        "# Everything can be changed; attention-moa ensemble check FILE tells what works.",
        "",
        f"layers = {layers}",
    ]
    count = max(_FEWEST_AGENTS, len(models))
    names: list[str] = []
    for place in range(count):
        found = models[place % len(models)]
        is_shared = count > len(models)
        names.append(_name(found.model, names, _ROLES[place % 3][0] if is_shared else None))
        lines += ["", "[[agents]]", f"name = {_quoted(names[-1])}", f"model = {_quoted(found.model)}"]
        if found.base_url:
            lines.append(f"base_url = {_quoted(found.base_url)}")
        if is_shared:
            lines += [f"role = {_quoted(_ROLES[place % 3][1])}", f"temperature = {(0.3, 0.7, 1.0)[place % 3]}"]
        if found.model.startswith("embedded:"):
            lines.append("max_tokens = 96 # the embedded model is slow and small")
    lines += ["", "[summary] # the strongest model belongs here", f"model = {_quoted(names[0])}"]
    lines.append(f"fallback = {json.dumps(names[1:])}")
    if any(offer.is_one_at_a_time for offer in offers):
        lines += ["", "[calls]", "concurrency = 2 # calls to one model at once: what a server on this machine bears"]
        lines.append("first_token_timeout_s = 900 # a model may have to be loaded first")
        lines.append("timeout_s = 1800")
    return "\n".join(lines) + "\n"


def _in_turn(sources: Sequence[Sequence[Found]]) -> list[Found]:
    longest = max(len(models) for models in sources)
    return [models[place] for place in range(longest) for models in sources if place < len(models)]


def _name(model: str, taken: Sequence[str], role: str | None) -> str:
    """Return a free agent name: the role, or the model's own name without its maker and odd characters."""
    own = model.partition(":")[2].rstrip("/").rpartition("/")[2]
    base = role or re.sub(r"[^A-Za-z0-9.]+", "-", own)[:40].strip("-.") or "agent"
    if base.startswith(("summary", "residual")):
        base = f"agent-{base}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


def _quoted(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
