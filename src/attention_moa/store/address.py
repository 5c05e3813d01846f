"""From what a user writes to a database's address. Passwords stay in the URL: ``Address.name`` is what is shown."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from attention_moa.errors import ConfigError

_KEY = "journal"
_FORMS = "write a path, sqlite:///path, or postgresql+asyncpg://user:password@host/database"
_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_LOST_SLASHES = re.compile(r"(sqlite|postgres(ql)?)(\+\w+)?:", re.IGNORECASE)
_LAST_PORT = 65535
_INSTALL = "pip install 'attention-moa[postgres]', or in a clone pip install -e '.[postgres]'"


class Address(NamedTuple):
    """Where a journal is.

    Args:
        url: For SQLAlchemy; may hold a password.
        name: For a person; never holds one.
        file: The SQLite file; None for a server.
        is_only_read: Whether nothing is going to be written: then a file that cannot be written does as well.
    """

    url: URL
    name: str
    file: Path | None
    is_only_read: bool = False


def parse_address(url_or_path: str | Path) -> Address:
    """Return the address of a journal.

    Args:
        url_or_path: What holds ``://`` is a URL, all else a path.

    Raises:
        ConfigError: It is neither, or what is needed for it is not installed.
    """
    if isinstance(url_or_path, Path):
        return _file(str(url_or_path))
    if "://" not in url_or_path:
        if _LOST_SLASHES.match(url_or_path):
            raise ConfigError(f"a URL has slashes behind its colon: {_FORMS}", key=_KEY)
        return _file(url_or_path)
    try:
        url = make_url(url_or_path)
        driver = _DRIVERS.get(url.drivername)
    except (ArgumentError, ValueError):
        raise ConfigError(f"not a database's address: {_FORMS}", key=_KEY) from None
    if driver is None:
        raise ConfigError(f"a journal cannot be kept in {url.drivername!r}: {_FORMS}", key=_KEY)
    if driver.startswith("sqlite"):
        return _sqlite(url)
    return _postgresql(url.set(drivername=driver))


def _file(path: str) -> Address:
    if not path.strip() or "\0" in path or path == ":memory:":
        raise ConfigError(f"{path!r} is not a file's path: {_FORMS}", key=_KEY)
    file = Path(path).expanduser().absolute()
    return Address(URL.create("sqlite+aiosqlite", database=str(file)), str(file), file)


def _sqlite(url: URL) -> Address:
    if url.host is not None:
        raise ConfigError("sqlite:// takes three slashes and a path: sqlite:///journal.db", key=_KEY)
    if url.query:
        raise ConfigError("sqlite:///path takes no settings after a question mark: leave them out", key=_KEY)
    return _file(url.database or "")


def _postgresql(url: URL) -> Address:
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise ConfigError(f"the port {url.port} is not one from 1 to {_LAST_PORT}: {_FORMS}", key=_KEY)
    if find_spec("asyncpg") is None:
        raise ConfigError(f"PostgreSQL needs asyncpg: {_INSTALL}", key=_KEY)
    port = f":{url.port}" if url.port else ""
    return Address(url, f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}", None)
