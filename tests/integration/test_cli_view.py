"""The live view on a real terminal of its own: painted at once, gone at the end, the answer after it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cli_world import PROGRAM, TIMEOUT_S, environment, run_cli, write_ensemble

# Makes the terminal that it gets the one whose keyboard sends it signals, and becomes the program.
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """A child process on a terminal, and what it has written so far."""

    def __init__(self, child: subprocess.Popen[bytes], master: int) -> None:
        self.child = child
        self.written = b""
        self._master = master

    def read_until(self, text: str) -> str:
        """Read until a text was written; return all that was."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while text.encode() not in self.written and time.monotonic() < deadline_s and self._read():
            pass
        assert text.encode() in self.written, self.written[-2000:].decode(errors="replace")
        return self.written.decode()

    def read_while(self, goes_on: Callable[[str], bool]) -> None:
        """Read while what was written is not enough; the end of it may be half a character."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while is_short := goes_on(self.written.decode(errors="replace")):
            if time.monotonic() > deadline_s or not self._read():
                break
        assert not is_short, self.written[-2000:].decode(errors="replace")

    def read_prompt(self) -> None:
        """Read until the chat waits for a line: what is typed before that, the terminal may take for its own."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while not self.written.endswith(b"> ") and time.monotonic() < deadline_s and self._read():
            pass
        assert self.written.endswith(b"> "), self.written[-2000:].decode(errors="replace")

    def read_all(self) -> str:
        """Read until the child has ended; return all that was written."""
        while self._read():
            pass
        self.child.wait(timeout=TIMEOUT_S)
        return self.written.decode()

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def interrupt_until(self, text: str) -> None:
        """Press Ctrl-C until a text is written: one that comes just before the line editor listens waits for a key."""
        deadline_s = time.monotonic() + TIMEOUT_S
        while text.encode() not in self.written and time.monotonic() < deadline_s:
            self.type("\x03")
            while text.encode() not in self.written and self._read(1.0):
                pass
        assert text.encode() in self.written, self.written[-2000:].decode(errors="replace")

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size, and tell the child."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.child.send_signal(signal.SIGWINCH)

    def _read(self, wait_s: float = TIMEOUT_S) -> bool:
        ready, _, _ = select.select([self._master], [], [], wait_s)
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:  # the other side is closed
            data = b""
        self.written += data
        return bool(data)


