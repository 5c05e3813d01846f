"""The command line as a child process: run to its end, or on a terminal of its own."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from attention_moa.settings import KEY_VARIABLES

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 180.0
PROGRAM = (sys.executable, "-m", "attention_moa")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: no keys, no question, and the tests' modules to import."""
    keys = {variable for variables in KEY_VARIABLES.values() for variable in variables}
    kept = {name: value for name, value in os.environ.items() if name not in keys}  # noqa: TID251 - the child's own
    for variable in ("ATTENTION_MOA_QUESTION", "ATTENTION_MOA_JOURNAL"):
        kept.pop(variable, None)
    own = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "XDG_DATA_HOME": _data_folder()}
    return kept | own | dict(extra or {})


@cache
def _data_folder() -> str:
    """Return a folder for journals that no test names: never the user's."""
    folder = mkdtemp(prefix="attention-moa-tests-")
    atexit.register(rmtree, folder, ignore_errors=True)
    return folder


def data_of(folder: Path) -> dict[str, str]:
    """Return the variable by which a test's journal is its own: in its folder."""
    return {"XDG_DATA_HOME": str(folder / "data")}


def write_ensemble(folder: Path, *functions: str, layers: int = 1, more: str = "") -> Path:
    """Write an ensemble of Python functions of ``tests.cli_agents``; return its file.

    Args:
        folder: Where.
        functions: One an agent, or ``module:function`` of another module of the tests; the agents are called a, b, c …
        layers: How many.
        more: TOML that comes after the agents.
    """
    places = [function if ":" in function else f"cli_agents:{function}" for function in functions]
    agents = [
        f'[[agents]]\nname = "{name}"\nmodel = "python:tests.{place}"\n'
        for name, place in zip("abcdefgh", places, strict=False)
    ]
    path = folder / "mine.toml"
    path.write_text(f"layers = {layers}\n" + "".join(agents) + more, encoding="utf-8")
    return path


def run_cli(
    *arguments: str | Path, folder: Path, text: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command line to its end, without a terminal.

    Args:
        arguments: What follows the program's name.
        folder: Where it runs.
        text: Its standard input.
        env: Variables on top.
    """
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        cwd=folder,
        input=text,
        env=environment(data_of(folder) | dict(env or {})),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def start_cli(*arguments: str | Path, folder: Path) -> subprocess.Popen[bytes]:
    """Start the command line without a terminal and without input."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=environment(data_of(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so; fail after a generous time."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"it never came: {what}"
        time.sleep(0.01)


def only_line(stderr: bytes) -> str:
    """Return the one line that a failed command says; there must be no other."""
    (line,) = stderr.decode().splitlines()
    assert line.startswith("attention-moa: ")
    assert "Traceback" not in line
    return line
