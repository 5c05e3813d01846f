"""What an ensemble may be made to do on the page: no more than files of the machine's owner did when the server began.

Who edits a file on the page reaches this machine through it: the keys in its environment, the hosts that they are sent
to, the programs that it runs and the files that it reads. An admin's key is no leave for these; the owner's files and
the server's settings are. Pure but for looking at where paths lead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import cast
from urllib.parse import urlsplit

from attention_moa.agents import AgentSpec, ModelSettings, require
from attention_moa.config import EnsembleSpec, all_agents, residual_chain, summary_chain
from attention_moa.settings import KEY_VARIABLES
from attention_moa.toml_specs import parse_toml

_LOCAL = ("command", "embedded", "python")
"""Providers that run or read something of this machine."""

_SHIPPED = "embedded:smollm2"
_PLAIN = re.compile(r"[!-\[\]-~]+")
"""ASCII that can be seen, but for the backslash."""

_PORTS = {"http": 80, "https": 443}


class EditRules:
    """What ensembles may be made to do.

    Args:
        specs: The ensembles as they were when the server began.
        key_names: Variables beside those that they name.
        hosts: Origins to which any of these keys may go, beside where each went.
    """

    def __init__(
        self, specs: Iterable[EnsembleSpec], *, key_names: Iterable[str] = (), hosts: Iterable[str] = ()
    ) -> None:
        """Note what the ensembles do."""
        kept = tuple(specs)
        began = [agent for spec in kept for agent in _speakers(spec)]
        self._folders = {spec.prompts.folder for spec in kept if spec.prompts.folder}
        self._models = {agent.model for agent in began if _provider(agent) in _LOCAL} | {_SHIPPED}
        self._given = frozenset(key_names)
        self._names = {name for agent in began for name in _keys(agent)} | self._given
        self._hosts = {origin_of(host) for host in hosts}
        self._places = {_place(agent) for agent in began} | self._hosts
        self._sent = {(name, _place(agent)) for agent in began for name in _keys(agent)}

    @property
    def key_names(self) -> tuple[str, ...]:
        """The variables that may be named, sorted."""
        return tuple(sorted(self._names))

    def require(self, spec: EnsembleSpec) -> None:
        """Raise where an ensemble would do what no file did.

        Args:
            spec: As it would be.

        Raises:
            ConfigError: The text names the field, and how its owner may allow it.
        """
        for agent in _speakers(spec):
            self._require_model(agent)
            self._require_address(agent)
            for name in _keys(agent):
                self._require_key(agent, name)

    def require_folder(self, text: str, folder: Path) -> None:
        """Raise where the templates that a file names are not inside its folder.

        Args:
            text: The file as it would be.
            folder: Where it is.

        Raises:
            ConfigError: It is not TOML, or they are elsewhere, or a link leads elsewhere.
        """
        prompts = parse_toml(text, name="the file", key="ensemble").get("prompts")
        told = cast("dict[str, object]", prompts).get("folder") if isinstance(prompts, dict) else None
        if not isinstance(told, str) or not told:
            return
        place = folder / told
        if str(place.absolute()) in self._folders:
            return
        is_plain = "\\" not in told and "\0" not in told and not told.startswith(("/", "~"))
        require(is_plain and ".." not in PurePosixPath(told).parts, "prompts.folder", _ELSEWHERE)
        root = folder.resolve()
        for path in (place, *sorted(place.glob("*.md"))):
            require(path.resolve().is_relative_to(root), "prompts.folder", _ELSEWHERE)

    def _require_model(self, agent: AgentSpec) -> None:
        is_known = _provider(agent) not in _LOCAL or agent.model in self._models
        why = f"{agent.model!r} would run or read something of this machine that no file named when the server began"
        require(is_known, f"{agent.name}: model", f"{why}: write it into the file by hand, and start the server anew")

    def _require_address(self, agent: AgentSpec) -> None:
        is_known = agent.base_url is None or _place(agent) in self._places
        why = "no file led there when the server began: list it in ui_hosts of the server's settings"
        require(is_known, f"{agent.name}: base_url", f"{_place(agent)}: {why}")

    def _require_key(self, agent: AgentSpec, name: str) -> None:
        place, own = _place(agent), agent.api_key_env is not None
        known = ", ".join(self.key_names) or "none"
        why = f"{name} is none of the names that may be used here ({known}): list it in ui_key_names"
        require(not own or name in self._names, f"{agent.name}: api_key_env", why)
        is_sent = (name, place) in self._sent or place in self._hosts or self._is_free(agent, name)
        why = f"the key in {name} was not sent to {place} when the server began: list the address in ui_hosts"
        require(is_sent, f"{agent.name}: base_url", why)

    def _is_free(self, agent: AgentSpec, name: str) -> bool:
        """Whether a key goes where its owner's settings give it to, or where it belongs."""
        belongs = agent.base_url is None and name in KEY_VARIABLES.get(_provider(agent), ())
        return belongs or name in self._given


_ELSEWHERE = "templates are taken from the ensemble's own folder alone: write a path in it, without '..' or links out"


def origin_of(address: str) -> str:
    """Return an address's origin, in small letters and with its port: ``https://api.example.com:443``.

    One that is written so that two programs might read two hosts in it stands for itself alone.
    """
    parts = urlsplit(address)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    try:
        port = parts.port or _PORTS.get(scheme)
    except ValueError:  # no number, or none of a port
        port = None
    is_plain = _PLAIN.fullmatch(address) is not None and host and port
    return f"{scheme}://{host}:{port}" if is_plain else address


def _speakers(spec: EnsembleSpec) -> Iterator[AgentSpec]:
    """Yield everybody whom an ensemble names, also who would not speak as it is."""
    yield from spec.agents
    yield from all_agents(spec)
    yield from summary_chain(spec)
    yield from residual_chain(spec)


def _provider(settings: ModelSettings) -> str:
    return settings.model.partition(":")[0]


def _place(settings: ModelSettings) -> str:
    """Return where an agent's requests go: an origin, or the provider's own."""
    return _provider(settings) if settings.base_url is None else origin_of(settings.base_url)


def _keys(settings: ModelSettings) -> tuple[str, ...]:
    """Return the variables that an agent's key may come from, as ``settings.api_key`` looks for it."""
    if settings.api_key_env is not None:
        return (settings.api_key_env,)
    provider = _provider(settings)
    return () if settings.base_url is not None and provider != "azure" else KEY_VARIABLES.get(provider, ())
