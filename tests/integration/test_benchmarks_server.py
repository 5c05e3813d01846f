"""The server's benchmarks do their work in small; what they measure is for a person to read."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 600


def printed(script: str, *options: str) -> str:
    """Return what a benchmark prints; assert that nothing was wrong."""
    command = [sys.executable, f"benchmarks/{script}", *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_server_is_measured_beside_the_library() -> None:
    """Every row has its numbers above 0, and the library is its own measure."""
    text = printed("server.py", "--runs", "8", "--at-once", "4", "--passes", "1")
    rows = {
        line[:28].strip(): [float(cell) for cell in line[28:].split()] for line in text.splitlines() if line[:1] > " "
    }
    assert list(rows) == ["in process", "through the server", "the same, streamed", "in process, streamed"]
    assert all(number > 0 for numbers in rows.values() for number in numbers)
    assert rows["in process"][-2:] == [1.0, 1.0]


def test_twenty_clients_at_once_all_get_their_answers() -> None:
    """No error, whenever they come, and each of the three processes has its share."""
    limits = ["--most-first-byte-s", "inf", "--most-lag-s", "inf", "--most-growth", "128"]  # never a timed test
    text = printed(
        "server_load.py", "--clients", "20", "--seconds", "8", "--ramp-s", "0", "--decode-tps", "300", *limits
    )
    found = re.search(r"^runs +(\d+) with an answer, 0 without", text, re.MULTILINE)
    assert found is not None, text
    assert int(found[1]) >= 20
    assert re.search(r"^CPU .*server \d\.\d+, fleet \d\.\d+, clients \d\.\d+$", text, re.MULTILINE), text


def test_500_hostile_requests_leave_nothing_behind() -> None:
    """Every kind was sent, none was answered with a 5xx, and good requests among them were served."""
    text = printed("server_hostile.py", "--requests", "500", "--most-growth", "128", "--patience", "120")
    rows = dict(re.findall(r"^(\S.*?) {2,}(\d+) +\d+\.\d\d  ", text, re.MULTILINE))
    assert len(rows) == 19
    assert sum(map(int, rows.values())) > 500
    assert re.search(r"^good ones .* 200: \d+$", text, re.MULTILINE), text
