"""A server on SQLite with other programs at its file, killed and started again: nothing that was paid for is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.serve_child import ROOT, ServeChild, serve_child

AGENTS = '''
"""Agents of the tests, who say what they used."""

from attention_moa.messages import Chunk, Usage


async def say(messages, request):
    yield f"{request.agent} says {request.stage}"
    yield Chunk(finish_reason="stop", usage=Usage(input_tokens=100, output_tokens=10))
'''
AGENT = """
[[agents]]
name = "{name}"
model = "python:paid_agents:say"
price = {{ input = 10.0, output = 100.0 }}
"""
ENSEMBLE = 'name = "duo"\nlayers = 1\n' + "".join(AGENT.format(name=name) for name in "ab")
CALL_USD = 100 * 10 / 1e6 + 10 * 100 / 1e6
PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an ensemble whose calls cost money."""
    (tmp_path / "paid_agents.py").write_text(AGENTS, encoding="utf-8")
    (tmp_path / "duo.toml").write_text(ENSEMBLE, encoding="utf-8")
    return tmp_path


def serving(folder: Path) -> AbstractContextManager[ServeChild]:
    """Lend a server."""
    path = os.pathsep.join([str(ROOT), str(folder)])
    return serve_child(folder, "-e", "duo.toml", variables={"PYTHONPATH": path})


def beside(folder: Path, *command: str) -> str:
    """Return what a command prints that is run at the journal of the server, which goes on."""
    words = [sys.executable, "-m", "attention_moa", *command, "--journal", str(folder / "journal.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def spent(folder: Path) -> dict[str, float]:
    """Return what the runs of each key cost, by its name."""
    return {key["name"]: key["spent_usd"] for key in json.loads(beside(folder, "keys", "list", "--json"))}


def post(server: ServeChild, secret: str, **fields: Any) -> httpx2.Response:
    """Return the response to a request for an answer."""
    body = {"model": "duo", "messages": [{"role": "user", "content": "Why?"}]} | fields
    headers = {"authorization": f"Bearer {secret}"}
    return httpx2.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=300)


def summary_of(server: ServeChild, secret: str, run_id: str) -> httpx2.Response:
    """Return the response to a request for a run."""
    return httpx2.get(
        f"{server.url}/v1/runs/{run_id}?view=summary", headers={"authorization": f"Bearer {secret}"}, timeout=300
    )


def wait_until_refused(server: ServeChild, secret: str) -> None:
    """Wait until a key is one that nobody knows."""
    until = time.monotonic() + PATIENCE_S
    while post(server, secret).status_code != 401:
        assert time.monotonic() < until
        time.sleep(0.1)


def wait_until_known(server: ServeChild, secret: str) -> httpx2.Response:
    """Return the first answer that a new key gets."""
    until = time.monotonic() + PATIENCE_S
    while (answered := post(server, secret)).status_code == 401:
        assert time.monotonic() < until
        time.sleep(0.1)
    return answered


def test_a_killed_server_has_lost_neither_runs_nor_money_nor_keys(folder: Path) -> None:
    """Commands beside it open and close its file: that takes away neither its locks nor what it writes."""
    admin = beside(folder, "keys", "add", "root", "--admin")
    beside(folder, "keys", "revoke", "root")
    with serving(folder) as server:
        assert post(server, admin).status_code == 401
        beside(folder, "keys", "list")
        beside(folder, "runs", "list")
        secret = beside(folder, "keys", "add", "alice", "--usd", "5")
        answered = wait_until_known(server, secret)
        assert answered.status_code == 200, answered.text
        told = answered.json()["attention_moa"]
        cost_usd = told["cost_usd"]
        assert cost_usd == pytest.approx(CALL_USD * told["calls"]["made"])
        beside(folder, "runs", "list")
        until = time.monotonic() + PATIENCE_S
        while (found := spent(folder))["alice"] == 0.0:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert found["alice"] == pytest.approx(cost_usd)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(60)
    assert spent(folder)["alice"] == pytest.approx(cost_usd)
    assert told["run_id"] in beside(folder, "runs", "list", "--json")
    with serving(folder) as server:
        run = summary_of(server, secret, told["run_id"])
        assert (run.status_code, run.json()["attention_moa"]["cost_usd"]) == (200, pytest.approx(cost_usd))
        assert spent(folder)["alice"] == pytest.approx(cost_usd)
        beside(folder, "keys", "revoke", "alice")
        wait_until_refused(server, secret)
