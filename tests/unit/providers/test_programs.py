"""Programs as models."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from contextlib import aclosing, suppress
from pathlib import Path

import pytest

from attention_moa.errors import BadReplyError, ConfigError, ServerError
from attention_moa.messages import ReplyFormat, Sampling, Stage, ToolSpec, ToolUse, assistant, system, user
from attention_moa.providers.programs import ProgramProvider
from tests.asking import a_request, chunks_of, run, text_of

_CLOCK = ToolSpec("clock")


def _program(code: str) -> ProgramProvider:
    """Return a Python one-liner as a model."""
    return ProgramProvider(f"command:{shlex.quote(sys.executable)} -c {shlex.quote(code)}")


def test_a_program_reads_the_conversation_and_writes_the_text() -> None:
    """It gets one JSON object on standard input."""
    code = (
        "import json, sys; q = json.load(sys.stdin);"
        "print([m['role'] for m in q['messages']], q['messages'][-1]['content'], end=' ');"
        "print(q['agent'], q['stage'], q['peer'], q['sampling'], end='')"
    )
    turns = (system("S"), user("a"), assistant("b"), user("ü?"))
    request = a_request(*turns, stage=Stage.CRITIQUE, peer="bob", sampling=Sampling(top_p=0.5))
    text = run(lambda: text_of(_program(code), request))
    assert text == "['system', 'user', 'assistant', 'user'] ü? ann critique bob {'top_p': 0.5}"


@pytest.mark.parametrize(("tools", "notes"), [(ToolUse((_CLOCK,)), 1), (ToolUse((_CLOCK,), "none"), 0)])
def test_a_program_is_told_of_tools_that_it_cannot_call_and_of_a_format(tools: ToolUse, notes: int) -> None:
    """A note says what it could not do; where nothing may be called there is nothing to note."""
    code = "import json, sys; q = json.load(sys.stdin); print(q['tools'], q['reply_format'], end='')"
    asked = a_request(tools=tools, reply_format=ReplyFormat("json_object"))
    chunks = run(lambda: chunks_of(_program(code), asked))
    text = "".join(chunk.text for chunk in chunks)
    assert "'name': 'clock'" in text
    assert text.endswith("{'kind': 'json_object'}")
    assert [note.endswith("is a program and cannot call tools") for note in chunks[-1].notes] == [True] * notes


def test_a_program_is_streamed_as_it_writes(tmp_path: Path) -> None:
    """The first piece is here while the program still waits to be let go on."""
    gate = tmp_path / "gate"
    code = (
        "import pathlib, time; print('one', end='', flush=True)\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        "print('two', end='')"
    )

    async def scenario() -> None:
        async with aclosing(_program(code).stream(a_request())) as stream:
            assert (await anext(stream)).text == "one"
            gate.touch()
            assert [(chunk.text, chunk.finish_reason) async for chunk in stream] == [("two", None), ("", "stop")]

    run(scenario)


@pytest.mark.parametrize("turns", range(12))
def test_a_call_that_is_cancelled_while_its_program_starts_leaves_nothing(turns: int, tmp_path: Path) -> None:
    """Neither the program nor a child of its, at whatever turn of the loop the end comes."""
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nexec 9>{tmp_path}/alive\nsleep 90 &\nwait\n", encoding="utf-8")
    program.chmod(0o755)

    async def scenario() -> None:
        provider = ProgramProvider(f"command:{program}")
        call = asyncio.get_running_loop().create_task(text_of(provider, a_request()))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        with suppress(asyncio.CancelledError):
            await call

    run(scenario)
    until = time.monotonic() + 60.0  # a program that is gone is at its end; one that was killed may take a moment
    while time.monotonic() < until and _is_held(alive):
        time.sleep(0.01)
    assert not _is_held(alive)
    os.close(alive)


def _is_held(reader: int) -> bool:
    """Return whether anybody has the other end of a pipe open."""
    try:
        return os.read(reader, 1) != b""
    except BlockingIOError:
        return True


def test_a_character_that_is_split_between_two_writes_arrives_whole() -> None:
    """Half a character waits for its other half."""
    code = (
        "import sys, time; out = sys.stdout.buffer; b = 'ü'.encode();"
        "out.write(b[:1]); out.flush(); time.sleep(0.05); out.write(b[1:])"
    )
    assert run(lambda: text_of(_program(code))) == "ü"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; print('x'); sys.exit('first\\nno model here\\n')", "ended with code 1: no model here"),
        ("raise SystemExit(3)", "ended with code 3: it wrote no error"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with code -9"),
    ],
)
def test_an_exit_code_other_than_zero_is_an_error(code: str, says: str) -> None:
    """Its text is the last line of standard error."""
    with pytest.raises(ServerError) as caught:
        run(lambda: chunks_of(_program(code)))
    assert says in str(caught.value)


@pytest.mark.parametrize("written", ["b'\\xff\\xfe'", "'ü'.encode()[:1]"])
def test_output_that_is_not_utf_8_is_a_bad_reply(written: str) -> None:
    """Also where only its end is cut off."""
    with pytest.raises(BadReplyError, match="not UTF-8"):
        run(lambda: chunks_of(_program(f"import sys; sys.stdout.buffer.write({written})")))


def test_much_output_and_many_complaints_do_not_lock_up() -> None:
    """Both are larger than any pipe's buffer, and so is the question."""
    code = "import sys; sys.stderr.write('e' * 1000000); sys.stdout.write('x' * 1000000)"
    assert len(run(lambda: text_of(_program(code), a_request(user("q" * 1000000))))) == 1000000


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("command:no-such-program-here --flag", "there is no program 'no-such-program-here'"),
        ("command:", "there is no program ''"),
        ("command:cat 'unclosed", "is no command"),
    ],
)
def test_a_program_that_is_not_there_is_a_configuration_error(model: str, says: str) -> None:
    """It names the field."""
    with pytest.raises(ConfigError, match="agents\\[1\\]") as caught:
        ProgramProvider(model, key="agents[1].model")
    assert says in str(caught.value)


