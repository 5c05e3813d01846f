"""Attention-MoA beside plain MoA: a small instance of the benchmark does its work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_small_instance_prints_both_rows() -> None:
    """Two agents and two layers: the calls are those of the formulas, and every cell has its number."""
    command = [sys.executable, "benchmarks/against_moa.py", "--runs", "1", "--time-scale", "0.005"]
    command += ["--shapes", "2x2", "--only", "fleet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    rows = {line[:26].strip(): line[26:].replace(",", "").split() for line in done.stdout.splitlines()[1:]}
    assert set(rows) == {"fleet 2x2 attention-moa", "fleet 2x2 moa"}
    assert [rows[name][4] for name in rows] == ["19", "3"]
    assert all(float(cell) >= 0 for cells in rows.values() for cell in cells)
    dearer, cheaper = (float(cells[-1]) for cells in rows.values())
    assert dearer > cheaper > 0
