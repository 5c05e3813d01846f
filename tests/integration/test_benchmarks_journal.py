"""The journal's benchmark does its work; what it measures is for a person to read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_small_instance_prints_its_tables() -> None:
    """Every line has its numbers, in milliseconds above 0."""
    command = [sys.executable, "benchmarks/journal.py", "--calls", "40", "--listed", "400"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    lines = {line[:34].strip(): [float(part) for part in line[34:].split()] for line in measured(done.stdout)}
    assert set(lines) == {
        "one after the other",
        "8 together",
        "64 together",
        "prompt of 12 kB",
        "prompt of 400 kB",
        "prompt with an image of 2 MB",
        "100 calls a run",
        "400 calls a run",
    }
    assert all(number >= 0 for numbers in lines.values() for number in numbers)
    assert lines["one after the other"][0] > 0


def measured(printed: str) -> list[str]:
    """Return the lines that end with a number."""
    return [line for line in printed.splitlines() if re.search(r"\d\.\d+$", line)]
