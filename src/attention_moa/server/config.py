"""What a server is told: where it listens, what it serves, its limits; by a TOML file or the command line."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct

from attention_moa.agents import require
from attention_moa.errors import ConfigError
from attention_moa.toml_specs import parse_toml, read_toml, to_spec

ProgressStyle: TypeAlias = Literal["off", "comments", "reasoning"]
Cadence: TypeAlias = Literal["every", "user"]
OnDisconnect: TypeAlias = Literal["cancel", "finish"]


class ServerConfig(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={
        "is_unjournaled": "no_journal",
        "is_public_forced": "force_public",
        "has_isolated_caches": "isolate_caches",
    },
):
    """What a server is told.

    Args:
        ensembles: Shipped names, files, and folders, each ``*.toml`` of which is served.
        host: Where it listens.
        port: 0 takes a free one.
        journal: Path or URL; None for the usual one.
        is_unjournaled: Whether nothing is kept (``no_journal`` in TOML).
        is_public_forced: Whether it may listen on a public address although no key exists (``force_public``).
        progress: What streams show of the deliberation unless a request says otherwise.
        cadence: ``every`` turn is deliberated, or those of a ``user`` alone.
        on_disconnect: What becomes of a run when its client leaves.
        has_isolated_caches: Whether no provider's prefix cache is shared between keys (``isolate_caches``).
        allowed_hosts: Names by which it may be called, beside its own.
        cors_origins: Origins whose pages may call it from a browser.
        max_body_mib: Largest body of a request.
        body_timeout_s: Most seconds for a body to arrive.
        max_messages: Most messages of a request.
        max_runs: Most runs at once.
        drain_s: Seconds that runs under way have to finish once the server is told to end.
        keepalive_s: Most seconds between two bytes of a stream.
        log_format: Of the logs on standard error.
        log_level: The least that they tell; ``debug`` has lines of each call, with what models said.
        bench_folders: Folders of benchmarks whose reports are on the page, for everybody who is let in.
        ui_key_names: Variables that hold keys which an ensemble may be given on the page, beside those that it had.
        ui_hosts: Origins to which an ensemble may be led on the page with whatever key it has, beside where it was.
    """

    ensembles: tuple[str, ...] = ("embedded",)
    host: str = "127.0.0.1"
    port: int = 8000
    journal: str | None = None
    is_unjournaled: bool = False
    is_public_forced: bool = False
    progress: ProgressStyle = "comments"
    cadence: Cadence = "every"
    on_disconnect: OnDisconnect = "cancel"
    has_isolated_caches: bool = False
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    max_body_mib: float = 20.0
    body_timeout_s: float = 30.0
    max_messages: int = 1000
    max_runs: int = 200
    drain_s: float = 30.0
    keepalive_s: float = 10.0
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["info", "debug"] = "info"
    bench_folders: tuple[str, ...] = ()
    ui_key_names: tuple[str, ...] = ()
    ui_hosts: tuple[str, ...] = ()

    @property
    def may_be_open(self) -> bool:
        """Whether the server may be without keys: only this machine reaches it, or that was said to be meant."""
        return self.is_public_forced or self.is_loopback

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone reaches it."""
        return _is_loopback(self.host)

    def __post_init__(self) -> None:
        """Check what types cannot say; raise a ``ConfigError`` that names the field."""
        require(bool(self.ensembles), "ensembles", "empty: name at least one ensemble")
        require(bool(self.host.strip()), "host", "empty: write an address, such as 127.0.0.1")
        require(0 <= self.port <= 65535, "port", f"{self.port} is not from 0 to 65535")
        is_both = self.is_unjournaled and self.journal is not None
        require(not is_both, "no_journal", "true, yet journal names one: leave out the one or the other")
        for field in ("max_body_mib", "body_timeout_s", "keepalive_s"):
            value = getattr(self, field)
            require(0 < value < inf, field, f"{value} is not a number above 0")
        for field in ("max_messages", "max_runs"):
            require(getattr(self, field) >= 1, field, f"{getattr(self, field)} is not 1 or more")
        require(0 <= self.drain_s < inf, "drain_s", f"{self.drain_s} is not a number of seconds from 0 up")
        for field in ("cors_origins", "ui_hosts"):
            for index, origin in enumerate(getattr(self, field)):
                is_origin = origin.startswith(("http://", "https://")) and origin.count("/") == 2
                require(is_origin, f"{field}[{index}]", f"{origin!r} is no origin: write https://example.com")


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine's own for sure; a name may be anybody's."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def load_server_config(path: Path) -> ServerConfig:
    """Return what a TOML file tells a server.

    Names of files in it are relative to the folder in which the server is started, as on the command line.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, or a field is unknown, of the wrong type or out of range.
    """
    text = read_toml(path, key="--config", missing=f"there is no file {str(path)!r}")
    document = parse_toml(text, name=str(path), key="--config")
    try:
        return to_spec(document, ServerConfig, {})
    except ConfigError as error:
        told = ConfigError(f"{path}: {error}")
        told.key = error.key
        raise told from error
