"""``attention-moa simulate`` as a user meets it: served, asked, ended, and told what is wrong."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from attention_moa.settings import load_spec
from tests.cli_world import TIMEOUT_S, only_line, run_cli, start_cli, wait_until
from tests.integration.test_cli_view import on_terminal

FLEET = """
time_scale = 0.0
[[models]]
name = "sim-a"
output_tokens = 20
[[models]]
name = "sim-b"
output_tokens = 20
"""


class Served:
    """A fleet under way."""

    def __init__(self, child: subprocess.Popen[bytes], said: list[str]) -> None:
        self.child = child
        self.said = said
        self.address = said[0].partition(" at ")[2].partition("/v1")[0]

    def get(self, path: str) -> Any:
        """Return a document."""
        with urllib.request.urlopen(self.address + path, timeout=TIMEOUT_S) as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def end(self, signum: int = signal.SIGINT) -> tuple[int, str, str]:
        """Return the exit code and what was said since it serves."""
        self.child.send_signal(signum)
        out, err = self.child.communicate(timeout=TIMEOUT_S)
        return self.child.returncode, out.decode(), err.decode()


@contextmanager
def serving(folder: Path, *options: str | Path) -> Iterator[Served]:
    """Yield a fleet of two models, once it serves."""
    (folder / "fleet.toml").write_text(FLEET, encoding="utf-8")
    with start_cli("simulate", "fleet.toml", "--port", "0", *options, folder=folder) as child:
        try:
            assert child.stdout is not None
            said: list[str] = []
            while not said or said[-1]:  # an empty line ends the introduction
                line = child.stdout.readline().decode()
                assert line, child.communicate(timeout=TIMEOUT_S)
                said.append(line.rstrip())
            yield Served(child, said)
        finally:
            child.kill()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_counts_are_shown_at_the_end(tmp_path: Path, signum: int) -> None:
    """A fleet is ended on purpose, so the exit code is 0."""
    with serving(tmp_path) as fleet:
        assert fleet.said[0].startswith("2 simulated models at http://127.0.0.1:")
        assert fleet.said[0].endswith("/v1 (without waiting, seed 0)")
        assert fleet.get("/stats")["models"]["sim-a"]["requests"] == 0
        code, out, err = fleet.end(signum)
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == [
        "model",
        "asked",
        "now",
        "in",
        "line",
        "faults",
        "prompt",
        "cached",
        "written",
    ]


def test_an_ensemble_of_all_models_is_written_and_runs(tmp_path: Path) -> None:
    """With a key it takes it from the variable that is named."""
    mine = tmp_path / "mine.toml"
    with serving(tmp_path, "--ensemble", mine, "--key", "k", "--log", "log.jsonl", "--log-messages") as fleet:
        assert "ATTENTION_MOA_FLEET_KEY" in "\n".join(fleet.said)
        env = {"ATTENTION_MOA_FLEET_KEY": "k", "XDG_DATA_HOME": str(tmp_path / "data")}
        done = run_cli("ask", "-e", mine, "why?", folder=tmp_path, env=env)
        assert done.returncode == 0, done.stderr
        code, out, _ = fleet.end()
    assert code == 0
    asked = {line.split()[0]: int(line.split()[1]) for line in out.splitlines() if line.startswith(("sim-", "all"))}
    assert asked["all"] == asked["sim-a"] + asked["sim-b"] >= 17
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == asked["all"]
    assert all(json.loads(line)["messages"] for line in lines)


def test_an_ensemble_of_its_own_is_replaced_and_no_other(tmp_path: Path) -> None:
    """What somebody wrote by hand is not lost by a name."""
    mine = tmp_path / "mine.toml"
    for _ in range(2):
        with serving(tmp_path, "--ensemble", mine) as fleet:
            assert {agent.base_url for agent in load_spec(mine).agents} == {fleet.address + "/v1"}
    mine.write_text("# mine\n", encoding="utf-8")
    done = run_cli("simulate", "--port", "0", "--ensemble", mine, folder=tmp_path)
    assert done.returncode == 2
    assert "is there already: choose another name" in only_line(done.stderr)
    assert mine.read_text(encoding="utf-8") == "# mine\n"


def test_without_an_ensemble_the_lines_for_one_are_said(tmp_path: Path) -> None:
    """As they go into a file."""
    with serving(tmp_path, "--key", "k") as fleet:
        said = "\n".join(fleet.said)
    assert '  [[agents]]\n  name = "a"\n  model = "openai:sim-a"\n  base_url = "http://127.0.0.1:' in said
    assert '  api_key_env = "ATTENTION_MOA_FLEET_KEY"' in said
    assert "and so on for sim-b" in said


def test_options_replace_what_the_file_says(tmp_path: Path) -> None:
    """Seed, time, stops and faults."""
    with serving(tmp_path, "--seed", "7", "--time-scale", "0.5", "--stop-rate", "1", "--faults", "0.1") as fleet:
        assert "(time scale 0.5, seed 7)" in fleet.said[0]


def test_show_prints_a_file_that_serves(tmp_path: Path) -> None:
    """The ready fleet's, or the one that is named."""
    done = run_cli("simulate", "--show", folder=tmp_path)
    assert done.returncode == 0
    (tmp_path / "mine.toml").write_bytes(done.stdout)
    assert run_cli("simulate", "mine.toml", "--show", folder=tmp_path).stdout == done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["missing.toml"], "attention-moa simulate --show > missing.toml"),
        (["bad.toml"], "models[0].decode_tps"),
        (["--time-scale", "-1"], "time_scale"),
        (["--faults", "0.2"], "the rates sum to 2"),
        (["--log", "no/such/folder"], "--log"),
        (["--ensemble", "no/such/folder.toml", "--port", "0"], "--ensemble"),
        (["--ensemble", ".", "--port", "0"], "ensemble"),
        (["--log-messages"], "--log-messages needs --log FILE"),
    ],
)
def test_what_is_wrong_is_said_with_the_mend(tmp_path: Path, options: list[str], said: str) -> None:
    """Exit code 2, and no trace of Python."""
    (tmp_path / "bad.toml").write_text('[[models]]\nname = "m"\ndecode_tps = 0\n', encoding="utf-8")
    done = run_cli("simulate", *options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """With its number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_cli("simulate", "--port", port, folder=tmp_path)
    assert done.returncode == 2
    assert port in only_line(done.stderr)


def test_on_a_terminal_the_counts_are_live(tmp_path: Path) -> None:
    """They go with the fleet; the last counts stay."""
    (tmp_path / "fleet.toml").write_text(FLEET, encoding="utf-8")
    log = tmp_path / "log.jsonl"
    with on_terminal("simulate", "fleet.toml", "--port", "0", "--log", log, folder=tmp_path) as terminal:
        terminal.read_until("up 0 s")
        wait_until(log.exists, "the log")
        terminal.type("\x03")
        written = terminal.read_all()
    assert terminal.child.returncode == 0
    assert "\x1b[?25h" in written  # the cursor is back
    assert "sim-b" in written.rpartition("up ")[2]
