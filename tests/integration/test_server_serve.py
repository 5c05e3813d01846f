"""``attention-moa serve`` as a program: what it says, how it ends, and what a restart finds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import httpx2
import pytest

from tests.serve_child import ROOT, ServeChild
from tests.slow_agents import ASKED, ENSEMBLE, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an ensemble of slow agents."""
    (tmp_path / "duo.toml").write_text(ENSEMBLE, encoding="utf-8")
    return tmp_path


class Asking(Thread):
    """A request in a thread of its own."""

    def __init__(self, server: ServeChild) -> None:
        super().__init__()
        self._url = f"{server.url}/v1/chat/completions"
        self.response: httpx2.Response | None = None
        self.start()

    def run(self) -> None:
        try:
            self.response = httpx2.post(self._url, json=ASKED, timeout=300)
        except httpx2.TransportError:
            self.response = None

    @property
    def status(self) -> int | None:
        """Return the status once it is there; None where the connection broke."""
        self.join(60)
        return None if self.response is None else self.response.status_code


def asked(folder: Path) -> list[str]:
    """Return who was asked so far."""
    file = folder / "asked"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def wait_for(folder: Path, call: str) -> None:
    """Wait until somebody is asked."""
    until = time.monotonic() + 60
    while call not in asked(folder):
        assert time.monotonic() < until
        time.sleep(0.01)


def wait_for_end(server: ServeChild) -> None:
    """Wait until a server has heard that it is to end: it takes no more requests."""
    until = time.monotonic() + 60
    while httpx2.get(f"{server.url}/readyz", timeout=300).status_code != 503:
        assert time.monotonic() < until
        time.sleep(0.01)


