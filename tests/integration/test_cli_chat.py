"""``attention-moa chat`` through a pipe: every line a question or a command."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from attention_moa.cli.conversations import parse_conversation
from attention_moa.messages import assistant, system, user
from tests.cli_world import PROGRAM, TIMEOUT_S, environment, only_line, run_cli, wait_until, write_ensemble

PLAIN = "[attention]\nself = false\npeers = 0\n"


def test_every_question_goes_with_the_turns_before_it(tmp_path: Path) -> None:
    """The second prompt holds the first question too."""
    ensemble = write_ensemble(tmp_path, "question", more=PLAIN)
    done = run_cli("chat", "-e", ensemble, folder=tmp_path, text=b"first\n\nsecond\n")
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode()
    assert said.count("user: first") > said.count("user: second") > 0


def test_what_was_said_is_saved_and_goes_on_elsewhere(tmp_path: Path) -> None:
    """The file holds the turns that are left after an undo, and ``ask --file`` reads it."""
    ensemble = write_ensemble(tmp_path, "quick")
    text = b"first\nsecond\n/undo\n/system be short\n/save talk.json\n"
    done = run_cli("chat", "-e", ensemble, folder=tmp_path, text=text)
    assert done.returncode == 0, done.stderr
    saved = (tmp_path / "talk.json").read_text(encoding="utf-8")
    answer = "**a** says summary \x1b[31mred\x1b[0m"
    assert parse_conversation(saved, "f") == (system("be short"), user("first"), assistant(answer))
    asked = run_cli("ask", "-q", "-e", ensemble, "-f", "talk.json", "third", folder=tmp_path)
    assert asked.returncode == 0


def test_layers_and_system_prompt_can_be_changed_on_the_way(tmp_path: Path) -> None:
    """What is set is told, and holds for the next question."""
    ensemble = write_ensemble(tmp_path, "question", layers=2, more=PLAIN)
    text = b"/layers\n/layers 1\n/system\n/system speak up\n/help\nhello\n/system -\n/quit\nnever asked\n"
    done = run_cli("chat", "-e", ensemble, folder=tmp_path, text=text)
    told = done.stderr.decode()
    assert done.returncode == 0, told
    for line in ("at most 2 layers and 5 calls", "at most 1 layer and 2 calls", "system prompt: speak up", "/undo"):
        assert line in told
    assert told.count("no system prompt") == 2
    assert "mine: 1 agent, at most 1 layer and 2 calls" in told
    assert "speak up" in done.stdout.decode()
    assert "never asked" not in done.stdout.decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"/nope\n", "/nope is no command"),
        (b"/layers many\n", "/layers: 'many' is no number"),
        (b"/layers 99\n", "layers: 99"),
        (b"/save\n", "/save: no file"),
        (b"/save no/such/folder\n", "/save: 'no/such/folder' cannot be written: No such file"),
        (b"caf\xe9\n", "standard input: not UTF-8"),
    ],
)
def test_a_wrong_line_is_told_in_one_line_and_in_the_exit_code(tmp_path: Path, text: bytes, words: str) -> None:
    """A program that drives the chat learns that something was wrong."""
    done = run_cli("chat", "-e", write_ensemble(tmp_path, "quick"), folder=tmp_path, text=text)
    assert done.returncode == 2
    assert words in only_line(done.stderr)


def test_a_terminated_chat_ends_with_its_code(tmp_path: Path) -> None:
    """SIGTERM during an answer ends the run and the chat."""
    ensemble = write_ensemble(tmp_path, "stuck")
    with subprocess.Popen(
        [*PROGRAM, "chat", "-e", str(ensemble)],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        child.stdin.write(b"why?\nnever asked\n")
        child.stdin.flush()
        wait_until((tmp_path / "begun").exists, "a call that is under way")
        child.send_signal(signal.SIGTERM)
        said, told = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 143
    assert said.startswith(b"[partial: ")
    assert told.decode().count("at most 1 layer") == 1


def test_a_failed_turn_is_told_and_the_chat_goes_on(tmp_path: Path) -> None:
    """The question is not kept; the exit code is that of a failed run."""
    done = run_cli("chat", "-e", write_ensemble(tmp_path, "broken"), folder=tmp_path, text=b"one\n/undo\n")
    told = done.stderr.decode()
    assert done.returncode == 1
    assert "no agent gave an answer" in told
    assert "the question is not kept" in told
    assert "nothing to undo" in told


def test_a_fault_of_the_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    """One line, exit code 2."""
    done = run_cli("chat", "-e", "nope.toml", folder=tmp_path, text=b"hello\n")
    assert done.returncode == 2
    assert "'nope.toml' is neither a file" in only_line(done.stderr)
