"""The crash test in small: a dozen kills on both stores, and nothing that was journaled is sent again."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from attention_moa.store import open_journal
from benchmarks._crash_world import Child, a_fleet, a_world

ROOT = Path(__file__).parents[2]


def test_a_dozen_killed_runs_end_as_if_nothing_had_happened() -> None:
    """Each with the text and the account of an undisturbed run; only what was in flight is sent twice."""
    command = [sys.executable, "benchmarks/crash.py", "--kills", "12", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    head, *lines = (line.split() for line in done.stdout.splitlines())
    rows = {line[0]: dict(zip(head[1:], map(int, line[1:]), strict=True)) for line in lines}
    assert "sqlite" in rows
    assert sum(row["kills"] for row in rows.values()) >= 12
    assert sum(row["journaled"] for row in rows.values()) > 12
    for row in rows.values():
        assert row["runs"] == row["equal"] == row["accounts"] > 0
        assert row["violations"] == row["lost"] == 0
        assert row["requests"] == row["runs"] * 33 + row["repeats"]


def test_a_kill_while_a_journal_is_made_leaves_one_that_works(tmp_path: Path) -> None:
    """Whatever there was of it."""
    chance = random.Random(7)

    async def scenario() -> None:
        async with a_world(str(tmp_path / "calm.db"), a_fleet(time_scale=0.0)) as world:
            for number in range(6):
                path = str(tmp_path / f"{number}.db")
                child = await Child.start(world.ensemble, path, "Why is the sky blue?", None)
                child.go()
                await child.end(chance.uniform(0.0, 0.1))
                async with open_journal(path) as journal:
                    for row in await journal.rows():
                        await journal.record(row.run_id)
                if number % 3 == 0:
                    other = await Child.start(world.ensemble, path, "Why is the sky blue?", None)
                    other.go()
                    assert "text" in await other.end()

    asyncio.run(scenario())