def served(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Return how a server ended that could not begin."""
    command = [sys.executable, "-m", "attention_moa", "serve", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # noqa: TID251 - the child's own
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, cwd=folder, env=environment
    )


def test_a_signal_lets_runs_under_way_finish(folder: Path) -> None:
    """Whoever comes meanwhile is told to try again; then the process ends well."""
    with serving(folder) as server:
        asking = Asking(server)
        wait_for(folder, "summary.a")
        server.process.send_signal(signal.SIGTERM)
        wait_for_end(server)
        refused = httpx2.post(f"{server.url}/v1/chat/completions", json=ASKED, timeout=300)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "draining"
        (folder / "go").touch()
        assert asking.status == 200
        assert server.process.wait(60) == 0


def test_a_second_signal_ends_the_runs_at_once(folder: Path) -> None:
    """Their clients are told that it ends, and may try again."""
    with serving(folder) as server:
        asking = Asking(server)
        wait_for(folder, "summary.a")
        server.process.send_signal(signal.SIGINT)
        wait_for_end(server)
        server.process.send_signal(signal.SIGINT)
        assert asking.status == 503
        assert server.process.wait(60) == 0


def test_runs_that_take_longer_than_the_server_waits_are_ended(folder: Path) -> None:
    """By a setting of the file."""
    (folder / "server.toml").write_text("drain_s = 0.1", encoding="utf-8")
    with serving(folder, "--config", "server.toml") as server:
        asking = Asking(server)
        wait_for(folder, "summary.a")
        assert server.end() == 0
        assert asking.status == 503


def test_what_a_killed_server_paid_for_serves_the_same_request_again(folder: Path) -> None:
    """Only what was under way is asked once more."""
    with serving(folder) as server:
        asking = Asking(server)
        wait_for(folder, "summary.a")
        server.process.kill()
        assert asking.status is None
    before = asked(folder)
    (folder / "go").touch()
    with serving(folder) as server:
        response = httpx2.post(f"{server.url}/v1/chat/completions", json=ASKED, timeout=300)
        assert response.json()["choices"][0]["message"]["content"] == "a says summary"
    assert asked(folder) == [*before, "summary.a"]


@pytest.mark.parametrize("level", ["info", "debug"])
def test_the_log_has_the_runs_and_texts_of_theirs_where_that_is_wanted(folder: Path, level: str) -> None:
    """In JSON where that is wanted; a line for each call goes with the texts."""
    (folder / "go").touch()
    with serving(folder, "--log-format", "json", "--log-level", level) as server:
        asked_of = ASKED | {"messages": [{"role": "user", "content": "MARKED"}]}
        run_id = httpx2.post(f"{server.url}/v1/chat/completions", json=asked_of, timeout=300).headers[
            "x-attention-moa-run-id"
        ]
        assert server.end() == 0
        told = server.log.read_text(encoding="utf-8")
    assert run_id in told
    assert all(line.startswith("{") for line in told.splitlines())
    assert ("MARKED" in told, "a says" in told, "call.finished" in told) == (False, level == "debug", level == "debug")


def test_the_log_says_where_the_server_began_and_that_it_ends(folder: Path) -> None:
    """In lines of its own, the journal without its secrets; the library's are not told beside them."""
    with serving(folder, "--log-format", "json") as server:
        assert server.end() == 0
        lines = [json.loads(line) for line in server.log.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["server.started", "server.draining", "server.ended"]
    started, draining, ended = lines
    assert (started["address"], started["models"], started["keys"]) == (server.url, ["duo"], 0)
    assert started["journal"].endswith("journal.db")
    assert (draining["runs"], draining["within_s"], ended["level"]) == (0, 30.0, "info")


def test_a_port_that_is_taken_is_told_so(tmp_path: Path) -> None:
    """With the mend."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = served("--port", port, "--no-journal", folder=tmp_path)
    assert ended.returncode == 2
    assert "choose another" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--host", "0.0.0.0", "--no-journal"], 2, "there is no key"),  # noqa: S104 - it is refused
        (["--host", "no such host", "--no-journal"], 2, "host: 'no such host' is no address that is known here"),
        (
            ["--host", "192.0.2.1", "--force-public", "--no-journal"],
            2,
            "host: '192.0.2.1' is no address of this machine",
        ),
        (["-e", "nothing"], 2, "neither a file nor a shipped ensemble"),
        (["--config", "none.toml"], 2, "there is no file"),
        (["--journal", "j.db", "--no-journal"], 2, "exclude each other"),
        (["--journal", "/dev/null/j.db"], 1, "journal"),
    ],
)
def test_a_server_that_cannot_be_is_told_why(tmp_path: Path, options: list[str], status: int, words: str) -> None:
    """In one line, with the exit code of its kind."""
    ended = served("--port", "0", *options, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ('"openai:m"\napi_key_env = "NO_SUCH_KEY"', "lacking: api_key_env: NO_SUCH_KEY is not set"),
        ('"embedded:gone.gguf"', "lacking: agents[0].model: "),
        ('"python:no_such_module:say"', "lacking: agents[0].model: "),
    ],
)
def test_a_server_that_lacks_a_model_does_not_start(folder: Path, model: str, words: str) -> None:
    """Be it one of many: the line names the ensemble, the field and the mend."""
    (folder / "lacking.toml").write_text(f'[[agents]]\nname = "a"\nmodel = {model}\n', encoding="utf-8")
    ended = served("--port", "0", "--no-journal", "-e", "duo.toml", "-e", "lacking.toml", folder=folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_and_the_command_line_are_one_configuration(folder: Path) -> None:
    """What the command line says wins."""
    (folder / "server.toml").write_text('ensembles = ["embedded"]\nhost = "127.0.0.2"\nno_journal = true', "utf-8")
    with serving(folder, "--config", "server.toml") as server:
        assert server.url.startswith("http://127.0.0.2:")
        listed = httpx2.get(f"{server.url}/v1/models").json()["data"]
        assert [model["id"] for model in listed] == ["duo", "duo/a", "duo/b"]
    assert (folder / "journal.db").exists()
