"""Ctrl-C and its kin: every call ends, what is finished is shown, the exit code tells."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from attention_moa.codec import event_from_json, record_from_json
from attention_moa.events import CallCancelled, RunFinished
from tests.cli_world import TIMEOUT_S, run_cli, start_cli, wait_until, write_ensemble


def written(path: Path) -> str:
    """Return what is in a file; nothing where there is none yet."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def interrupted(
    folder: Path, *options: str | Path, function: str = "stuck", signum: int = signal.SIGINT
) -> subprocess.CompletedProcess[bytes]:
    """Return how a run ended that got a signal when its calls were under way."""
    ensemble = write_ensemble(folder, function, function, more="[calls]\nattempts = 1\n")
    child = start_cli("ask", "-e", ensemble, *options, "why?", folder=folder)
    under_way = 4 if function == "stuck" else 2
    wait_until(lambda: written(folder / "begun").count("\n") == under_way, "all calls that can be under way")
    child.send_signal(signum)
    out, err = child.communicate(timeout=TIMEOUT_S)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_and_what_is_finished_is_shown(tmp_path: Path, signum: int, code: int) -> None:
    """The best text so far is labelled as partial, and the account says which calls were done."""
    done = interrupted(tmp_path, signum=signum)
    assert done.returncode == code
    assert done.stdout.decode() == "[partial: a's own answer, the best so far]\n\na thinks so.\n"
    told = done.stderr.decode()
    assert "mine: cancelled after" in told
    assert "2 of 9 planned, 4 broken off" in told
    assert any(line.split()[:3] == ["1", "critique", "0/4"] for line in told.splitlines())
    word = "terminated" if signum == signal.SIGTERM else "interrupted"
    assert told.splitlines()[-2] == f"attention-moa: {word}"
    assert "Traceback" not in told


def test_with_nothing_finished_nothing_is_made_up(tmp_path: Path) -> None:
    """No text, but the account of what was begun."""
    done = interrupted(tmp_path, function="silent")
    assert (done.returncode, done.stdout) == (130, b"")
    assert "0 of 9 planned, 2 broken off" in done.stderr.decode()


def test_the_record_of_an_interrupted_run_is_printed_and_traced(tmp_path: Path) -> None:
    """With --json and --trace, all that is finished is in it, and it says that it was cancelled."""
    trace = tmp_path / "trace.json"
    done = interrupted(tmp_path, "--json", "--trace", trace)
    record = record_from_json(done.stdout)
    assert record == record_from_json(trace.read_bytes())
    assert (record.state, record.error) == ("cancelled", "interrupted")
    assert sorted(call.state for call in record.calls) == ["cancelled"] * 4 + ["finished"] * 2


def test_the_events_of_an_interrupted_run_end_as_they_should(tmp_path: Path) -> None:
    """Every cancelled call and the end of the run are events."""
    events = [event_from_json(line) for line in interrupted(tmp_path, "--events").stdout.splitlines()]
    assert sum(isinstance(event, CallCancelled) for event in events) == 4
    assert isinstance(events[-1], RunFinished)
    assert events[-1].state == "cancelled"


def test_quiet_prints_no_partial_answer(tmp_path: Path) -> None:
    """A program that reads the answer does not take half of one for it; what is finished is in the journal."""
    done = interrupted(tmp_path, "--quiet")
    assert (done.returncode, done.stdout) == (130, b"")
    assert done.stderr.startswith(b"attention-moa: interrupted\nwhat was finished is kept: attention-moa runs resume ")


def test_what_is_finished_and_kept_nowhere_is_told_beside_the_answer(tmp_path: Path) -> None:
    """Without a journal even a quiet run does not throw away what it paid for."""
    done = interrupted(tmp_path, "--quiet", "--no-journal")
    assert (done.returncode, done.stdout) == (130, b"")
    assert b"[partial: a's own answer, the best so far]\na thinks so.\n" in done.stderr


def is_at_end(pipe: int) -> bool:
    """Return whether nobody holds the other end of a pipe any more."""
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


def test_programs_that_were_asked_are_ended_too(tmp_path: Path) -> None:
    """No child is left behind."""
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho $$ > pid\nexec sleep 600\n", encoding="utf-8")
    program.chmod(0o755)
    ensemble = tmp_path / "mine.toml"
    ensemble.write_text(f'[[agents]]\nname = "a"\nmodel = "command:{program}"\n', encoding="utf-8")
    child = start_cli("ask", "-e", ensemble, "why?", folder=tmp_path)
    wait_until(lambda: bool(written(tmp_path / "pid")), "the program")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 0)


def test_a_second_signal_kills(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice is not kept waiting by a program that will not end, and is rid of it too."""
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\ntrap "" TERM INT\nexec 9>alive\nsleep 90 &\ntouch begun\nwait\n', encoding="utf-8")
    program.chmod(0o755)
    ensemble = tmp_path / "mine.toml"
    ensemble.write_text(f'[[agents]]\nname = "a"\nmodel = "command:{program}"\n', encoding="utf-8")
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    child = start_cli("ask", "-e", ensemble, "why?", folder=tmp_path)
    wait_until((tmp_path / "begun").exists, "the program")
    assert not is_at_end(alive)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    for line in child.stderr:
        if line.startswith(b"stopping"):
            break
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=TIMEOUT_S)
    assert child.returncode in (-signal.SIGINT, 130)
    wait_until(lambda: is_at_end(alive), "the end of the program and of what it started")
    os.close(alive)


def test_an_interrupted_check_says_so(tmp_path: Path) -> None:
    """Exit code 130 and one line, without a traceback."""
    ensemble = write_ensemble(tmp_path, "silent")
    child = start_cli("ensemble", "check", ensemble, folder=tmp_path)
    wait_until((tmp_path / "begun").exists, "the question")
    child.send_signal(signal.SIGINT)
    found, told = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 130, (found, told)
    assert told.decode().splitlines()[-1] == "attention-moa: interrupted"
    assert b"Traceback" not in told


def test_a_signal_before_the_run_is_no_crash(tmp_path: Path) -> None:
    """While a module is still being imported, Ctrl-C ends it all the same."""
    ensemble = write_ensemble(tmp_path, "slow_import:quick")
    child = start_cli("ask", "-e", ensemble, "why?", folder=tmp_path)
    wait_until((tmp_path / "importing").exists, "the import")
    child.send_signal(signal.SIGINT)
    (tmp_path / "go").touch()
    _, told = child.communicate(timeout=TIMEOUT_S)
    assert child.returncode == 130
    assert b"Traceback" not in told


def test_the_same_run_without_a_signal_ends_well(tmp_path: Path) -> None:
    """The measure works: it is the signal that ends these runs."""
    (tmp_path / "go").touch()
    done = run_cli("ask", "-q", "-e", write_ensemble(tmp_path, "slow_import:quick"), "why?", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith(b"loaded")


def test_a_run_that_hangs_in_a_pipe_says_for_whom_it_waits(tmp_path: Path) -> None:
    """After ten seconds without any other line."""
    child = start_cli("ask", "-e", write_ensemble(tmp_path, "silent", "silent"), "why?", folder=tmp_path)
    assert child.stderr is not None
    lines = [child.stderr.readline().decode() for _ in range(2)]
    child.terminate()
    child.communicate(timeout=TIMEOUT_S)
    assert lines[0] == "mine: 2 agents, at most 1 layer and 9 calls\n"
    assert re.fullmatch(
        r"layer 1, 0 of 9 calls, \d+\.\d s; waiting for 2 calls, longest for a's answer \(asked, \d+ s\)\n", lines[1]
    )
