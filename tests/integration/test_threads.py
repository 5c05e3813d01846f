"""Several threads at once, in processes of their own: what crashes takes the interpreter with it."""

from __future__ import annotations

import subprocess
import sys

from tests.cli_world import ROOT, environment

TIMES = 6


def test_threads_may_be_the_first_to_read_records() -> None:
    """Runs that go on read their journal in threads; msgspec crashed one in three times where they were the first."""
    for _ in range(TIMES):
        child = subprocess.run(
            [sys.executable, "-m", "tests.first_decoded"],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            check=False,
            timeout=300,
        )
        assert (child.returncode, child.stdout.split()) == (0, [b"8"]), child.stderr.decode()
