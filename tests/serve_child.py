"""``attention-moa serve`` in a process of its own, at a free port of loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60.0
_GRACE_S = 3.0

before_end: list[Callable[[str], None]] = []
"""Told the address of a server that a test leaves running, before it ends: who has its pages open closes them first."""


class ServeChild(NamedTuple):
    """A server that is up.

    Args:
        process: Its process.
        url: Its address, as it said.
        log: The file that its standard error goes to.
    """

    process: subprocess.Popen[str]
    url: str
    log: Path

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Return the exit code after a signal."""
        self.process.send_signal(signum)
        return self.process.wait(_PATIENCE_S)


@contextmanager
def serve_child(folder: Path, *options: str, variables: dict[str, str] | None = None) -> Iterator[ServeChild]:
    """Lend a server; where the test leaves it running it is ended, in mid-run too.

    Args:
        folder: Where it is started, and has its journal and log.
        options: Of the command line.
        variables: Of its environment, beside the test's own.
    """
    command: Sequence[str] = (
        *(sys.executable, "-m", "attention_moa", "serve", "--port", "0"),
        *("--journal", str(folder / "journal.db"), *options),
    )
    log = folder / "serve.log"
    own = dict(os.environ)  # noqa: TID251 - the child's own
    path = os.pathsep.join(part for part in (str(ROOT), own.get("PYTHONPATH", "")) if part)
    environment = {**own, "PYTHONPATH": path, **(variables or {})}
    with (
        log.open("ab") as told,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=told, text=True, cwd=folder, env=environment
        ) as process,
    ):
        try:
            url = cast("IO[str]", process.stdout).readline().strip()
            assert url.startswith("http://"), log.read_text(encoding="utf-8")
            yield ServeChild(process, url, log)
            for let_go in tuple(before_end):
                let_go(url)
            _end(process)
        finally:
            process.kill()


def _end(process: subprocess.Popen[str]) -> None:
    """Ask a server to end, and once more, as for runs that nobody waits for: killed, it would tell no coverage."""
    for grace_s in (_GRACE_S, _PATIENCE_S):
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            continue
        return
