"""Install the clients that the server is tested with, each alone in a folder of its own.

Run as ``python scripts/client_venvs.py [NAME …] [--folder .venvs]``, from the repository's root, with the development
environment. ``tests/clients/versions.toml`` says which clients and which versions. One that is there already is left
as it is, for as long as what it needs stays the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".venvs"
VERSIONS = ROOT / "tests" / "clients" / "versions.toml"
_PATIENCE_S = 600
_STAMP = ".installed"


class Client(NamedTuple):
    """A client of the server.

    Args:
        name: What it is called, and its folder too.
        pypi: Its Python packages, pinned.
        npm: Its packages of Node, pinned.
        has_project: Whether this project is installed beside it.
        scripts: What is run with it, in ``tests/clients``.
    """

    name: str
    pypi: tuple[str, ...]
    npm: tuple[str, ...]
    has_project: bool
    scripts: tuple[str, ...]

    @property
    def stamp(self) -> str:
        """What an installation is known by: all that it was made from."""
        made_from = [self.pypi, self.npm, sys.version if self.pypi else ""]
        if self.has_project:
            made_from.append((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()

    def program(self, folder: Path) -> str:
        """Return what runs its scripts.

        Args:
            folder: Where the clients are installed.
        """
        return str(folder / self.name / "bin" / "python") if self.pypi else "node"


class InstallError(Exception):
    """A client cannot be installed; the text is what the installer says."""


def load_clients(path: Path = VERSIONS) -> dict[str, Client]:
    """Return the clients by their names, in the file's order."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        name: Client(
            name,
            tuple(table.get("pypi", ())),
            tuple(table.get("npm", ())),
            table.get("project", False),
            tuple(table["scripts"]),
        )
        for name, table in tables.items()
    }


def install(client: Client, folder: Path = FOLDER) -> bool:
    """Return whether a client was installed now; False where it was there already.

    Raises:
        InstallError: It cannot be installed.
    """
    place = folder / client.name
    stamp = place / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == client.stamp:
        return False
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for command in _commands(client, place):
        _run(command, place)
    stamp.write_text(client.stamp, encoding="utf-8")
    return True


def _commands(client: Client, place: Path) -> list[list[str]]:
    if client.npm:
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]
        return [["npm", "install", "--prefix", str(place), *quiet, *client.npm]]
    uv = [sys.executable, "-m", "uv"]
    project = ["--editable", str(ROOT)] if client.has_project else []
    return [
        [*uv, "venv", "--quiet", "--no-project", "--allow-existing", "--python", sys.executable, str(place)],
        [*uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *project, *client.pypi],
    ]


def _run(command: list[str], place: Path) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            cwd=place,
            env={**os.environ, **_caches(place)},  # noqa: TID251 - the child's own
        )
    except FileNotFoundError as error:
        raise InstallError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"{command[0]} took more than {_PATIENCE_S} s") from error
    if done.returncode:
        raise InstallError((done.stderr or done.stdout).strip())


def _caches(place: Path) -> dict[str, str]:
    """Return where installers keep what they load: by itself in the user's home, else beside the client."""
    try:
        with tempfile.TemporaryFile(dir=Path.home()):
            return {}
    except OSError:
        return {"npm_config_cache": str(place / ".kept" / "npm"), "UV_CACHE_DIR": str(place / ".kept" / "uv")}


def mib(place: Path) -> float:
    """Return how much a folder takes on the disk; a file with several names counts in each."""
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file() and not file.is_symlink()) / 2**20


def main(arguments: list[str]) -> int:
    """Return 0 when every client is installed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    clients = load_clients()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(clients)}; all of them if none")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in clients]
    if unknown:
        parser.error(f"there is no client {unknown[0]!r}")
    failed = False
    for client in [clients[name] for name in options.names or clients]:
        started_s = time.monotonic()
        try:
            what = "installed" if install(client, options.folder) else "there already"
        except InstallError as error:
            failed = True
            what = f"FAILED: {error}"
        seconds, size = time.monotonic() - started_s, mib(options.folder / client.name)
        print(f"{client.name:14} {seconds:6.1f} s {size:7.0f} MiB  {what}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
