"""What a user writes becomes an address, or one line that says what to write instead."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from attention_moa.errors import ConfigError
from attention_moa.store import open_journal
from attention_moa.store.address import parse_address


@pytest.mark.parametrize(
    "written", ["journal.db", "./journal.db", "sqlite:///journal.db", "sqlite+aiosqlite:///journal.db"]
)
def test_a_file_is_one_however_it_is_written(written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a path or as a URL; relative ones begin where the program is."""
    monkeypatch.chdir(tmp_path)
    address = parse_address(written)
    assert address.file == tmp_path / "journal.db"
    assert address.url.drivername == "sqlite+aiosqlite"
    assert address.name == str(tmp_path / "journal.db")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a shell, in a path and in a URL; a Path object too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for written in ("~/journal.db", "sqlite:///~/journal.db", Path("~/journal.db")):
        assert parse_address(written).file == tmp_path / "journal.db"


@pytest.mark.parametrize("written", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_server_is_shown_without_user_and_password(written: str) -> None:
    """The URL has them; the name does not."""
    address = parse_address(f"{written}://someone:hunter2@db.example:5433/journal")
    assert address.file is None
    assert address.url.drivername == "postgresql+asyncpg"
    assert address.url.password == "hunter2"
    assert address.name == "postgresql://db.example:5433/journal"
    assert parse_address(f"{written}:///journal").name == "postgresql://localhost/journal"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "  ",
        ":memory:",
        "bad\0path",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://journal.db",
        "sqlite:///journal.db?mode=ro",
        "mysql://someone:hunter2@host/journal",
        "postgresql+psycopg2://someone:hunter2@host/journal",
        "sqlite+pysqlite:///journal.db",
        "postgresql://someone:hunter2@host:port/journal",
        "postgresql://someone:hunter2@host:99999/journal",
        "postgresql://someone:hunter2@host:0/journal",
        "postgresql+asyncpg:someone:hunter2@host/journal",
        "postgres:/someone:hunter2@host/journal",
        "sqlite:journal.db",
        "://hunter2",
        "http:///hunter2@",
    ],
)
def test_a_wrong_address_is_named_and_mended(written: str) -> None:
    """The text says what to write, and holds no password."""
    with pytest.raises(ConfigError) as caught:
        open_journal(written)
    assert caught.value.key == "journal"
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "sqlite:///" in str(caught.value)


def test_postgresql_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, ready to copy, for who installed the package and for who works in a clone."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'attention-moa\[postgres\]', or .* -e '\.\[postgres\]'"):
        open_journal("postgresql://host/journal")


@pytest.mark.parametrize("written", ["postgresql://host:99999/journal", "postgresql+psycopg2://host/journal"])
def test_a_wrong_address_is_not_said_to_need_an_extra(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installed it would only then hear what is really wrong."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigError, match="write a path, "):
        open_journal(written)
