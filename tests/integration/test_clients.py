"""Real clients, each installed alone, talk to a real server: what each did is what the page on clients says of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks._server_world import Process, serving
from scripts.client_venvs import FOLDER, Client, InstallError, install, load_clients
from tests.machine import missing

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "clients"
PAGE = ROOT / "docs" / "clients.md"
TIMEOUT_S = 300.0

CLIENTS = load_clients()
SCRIPTS = [(name, script) for name, client in CLIENTS.items() for script in client.scripts]

# What keeps each client from reaching for anything but the server: lists of prices, data sets, updates, statistics.
QUIET = {
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "SCHEMATHESIS_REPORT": "false",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Lend a server of the scripted ensemble and the embedded one."""
    folder = tmp_path_factory.mktemp("server")
    with serving(["-e", str(HERE / "ensembles"), "-e", "embedded"], folder) as running:
        yield running


def installed(name: str) -> Client:
    """Return a client that is there; without one the test is skipped, or fails on CI."""
    client = CLIENTS[name]
    if client.npm and not (shutil.which("node") and shutil.which("npm")):
        missing("there is no node or npm: apt-get install nodejs npm")
    try:
        install(client)
    except InstallError as error:
        missing(f"{name} cannot be installed: {error}")
    return client


def said_by(client: Client, script: str, server: Process, folder: Path, *more: str) -> dict[str, str]:
    """Return what a script saw by its checks; assert that it ended well and reached for nothing else.

    Args:
        client: What runs it.
        script: Its file.
        server: The server.
        folder: Where it may write.
        more: The model, and the checks to run; all where there are none.
    """
    strays = folder / "strays"
    environment = {
        "PATH": os.environ["PATH"],  # noqa: TID251 - the child's own
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LLM_USER_PATH": str(folder),
        "CLIENT_FOLDER": str(FOLDER / client.name),
        "OFFLINE_LOG": str(strays),
        "PYTHONPATH": os.pathsep.join([str(HERE / "offline"), *([str(ROOT)] if client.has_project else [])]),
        **QUIET,
    }
    done = subprocess.run(
        [client.program(FOLDER), str(HERE / script), f"{server.url}/v1", *more],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        cwd=folder,
        env=environment,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\nserver:\n{server.log_tail()}"
    assert not strays.exists(), strays.read_text(encoding="utf-8")
    return dict(re.findall(r"^ok (\w+): (.*)$", done.stdout, re.MULTILINE))


def page_rows() -> dict[str, str]:
    """Return the rows of the page's table by the client's name."""
    rows = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize(("name", "script"), SCRIPTS, ids=[script for _, script in SCRIPTS])
def test_a_client_works_with_the_server(name: str, script: str, server: Process, tmp_path: Path) -> None:
    """Every check of the script holds, and the page's table names each of them."""
    said = said_by(installed(name), script, server, tmp_path, "scripted")
    assert said
    listed = page_rows()[name]
    assert [check for check in said if f" {check.replace('_', ' ')}" not in listed] == []


@pytest.mark.parametrize(("name", "model"), [("openai", "embedded"), ("openai-node", "embedded/plain")])
def test_a_client_works_with_the_embedded_model(name: str, model: str, server: Process, tmp_path: Path) -> None:
    """A real model answers in a stream, the whole ensemble and one agent of it."""
    client = installed(name)
    said = said_by(client, client.scripts[0], server, tmp_path, model, "models", "talk")
    assert set(said) == {"models", "talk"}
    assert said["talk"]


def test_the_units_of_a_framework_that_only_its_client_has_work() -> None:
    """Inspect AI is in no lock: what runs it in process is tested where it is installed."""
    client = installed("inspect")
    command = [client.program(FOLDER), "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider"]
    command += ["-o", "addopts=", str(HERE / "inspect_units.py")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}  # noqa: TID251 - the child's own
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* passed", done.stdout, re.MULTILINE), done.stdout


def test_the_page_names_each_client_with_its_version() -> None:
    """The table and the pinned versions are the same."""
    rows = page_rows()
    assert list(rows) == list(CLIENTS)
    for name, client in CLIENTS.items():
        first = (*client.npm, *client.pypi)[0]
        assert f"| {re.split('[=@]+', first)[-1]} |" in f"|{rows[name]}|", name
