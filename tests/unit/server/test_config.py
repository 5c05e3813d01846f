"""What a server is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.server.config import ServerConfig, load_server_config


def read(folder: Path, text: str) -> ServerConfig:
    """Return what a file of some text tells a server."""
    file = folder / "server.toml"
    file.write_text(text, encoding="utf-8")
    return load_server_config(file)


def test_an_empty_file_tells_what_holds_without_one(tmp_path: Path) -> None:
    """The embedded ensemble, on this machine alone."""
    assert read(tmp_path, "") == ServerConfig()
    assert (ServerConfig().ensembles, ServerConfig().host) == (("embedded",), "127.0.0.1")


def test_a_file_has_names_without_is_and_has(tmp_path: Path) -> None:
    """They read as settings do."""
    told = read(tmp_path, "no_journal = true\nforce_public = true\nisolate_caches = true\nensembles = ['a', 'b']")
    assert (told.is_unjournaled, told.is_public_forced, told.has_isolated_caches) == (True, True, True)
    assert told.ensembles == ("a", "b")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("prot = 1", "prot"),
        ("port = 'a'", "port"),
        ("port = 70000", "port"),
        ("host = ' '", "host"),
        ("ensembles = []", "ensembles"),
        ("no_journal = true\njournal = 'j.db'", "no_journal"),
        ("max_body_mib = 0.0", "max_body_mib"),
        ("keepalive_s = inf", "keepalive_s"),
        ("max_runs = 0", "max_runs"),
        ("drain_s = -1.0", "drain_s"),
        ("progress = 'loud'", "progress"),
        ("cors_origins = ['https://a.org', 'a.org']", "cors_origins[1]"),
        ("cors_origins = ['https://a.org/path']", "cors_origins[0]"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, key: str) -> None:
    """By its field."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, text)
    assert refused.value.key == key
    assert str(refused.value).startswith(f"{tmp_path / 'server.toml'}: {key}: ")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As the option that it was told by."""
    with pytest.raises(ConfigError, match="there is no file") as refused:
        load_server_config(tmp_path / "none.toml")
    assert refused.value.key == "--config"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machines_own_address_needs_no_key(host: str) -> None:
    """Nobody else reaches it."""
    assert ServerConfig(host=host).may_be_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "10.0.0.1", "example.com", "fe80::1%eth0"])  # noqa: S104 - that is the test
def test_any_other_address_needs_one_unless_forced(host: str) -> None:
    """A name may be anybody's."""
    assert not ServerConfig(host=host).may_be_open
    assert ServerConfig(host=host, is_public_forced=True).may_be_open
