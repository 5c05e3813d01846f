"""The command line inside this process: quicker than a child, and with a terminal where one is wanted."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO

import pytest

from attention_moa.cli import main
from attention_moa.messages import CallRequest
from attention_moa.providers.scripted import Said, ScriptedProvider
from attention_moa.records import RunRecord
from attention_moa.runtime import Ensemble
from attention_moa.store import open_journal
from attention_moa.stored_runs import RunHead
from tests.asking import run
from tests.worlds import Says, a_spec, call_id, default_reply


class Done(NamedTuple):
    """How a command ended: its exit code, and what it wrote where; on a terminal ``out`` is all that shows."""

    status: int
    out: str
    err: str


class Terminal(NamedTuple):
    """A terminal: what a program reads from, what it writes to, and what has shown on it, the typing included."""

    keys: TextIO
    screen: TextIO
    shown: list[bytes]

    @property
    def text(self) -> str:
        """What has shown."""
        return b"".join(self.shown).decode().replace("\r\n", "\n")


@contextmanager
def a_terminal(columns: int, typed: str = "") -> Iterator[Terminal]:
    """Lend a terminal; what it has shown is whole once this is left.

    Args:
        columns: Its width.
        typed: What somebody has typed ahead.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    shown: list[bytes] = []

    def show() -> None:
        try:
            while piece := os.read(master, 65536):
                shown.append(piece)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=show)
    reader.start()
    try:
        os.write(master, typed.encode())
        with os.fdopen(os.dup(slave)) as keys, os.fdopen(slave, "w", buffering=1) as screen:
            yield Terminal(keys, screen, shown)
    finally:
        reader.join(timeout=60)
        os.close(master)


def inside(*arguments: str | Path, columns: int | None = None, typed: str = "") -> Done:
    """Run the command line to its end.

    Args:
        arguments: What follows the program's name.
        columns: Of the terminal that standard input and output are; None for none.
        typed: What somebody types there.
    """
    with redirect_stderr(TextIOWrapper(BytesIO(), "utf-8", write_through=True)) as err:
        if columns is None:
            out = TextIOWrapper(BytesIO(), "utf-8", write_through=True)
            status = _ended(arguments, TextIOWrapper(BytesIO(typed.encode()), "utf-8"), out)
            return Done(status, _written(out), _written(err))
        with a_terminal(columns, typed) as terminal, pytest.MonkeyPatch.context() as patch:
            patch.setenv("TERM", "xterm-256color")
            for variable in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
                patch.delenv(variable, raising=False)
            patch.setenv("COLUMNS", str(columns))
            status = _ended(arguments, terminal.keys, terminal.screen)
        return Done(status, terminal.text, _written(err))


def _ended(arguments: tuple[str | Path, ...], stdin: TextIO, stdout: TextIO) -> int:
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout):
        patch.setattr(sys, "stdin", stdin)
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _written(stream: TextIOWrapper) -> str:
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue().decode()


def ask_inside(path: Path, question: str = "Why?", *, script: dict[str, Says] | None = None, agents: int = 2) -> str:
    """Ask scripted agents, one layer; return the id of the run, which the journal then has.

    Args:
        path: The journal.
        question: What they are asked.
        script: What they say, by call id; all else names its call.
        agents: How many.
    """
    said = script or {}

    def says(request: CallRequest) -> Said:
        found = said.get(call_id(request), default_reply(request))
        return found(request) if callable(found) else found

    ensemble = Ensemble(a_spec(agents, layers=1), providers={"test": ScriptedProvider(says)}, journal=path)
    return ensemble.run_sync(question).run_id


def keep(path: Path, *runs: tuple[RunHead, RunRecord | None]) -> None:
    """Put runs into a journal as they are; one without a record is one that never ended."""

    async def kept() -> None:
        async with open_journal(path) as journal:
            await journal.secret()  # without a run, too, it is there
            for head, record in runs:
                place = await journal.begin(head)
                if record is not None:
                    for number, call in enumerate(record.calls):
                        await place.put(call.fingerprint or str(number), call)
                    await place.end(record)
                await place.release()

    run(kept)