def _unsized(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without a size, which would stand for the terminal's: a tests' worker may have one."""
    return {name: value for name, value in variables.items() if name not in ("COLUMNS", "LINES")}


@contextmanager
def on_terminal(
    *arguments: str | Path, folder: Path, columns: int = 100, lines: int = 30, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Yield the command line on a terminal of that size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-c", TAKE_TERMINAL, *PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=_unsized(environment(env)),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(child, master)
    finally:
        child.kill()
        child.wait(timeout=TIMEOUT_S)
        os.close(master)


def test_the_view_is_painted_before_the_providers_load(tmp_path: Path) -> None:
    """While a provider's module is still being imported, the ensemble, its layers and its calls are on the screen."""
    with on_terminal("ask", "-e", write_ensemble(tmp_path, "slow_import:quick"), "why?", folder=tmp_path) as terminal:
        terminal.read_until("0 of 4 calls")
        seen = terminal.read_until("loading the models")
        assert "mine" in seen
        assert "up to 1 layer" in seen
        (tmp_path / "go").touch()
        assert "loaded" in terminal.read_all()
    assert terminal.child.returncode == 0


def test_after_the_view_come_the_answer_as_markdown_and_the_account(tmp_path: Path) -> None:
    """Bold is bold, the model's own escape sequence is gone, the account has its table."""
    with on_terminal("ask", "-e", write_ensemble(tmp_path, "quick", "quick"), "why?", folder=tmp_path) as terminal:
        written = terminal.read_all()
    assert terminal.child.returncode == 0
    assert "\x1b[1ma\x1b[0m says summary red" in written
    assert "\x1b[31m" not in written.partition("says summary")[2][:40]
    assert "calls: 9 of 9 planned" in written
    assert "layer  stage     calls" in written
    assert "\x1b[?25h" in written  # the cursor is back


def test_the_view_shows_who_does_what_and_ctrl_c_on_the_keyboard_ends_it(tmp_path: Path) -> None:
    """Answers done, critiques under way; then the partial answer and exit code 130."""
    with on_terminal("ask", "-e", write_ensemble(tmp_path, "stuck", "stuck"), "why?", folder=tmp_path) as terminal:
        terminal.read_until("✓ done")
        terminal.read_until("2▶")
        terminal.type("\x03")
        written = terminal.read_all()
    assert terminal.child.returncode == 130
    assert "[partial: a's own answer, the best so far]" in written
    assert "a thinks so." in written
    assert "attention-moa: interrupted" in written
    assert "\x1b[?25h" in written


def _pictures(written: str) -> list[str]:
    """Return the pictures that were written from beginning to end: what is between the last lines of two of them."""
    return [between for between in written.split("a thinks so.")[1:-1] if "2▶" in between]


def test_a_terminal_that_changes_its_size_is_followed(tmp_path: Path) -> None:
    """After a resize the picture is that of the new width."""
    ensemble = write_ensemble(tmp_path, "stuck", "stuck")
    with on_terminal("ask", "-e", ensemble, "why?", folder=tmp_path, columns=100) as terminal:
        terminal.read_until("0/2")  # the count beside the critiques: only where there is room
        terminal.resize(60, 20)
        terminal.written = b""
        # Many pictures of the old size may still be on their way; behind one of the new size there is none.
        terminal.read_while(lambda written: all("0/2" in picture for picture in _pictures(written)))
        terminal.written = b""
        terminal.read_while(lambda written: len(_pictures(written)) < 2)
        assert b"0/2" not in terminal.written
        terminal.type("\x03")
        terminal.read_all()
    assert terminal.child.returncode == 130


def test_without_a_question_a_terminal_is_not_waited_for(tmp_path: Path) -> None:
    """One line says how to ask."""
    with on_terminal("ask", folder=tmp_path) as terminal:
        assert "attention-moa: no question: write one in quotes" in terminal.read_all()
    assert terminal.child.returncode == 2


def test_quiet_shows_no_view(tmp_path: Path) -> None:
    """Not one escape sequence."""
    with on_terminal("ask", "-q", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path) as terminal:
        assert terminal.read_all() == "**a** says summary red\r\n"


def test_events_on_a_terminal_are_not_torn_by_a_view(tmp_path: Path) -> None:
    """Lines of JSON and nothing between them."""
    with on_terminal("ask", "--events", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path) as terminal:
        lines = terminal.read_all().splitlines()
    assert lines
    assert not [line for line in lines if not line.startswith('{"event":')]


def test_a_chat_on_a_terminal_answers_and_keeps_the_conversation(tmp_path: Path) -> None:
    """The prompt comes back after each answer; /quit leaves."""
    ensemble = write_ensemble(tmp_path, "question", more="[attention]\nself = false\npeers = 0\n")
    with on_terminal("chat", "-e", ensemble, folder=tmp_path) as terminal:
        terminal.read_until("/help helps.")
        terminal.read_until("> ")
        terminal.type("my name is Ann\r")
        terminal.read_until("the run has one layer, and ends with it")
        terminal.type("/quit\r")
        terminal.read_all()
    assert terminal.child.returncode == 0


def test_ctrl_c_in_a_chat_ends_the_answer_and_keeps_the_chat(tmp_path: Path) -> None:
    """The run is interrupted, the question is dropped, and the next line is read."""
    with on_terminal("chat", "-e", write_ensemble(tmp_path, "stuck"), folder=tmp_path) as terminal:
        terminal.read_until("> ")
        terminal.type("why?\r")
        terminal.read_until("1▶")
        terminal.type("\x03")
        terminal.read_until("the question is not kept")
        terminal.read_prompt()
        terminal.interrupt_until("(/quit or Ctrl-D leaves)")  # at the prompt it does not leave either
        terminal.read_prompt()
        terminal.type("/undo\r")
        terminal.read_until("nothing to undo")
        terminal.read_prompt()
        terminal.type("\x04")
        terminal.read_all()
    assert terminal.child.returncode == 0


def test_a_terminal_without_the_characters_gets_the_answer_all_the_same(tmp_path: Path) -> None:
    """A question mark stands for what it does not have."""
    ensemble = write_ensemble(tmp_path, "listing")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    with on_terminal("ask", "-e", ensemble, "why?", folder=tmp_path, env=ascii_only) as terminal:
        written = terminal.read_all()
    assert terminal.child.returncode == 0
    assert "Traceback" not in written
    assert "na?ve" in written
    assert "calls: 4 of 4 planned" in written


def test_a_dumb_terminal_gets_lines(tmp_path: Path) -> None:
    """What it cannot paint over is told in words, without escape sequences."""
    ensemble = write_ensemble(tmp_path, "quick")
    with on_terminal("ask", "-e", ensemble, "why?", folder=tmp_path, env={"TERM": "dumb"}) as terminal:
        written = terminal.read_all()
    assert terminal.child.returncode == 0
    assert written.startswith("mine: 1 agent, at most 1 layer and 4 calls\r\nlayer 1 done, 4 of 4 calls")
    assert "\x1b" not in written


def test_tables_and_lines_fit_the_terminal_without_a_cut_word(tmp_path: Path) -> None:
    """Every row is folded within its columns; the same on a pipe stays one line a row."""
    arguments = ("ensemble", "show", "paper-small")
    with on_terminal(*arguments, folder=tmp_path, columns=72) as terminal:
        lines = terminal.read_all().replace("\r\n", "\n").splitlines()
    assert max(map(len, lines)) <= 72
    piped = run_cli(*arguments, folder=tmp_path).stdout.decode()
    head = " ".join(lines).split("agent  ")[0]
    assert head.split() == piped.split("agent  ")[0].split()
    assert max(map(len, piped.splitlines())) > 72


def test_quiet_folds_nothing(tmp_path: Path) -> None:
    """The answer is the answer, however long its lines."""
    ensemble = write_ensemble(tmp_path, "question", more="[attention]\nself = false\npeers = 0\n")
    long = "word " * 30 + "end"
    with on_terminal("ask", "-q", "-e", ensemble, long, folder=tmp_path, columns=40) as terminal:
        assert long in terminal.read_all()