def test_a_program_that_cannot_be_started_is_an_error_of_the_call(tmp_path: Path) -> None:
    """A file without a proper first line is found, but cannot run."""
    script = tmp_path / "agent"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(ServerError, match="cannot be started") as caught:
        run(lambda: chunks_of(ProgramProvider(f"command:{script}")))
    assert not caught.value.retryable


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("is_stubborn", [False, True])
@pytest.mark.parametrize("leaves_first", [False, True])
def test_closing_a_stream_ends_the_program_and_all_that_it_started(is_stubborn: bool, leaves_first: bool) -> None:
    """Neither it nor its child is left: not as a zombie, not if they ignore being asked, not if it has left already.

    The child holds the pipe's other end; so the close, which reads the pipe to its end, outlasts it.
    """
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if is_stubborn else ""
    child = stubborn + "import time; time.sleep(600)"
    code = (
        f"{stubborn}import os, subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"print(os.getpid(), flush=True); time.sleep({0 if leaves_first else 600})"
    )

    async def scenario() -> None:
        async with aclosing(_program(code).stream(a_request())) as stream:
            pid = int((await anext(stream)).text)
            while leaves_first and _is_alive(pid):
                await asyncio.sleep(0.005)
        assert not _is_alive(pid)

    run(scenario)


def test_a_cancelled_call_ends_the_program() -> None:
    """Cancelling the task that reads is enough."""

    async def scenario() -> None:
        code = "import os, time; print(os.getpid(), end='', flush=True); time.sleep(600)"
        pids: list[int] = []

        async def read() -> None:
            async with aclosing(_program(code).stream(a_request())) as stream:
                async for chunk in stream:
                    pids.append(int(chunk.text))

        async with asyncio.TaskGroup() as group:
            task = group.create_task(read())
            while not pids:
                await asyncio.sleep(0.005)
            task.cancel()
        assert not _is_alive(pids[0])

    run(scenario)


def test_closing_a_provider_is_always_right() -> None:
    """It holds nothing between calls."""
    run(_program("print()").aclose)
