"""What a server that was killed leaves: its runs, and what is told of them before and after they go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.serve_child import ServeChild
from tests.slow_agents import ASKED, ENSEMBLE, serving


def told(server: ServeChild, run_id: str, **headers: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a run's events with their ids."""
    with httpx2.stream("GET", f"{server.url}/v1/runs/{run_id}/events", headers=headers, timeout=60) as response:
        told_as = ""
        for line in response.iter_lines():
            if line.startswith("id: "):
                told_as = line[4:]
            if line.startswith("data: "):
                yield told_as, json.loads(line[6:])


class Killed:
    """A run whose server was killed in the middle of it.

    Args:
        run_id: The run.
        folder: Where the next server has to be started.
        heard: What somebody heard of it until then, by id.
    """

    def __init__(self, run_id: str, folder: Path, heard: dict[str, dict[str, Any]]) -> None:
        self.run_id = run_id
        self.folder = folder
        self.heard = heard

    @property
    def last(self) -> str:
        """The last id that somebody heard."""
        return list(self.heard)[-1]


@pytest.fixture
def killed(tmp_path: Path) -> Killed:
    """Return a run that was watched until its summary was asked, when its server was killed."""
    heard: dict[str, dict[str, Any]] = {}
    (tmp_path / "duo.toml").write_text(ENSEMBLE, encoding="utf-8")
    with serving(tmp_path) as server:
        background = ASKED | {"background": True, "input": "Why?"}
        del background["messages"]
        run_id = httpx2.post(f"{server.url}/v1/responses", json=background, timeout=60).headers[
            "x-attention-moa-run-id"
        ]
        for told_as, event in told(server, run_id):
            heard[told_as] = event
            if event["event"] == "call_started" and event["stage"] == "summary":
                break
        server.process.kill()
    return Killed(run_id, tmp_path, heard)


def test_who_goes_on_by_the_last_id_misses_nothing_of_a_run_that_was_killed_and_goes_on(killed: Killed) -> None:
    """No id means two things: what is told under an id that was heard before is that very event."""
    with serving(killed.folder) as server:
        between = dict(told(server, killed.run_id, **{"last-event-id": killed.last}))
        lines = httpx2.get(f"{server.url}/v1/runs?state=interrupted", timeout=60).json()["data"]
        assert [(line["id"], line["state"]) for line in lines] == [(killed.run_id, "interrupted")]
        (killed.folder / "go").touch()
        assert httpx2.post(f"{server.url}/v1/runs/{killed.run_id}/resume", timeout=60).status_code in (200, 202)
        after = dict(told(server, killed.run_id, **{"last-event-id": killed.last}))
        whole = dict(told(server, killed.run_id))
    for log in (between, after):
        assert all(killed.heard[told_as] == event for told_as, event in log.items() if told_as in killed.heard)
    assert after == whole, "nothing of the log was heard before"
    assert list(whole.values())[-1]["event"] == "run_finished"
    assert not killed.heard.keys() & whole.keys()
    replayed = {event["call_id"] for event in whole.values() if event["event"] == "call_replayed"}
    assert {"1.answer.a", "1.answer.b"} <= replayed
