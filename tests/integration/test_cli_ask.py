"""``attention-moa ask`` as a program: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from attention_moa.codec import event_from_json, record_from_json
from attention_moa.events import CallDelta, RunFinished, RunStarted
from tests.cli_world import PROGRAM, TIMEOUT_S, environment, only_line, run_cli, write_ensemble

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_piped_the_answer_is_plain_and_the_account_is_beside_it(tmp_path: Path) -> None:
    """Standard output holds the answer alone, without the model's escape sequences; standard error is short."""
    done = run_cli("ask", "-e", write_ensemble(tmp_path, "quick", "quick"), "why?", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout == b"**a** says summary red\n"
    lines = done.stderr.decode().splitlines()
    assert lines[0] == "mine: 2 agents, at most 1 layer and 9 calls"
    assert "calls: 9 of 9 planned" in lines
    assert len(lines) < 10
    assert b"\x1b" not in done.stderr


def test_quiet_is_the_answer_and_nothing_else(tmp_path: Path) -> None:
    """Not a word on standard error."""
    done = run_cli("ask", "-q", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"**a** says summary red\n", b"")


def test_json_is_the_whole_record(tmp_path: Path) -> None:
    """One document that reads back as a record, and nothing on standard error."""
    done = run_cli("ask", "--json", "-l", "2", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path)
    record = record_from_json(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (record.state, record.ensemble.layers, len(record.calls)) == ("finished", 2, 9)
    assert record.conversation[-1].text == "why?"
    assert b"\x1b" not in done.stdout


def test_events_are_lines_of_json_from_start_to_end(tmp_path: Path) -> None:
    """Each reads back as an event; pieces of text are not among them."""
    done = run_cli("ask", "--events", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path)
    events = [event_from_json(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].state == "finished"
    assert not [event for event in events if isinstance(event, CallDelta)]


@pytest.mark.parametrize("flag", ["--json", "--events", "--quiet"])
def test_what_an_agent_prints_is_no_result(tmp_path: Path, flag: str) -> None:
    """It goes to standard error, so that what reads standard output is not broken by it."""
    done = run_cli("ask", flag, "-e", write_ensemble(tmp_path, "chatty"), "Why?", folder=tmp_path)
    assert done.returncode == 0
    assert b"NOISE" in done.stderr
    assert b"NOISE" not in done.stdout
    assert done.stdout.startswith(b"{" if flag != "--quiet" else b"**a** says")


def test_a_trace_is_the_record_beside_the_answer(tmp_path: Path) -> None:
    """The file reads back as the record of the run whose answer was printed."""
    ensemble, trace = write_ensemble(tmp_path, "quick"), tmp_path / "trace.json"
    done = run_cli("ask", "--trace", trace, "-e", ensemble, "why?", folder=tmp_path)
    assert done.returncode == 0
    assert record_from_json(trace.read_bytes()).state == "finished"


def test_a_trace_is_for_its_user_alone(tmp_path: Path) -> None:
    """It holds every text of the run; a file that was there keeps its mode, and nothing else of what it held."""
    ensemble, new, old = write_ensemble(tmp_path, "quick"), tmp_path / "new.json", tmp_path / "old.json"
    old.write_bytes(b"x" * 100_000)
    old.chmod(0o644)
    before = os.umask(0)
    try:
        for trace in (new, old):
            assert run_cli("ask", "--trace", trace, "-e", ensemble, "why?", folder=tmp_path).returncode == 0
            assert record_from_json(trace.read_bytes()).state == "finished"
    finally:
        os.umask(before)
    assert [stat.S_IMODE(trace.stat().st_mode) for trace in (new, old)] == [0o600, 0o644]


def test_a_trace_is_written_for_a_run_that_fails(tmp_path: Path) -> None:
    """What was lost is in it."""
    ensemble, trace = write_ensemble(tmp_path, "broken"), tmp_path / "trace.json"
    done = run_cli("ask", "--trace", trace, "-e", ensemble, "why?", folder=tmp_path)
    assert done.returncode == 1
    record = record_from_json(trace.read_bytes())
    assert (record.state, record.text) == ("failed", None)
    assert record.losses


def test_a_trace_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    """Nothing is paid for a run whose record would be lost."""
    ensemble = write_ensemble(tmp_path, "silent")
    done = run_cli("ask", "-q", "--trace", tmp_path / "no" / "t.json", "-e", ensemble, "why?", folder=tmp_path)
    assert done.returncode == 2
    assert "--trace: " in only_line(done.stderr)
    assert not (tmp_path / "begun").exists()


def test_a_trace_that_fails_at_the_end_does_not_cost_the_answer(tmp_path: Path) -> None:
    """The disk is full: the answer is printed, then the problem is told in the last line and in the exit code."""
    done = run_cli("ask", "--trace", "/dev/full", "-e", write_ensemble(tmp_path, "quick"), "why?", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout == b"**a** says summary red\n"
    assert "--trace: '/dev/full' cannot be written: No space left" in done.stderr.decode().splitlines()[-1]


def test_a_run_that_never_began_is_traced_as_failed(tmp_path: Path) -> None:
    """A missing key ends it before the first call; the record says so."""
    trace = tmp_path / "trace.json"
    done = run_cli("ask", "-q", "--trace", trace, "-e", "paper-small", "why?", folder=tmp_path)
    assert done.returncode == 2
    record = record_from_json(trace.read_bytes())
    assert (record.state, record.calls) == ("failed", ())
    assert "OPENROUTER_API_KEY is not set" in (record.error or "")


def test_a_degraded_answer_is_an_answer_and_says_so(tmp_path: Path) -> None:
    """Exit code 0, and every loss and stand-in on standard error, in one cleaned line each."""
    done = run_cli("ask", "-e", write_ensemble(tmp_path, "quick", "half_broken"), "why?", folder=tmp_path)
    told = done.stderr.decode()
    assert done.returncode == 0
    assert "lost in layer 1: b's critique of a (" in told
    assert "degraded in layer 1, refine, b: its own" in told
    assert "no luck [bold]today" in told


def test_a_failed_run_says_why_in_one_line(tmp_path: Path) -> None:
    """The agent, the model, what happened; the record still comes with --json."""
    ensemble = write_ensemble(tmp_path, "broken")
    done = run_cli("ask", "-q", "-e", ensemble, "why?", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    line = only_line(done.stderr)
    assert "no agent gave an answer: a (python:tests.cli_agents:broken): " in line
    assert "no luck [bold]today" in line
    done = run_cli("ask", "--json", "-e", ensemble, "why?", folder=tmp_path)
    assert done.returncode == 1
    assert record_from_json(done.stdout).state == "failed"


def test_an_address_that_nobody_listens_on_is_named_with_the_mend(tmp_path: Path) -> None:
    """The agent, the model, the address, and what to look at."""
    path = tmp_path / "dead.toml"
    path.write_text(
        '[[agents]]\nname = "q"\nmodel = "openai:m"\nbase_url = "http://127.0.0.1:9/v1"\n[calls]\nattempts = 1\n',
        encoding="utf-8",
    )
    done = run_cli("ask", "-q", "-e", path, "why?", folder=tmp_path)
    assert done.returncode == 1
    line = only_line(done.stderr)
    assert "q (openai:m at http://127.0.0.1:9/v1): TransportError: " in line
    assert "is the server running" in line


@pytest.mark.parametrize("source", ["argument", "environment", "pipe", "dash"])
def test_the_question_comes_from_where_it_is(tmp_path: Path, source: str) -> None:
    """An argument, the environment, a pipe, or a dash that asks for the pipe."""
    ensemble = write_ensemble(tmp_path, "question", more="[attention]\nself = false\npeers = 0\n")
    asked = 'it\'s $HOME `ls` "so" ü 空'
    arguments = {"argument": [asked], "dash": ["-"]}.get(source, [])
    env = {"ATTENTION_MOA_QUESTION": asked} if source == "environment" else {}
    text = f"{asked}\n".encode() if source in ("pipe", "dash") else b""
    done = run_cli("ask", "--json", "-e", ensemble, *arguments, folder=tmp_path, text=text, env=env)
    assert done.returncode == 0, done.stderr
    assert record_from_json(done.stdout).conversation[-1].text == asked


def test_an_argument_goes_before_the_environment(tmp_path: Path) -> None:
    """What was typed is what is asked."""
    ensemble = write_ensemble(tmp_path, "quick")
    env = {"ATTENTION_MOA_QUESTION": "not this"}
    done = run_cli("ask", "--json", "-e", ensemble, "this", folder=tmp_path, env=env)
    assert record_from_json(done.stdout).conversation[-1].text == "this"


def test_a_conversation_with_a_system_prompt_and_an_image_reaches_the_agents(tmp_path: Path) -> None:
    """Its turns are sent as turns, the question after them, the image with its bytes."""
    talk = tmp_path / "talk.json"
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    turns = [
        {"role": "user", "content": [{"type": "text", "text": "look"}, image]},
        {"role": "assistant", "content": "a pixel"},
    ]
    talk.write_text(json.dumps({"messages": turns}), encoding="utf-8")
    ensemble = write_ensemble(tmp_path, "question")
    done = run_cli("ask", "--json", "-e", ensemble, "-f", talk, "-s", "be short", "and?", folder=tmp_path)
    record = record_from_json(done.stdout)
    assert [turn.role for turn in record.conversation] == ["system", "user", "assistant", "user"]
    assert [turn.text for turn in record.conversation] == ["be short", "look", "a pixel", "and?"]
    (answer,) = (call for call in record.calls if call.stage == "answer")
    assert any(message.has_images for message in answer.messages)


def test_a_conversation_alone_has_to_end_with_the_user(tmp_path: Path) -> None:
    """There is nothing to answer otherwise; one line says so."""
    talk = tmp_path / "talk.json"
    talk.write_text('[{"role": "assistant", "content": "hello"}]', encoding="utf-8")
    done = run_cli("ask", "-q", "-e", write_ensemble(tmp_path, "quick"), "-f", talk, folder=tmp_path)
    assert done.returncode == 2
    assert "the last turn has to be the user's" in only_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        ([""], b"", ["the question is empty"]),
        ([" \n"], b"", ["the question is empty"]),
        ([], b"", ["the question is empty"]),
        (["-"], b"\n\n", ["the question is empty"]),
        (["-"], b"ok\ncaf\xe9", ["standard input: not UTF-8 (line 2)"]),
        ([os.fsdecode(b"caf\xe9")], b"", ["QUESTION: not UTF-8"]),
        (["--nope", "x"], b"", ["--nope", "attention-moa ask --help"]),
        (["-e", "papper-small", "x"], b"", ["ensemble: 'papper-small' is neither", "did you mean paper-small?"]),
        (["-l", "0", "x"], b"", ["--layers"]),
        (["-l", "99", "x"], b"", ["layers: 99"]),
        (["--json", "--quiet", "x"], b"", ["--json and --quiet exclude each other"]),
        (["--events", "--json", "x"], b"", ["--json and --events exclude each other"]),
        (["--model-file", "none.gguf", "x"], b"", ["--model-file", "none.gguf", "does not exist"]),
        (["--file", "none.json"], b"", ["--file: 'none.json' cannot be read: No such file"]),
        (["--file", "-"], b"{", ["-: not JSON"]),
        (["--file", "-", "-"], b"{", ["QUESTION and --file are both -"]),
        (
            ["--file", "-", "-s", "be long", "why?"],
            b'[{"role": "system", "content": "be short"}]',
            ["-: has a system message already: leave out --system"],
        ),
        (["-l", "two", "x"], b"", ["--layers", "write a whole number from 1 up, not 'two'"]),
        (["--usd", "inf", "x"], b"", ["--usd", "write a finite number above 0, not 'inf'"]),
        (["-e", "paper-small", "-q", "x"], b"", ["OPENROUTER_API_KEY is not set"]),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], text: bytes, words: list[str]
) -> None:
    """It names the field, the value and the mend; no traceback."""
    done = run_cli("ask", *arguments, folder=tmp_path, text=text)
    assert (done.returncode, done.stdout) == (2, b"")
    line = only_line(done.stderr)
    assert [word for word in words if word not in line] == [], line


@pytest.mark.parametrize("options", [("--journal", "foreign.db"), ("--replay",), ("--trace", "none/x.json")])
def test_what_cannot_run_is_one_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Nothing is said of a run before there is one."""
    (tmp_path / "foreign.db").write_bytes(b"no database at all" * 100)
    done = run_cli("ask", "-e", write_ensemble(tmp_path, "quick"), *options, "x", folder=tmp_path)
    assert done.returncode in {1, 2}
    lines = [
        line for line in done.stderr.decode().splitlines() if not line.startswith("mine: ") or "--replay" not in options
    ]
    assert len(lines) == 1
    assert lines[0].startswith("attention-moa: ")


def test_a_reader_that_leaves_is_no_crash(tmp_path: Path) -> None:
    """``ask … | head`` ends without a traceback, as if the pipe's signal had ended it."""
    ensemble = write_ensemble(tmp_path, "quick")
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        done = subprocess.run(
            [*PROGRAM, "ask", "--json", "-e", str(ensemble), "x"],
            cwd=tmp_path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=TIMEOUT_S,
        )
    assert done.returncode == 141
    assert done.stderr == b""


def redirected(redirection: str, *arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Return how the command line ended with its standard streams as a shell is told."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', *PROGRAM, *map(str, arguments)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=TIMEOUT_S,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
@pytest.mark.parametrize("option", ["--quiet", "--json", "--events"])
def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path, option: str) -> None:
    """The disk is full."""
    ensemble = write_ensemble(tmp_path, "quick")
    done = redirected(">/dev/full", "ask", option, "-e", ensemble, "why?", folder=tmp_path)
    assert done.returncode == 1
    assert "No space left on device" in only_line(done.stderr)


def test_closed_streams_are_no_crash(tmp_path: Path) -> None:
    """Nothing is read from them and nothing is written; the other streams get what is theirs."""
    ensemble = write_ensemble(tmp_path, "quick")
    ask = ("ask", "-e", ensemble)
    assert "calls: 4 of 4 planned" in redirected(">&-", *ask, "why?", folder=tmp_path).stderr.decode()
    assert b"**a** says summary" in redirected("2>&-", *ask, "why?", folder=tmp_path).stdout
    assert redirected("<&- >&- 2>&-", *ask, "why?", folder=tmp_path).returncode == 0
    assert "the question is empty" in only_line(redirected("<&-", *ask, folder=tmp_path).stderr)


def test_a_stream_without_unicode_gets_question_marks(tmp_path: Path) -> None:
    """An old locale is no reason to fail with an answer in hand."""
    ensemble = write_ensemble(tmp_path, "question", more="[attention]\nself = false\npeers = 0\n")
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run_cli("ask", "-q", "-e", ensemble, "空", folder=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert b"?" in done.stdout


def test_without_a_journal_none_is_made(tmp_path: Path) -> None:
    """``--no-journal`` writes nothing, and says no to what needs one."""
    mine = write_ensemble(tmp_path, "quick")
    done = run_cli("ask", "-q", "--no-journal", "-e", mine, "x", folder=tmp_path)
    assert done.returncode == 0
    assert not (tmp_path / "data").exists()
    refused = run_cli("ask", "--no-journal", "--replay", "-e", mine, "x", folder=tmp_path)
    assert refused.returncode == 2
    assert "--no-journal and --replay exclude each other" in only_line(refused.stderr)


def test_an_empty_name_is_said_to_be_empty(tmp_path: Path) -> None:
    """It is no folder."""
    done = run_cli("ask", "-e", "", "x", folder=tmp_path)
    assert done.returncode == 2
    assert "the name is empty" in only_line(done.stderr)


@pytest.mark.parametrize("command", [[], ["ask"], ["chat"], ["ensemble"]])
def test_the_exit_codes_are_in_the_help(tmp_path: Path, command: list[str]) -> None:
    """Every command says what its exit codes mean."""
    done = run_cli(*command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert b"130  interrupted" in done.stdout


def test_without_a_command_the_help_is_shown(tmp_path: Path) -> None:
    """A usage error, since nothing was asked for."""
    done = run_cli(folder=tmp_path)
    assert done.returncode == 2
    assert b"Usage: attention-moa" in done.stderr


def test_an_unknown_command_is_one_line(tmp_path: Path) -> None:
    """It names the word, and where the right ones are listed."""
    done = run_cli("aks", "x", folder=tmp_path)
    assert done.returncode == 2
    line = only_line(done.stderr)
    assert "'aks'" in line
    assert "attention-moa --help" in line


def test_the_command_line_s_own_package_can_be_run_too(tmp_path: Path) -> None:
    """``python -m attention_moa.cli`` is the same program."""
    done = subprocess.run(
        [PROGRAM[0], "-m", "attention_moa.cli", "--version"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=TIMEOUT_S,
    )
    assert done.stdout == run_cli("--version", folder=tmp_path).stdout


def test_the_version_is_told(tmp_path: Path) -> None:
    """One line."""
    assert run_cli("--version", folder=tmp_path).stdout.startswith(b"attention-moa 0.")
