"""The examples run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attention_moa import Ensemble

EXAMPLES = Path(__file__).parents[2] / "examples"


def said_by(name: str, *arguments: str, has_log: bool = False) -> str:
    """Return what an example prints, run by an interpreter of its own; on standard error is nothing, or a log."""
    environment = {**os.environ, "PYTHONWARNINGS": "error"}  # noqa: TID251 - a child of a test
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert bool(done.stderr) is has_log
    return done.stdout


def test_the_own_provider_example_runs() -> None:
    """An ensemble built in code answers through a class of the example's own."""
    printed = said_by("own_provider.py")
    assert printed.startswith("ann at stage residual: Why is the sky blue?")
    assert "Critique(critic='ann', author='bob'" in printed


def test_the_watch_example_runs() -> None:
    """Events come one a line, in the order of a run, and the record comes last."""
    lines = said_by("watch.py").splitlines()
    assert "RunStarted" in lines[0]
    assert "RunFinished" in lines[-2]
    assert lines[-1].endswith("What ann says at residual.")


def test_the_ask_example_runs_on_the_embedded_model() -> None:
    """The first program of a new user prints an answer and what it took."""
    lines = said_by("ask.py", "Name a colour.").splitlines()
    assert len(lines) > 1
    assert any(line.endswith("written") for line in lines)


def test_the_python_agents_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ensemble of two functions loads from its file and answers with a function's words."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    record = Ensemble.load(EXAMPLES / "python_agent.toml").run_sync("Why is the sky blue?")
    assert record.text is not None
    assert record.text.startswith("The last turn has")
    assert {getattr(found, "text", None) for found in record.layers[0].answers.values()} == {
        "The last turn has 5 words.",
        "WHY IS THE SKY BLUE?",
    }


def test_the_agent_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's tool is called in one run, and its result is in the next one's answer."""
    ensemble = tmp_path / "one.toml"
    agent = '[[agents]]\nname = "e"\nmodel = "python:tests.framework_agents:caller"\n'
    ensemble.write_text(f'name = "one"\nstrategy = "single"\n{agent}', encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    assert said_by("agent.py", str(ensemble)).splitlines() == ["It is ['rain in Oslo'].", "2 runs"]


def test_the_serve_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official client is answered by an ensemble that the example serves; then the server is gone."""
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES))
    lines = said_by("serve.py", str(EXAMPLES / "python_agent.toml"), "Why?", has_log=True).splitlines()
    assert lines[0].startswith("The last turn has")
    assert lines[-1] == "19 calls of python_agent"


def test_the_serve_example_says_so_where_the_server_does_not_start() -> None:
    """And does not wait for it."""
    with pytest.raises(AssertionError, match="the server did not start"):
        said_by("serve.py", "no-such-ensemble", has_log=True)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_fits_on_a_screen(path: Path) -> None:
    """An example is short: about twenty lines of code."""
    lines = [
        line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith(("#", '"""'))
    ]
    assert len(lines) <= 24
