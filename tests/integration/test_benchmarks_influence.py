"""The benchmark of planted causes: a small instance does its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def ran(*options: str) -> subprocess.CompletedProcess[str]:
    """Return how the benchmark ended."""
    command = [sys.executable, "benchmarks/influence.py", "--cases", "220", "--size", "20000", *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)


def test_planted_causes_are_found() -> None:
    """In 95 of 100 cases at least, of every kind and in every language that it prints."""
    done = ran()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split("  ")[0] for line in done.stdout.splitlines()]
    assert {"added", "in other words", "deleted", "two demands", "moved", "English", "Chinese", "all"} <= set(lines)
    (everything,) = (line.split() for line in done.stdout.splitlines() if line.startswith("all "))
    assert everything[1] == "220"
    assert int(everything[2]) >= 209
    assert done.stdout.count("20,000 characters, changed: ") == 4


def test_too_few_of_them_are_an_error() -> None:
    """Where more is asked for than can be."""
    assert ran("--least", "1.01").returncode == 1
