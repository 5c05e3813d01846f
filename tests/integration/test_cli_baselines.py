"""Baselines on the command line, against the simulated fleet over HTTP: ask, plan, check, show, export, diff."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest

from attention_moa.codec import record_from_json
from attention_moa.schedule import count_calls
from tests.baseline_world import LAYERED, ONE_AGENT
from tests.fleet_world import a_fleet, running

ENSEMBLE = """strategy = "{strategy}"
{layers}
{agents}
"""
AGENT = """
[[agents]]
name = "{name}"
model = "openai:m"
base_url = "{base_url}"
max_tokens = 60
"""


async def program(*words: str) -> tuple[int, str]:
    """Return how the command ended, and what it said."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "attention_moa", *words, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await child.communicate()
    return child.returncode or 0, out.decode()


@pytest.mark.parametrize("strategy", ["self-moa-seq", "smoa"])
def test_a_baseline_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str) -> None:
    """Its file is described and checked, planned and asked; its run is exported and compared."""
    monkeypatch.setenv("ATTENTION_MOA_JOURNAL", str(tmp_path / "j.db"))

    async def scenario() -> None:
        async with running(a_fleet()) as client:
            names = ("a",) if strategy in ONE_AGENT else ("a", "b", "c")
            agents = "".join(AGENT.format(name=name, base_url=client.fleet.base_url) for name in names)
            layers = "layers = 2" if strategy in LAYERED else ""
            path = tmp_path / "e.toml"
            path.write_text(ENSEMBLE.format(strategy=strategy, layers=layers, agents=agents), encoding="utf-8")
            code, shown = await program("ensemble", "show", str(path))
            assert (code, f"strategy: {strategy}" in shown) == (0, True)
            code, checked = await program("ensemble", "check", str(path))
            assert (code, "all models work" in checked) == (0, True)
            code, planned = await program("plan", "-e", str(path), "--json", "Why?")
            assert code == 0
            code, asked = await program("ask", "-e", str(path), "--json", "Why?")
            record = record_from_json(asked)
            assert (code, record.state, record.degraded) == (0, "finished", ())
            assert len(record.calls) == count_calls(record.ensemble)
            assert msgspec.json.decode(planned)["total"]["calls"] == len(record.calls)
            code, exported = await program("runs", "export", record.run_id)
            assert (code, record_from_json(exported)) == (0, record)
            code, _ = await program("runs", "diff", record.run_id, record.run_id)
            assert code == 0

    asyncio.run(scenario())
