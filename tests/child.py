"""A program of a few lines in a process of its own, with the tests' modules at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_TIMEOUT_S = 180.0


def printed_by(code: str, *arguments: str | Path) -> str:
    """Return what a program prints; assert that it ends well.

    Args:
        code: Python.
        arguments: Of its command line.
    """
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # noqa: TID251 - the child's own
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
