"""Agents that are programs: ``command:program --flag argument``.

The program reads one JSON object from standard input, ``{"messages": [{"role": …, "content": …}, …], "agent": …,
"stage": …, "layer": …, "peer": …, "sampling": {"temperature": …}}`` (``plain.py`` says what else may be in a message;
only the sampling settings that are set are there; ``"tools"`` and ``"reply_format"`` where the reply may call tools, or
must have a form), and writes the text, in UTF-8, to standard output. It runs without a shell. What it writes is text:
it cannot call a tool, and a note says so where it might have. An exit code other than 0 is an error, whose text is the
last line of standard error. A cancelled call ends the program and all that it started: asked first, killed a second
later.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import shlex
import shutil
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import IO

import msgspec

from attention_moa.errors import BadReplyError, ConfigError, ServerError, describe
from attention_moa.keys import masked
from attention_moa.messages import CallRequest, Chunk
from attention_moa.providers.plain import render_plain, render_sampling, render_wishes
from attention_moa.waiting import to_the_end

_GRACE_S = 1.0
_PIECE_BYTES = 65536
_under_way: set[Process] = set()


_starting: list[str] = []


def kill_programs() -> bool:
    """Kill every program under way in this process and all that they started: for who ends the process at once.

    Returns:
        Whether that was all: one that is just being started cannot be killed yet, and is there a moment later.
    """
    for process in tuple(_under_way):
        _signal(process, signal.SIGKILL)
    return not _starting


class ProgramProvider:
    """One program as a model; every call runs it once.

    Args:
        model: ``command:program --flag argument``, with quotes as in a shell.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        ConfigError: There is no such program, or the quotes do not match.
    """

    def __init__(self, model: str, *, key: str = "model") -> None:
        """Look the program up; nothing runs yet."""
        line = model.partition(":")[2]
        try:
            arguments = shlex.split(line)
        except ValueError as error:
            raise ConfigError(f"{line!r} is no command: {describe(error)}", key=key) from error
        program = shutil.which(arguments[0]) if arguments else None
        if program is None:
            raise ConfigError(f"there is no program {line.split(' ')[0]!r}: install it, or write its path", key=key)
        self._name = arguments[0]
        self._arguments = [program, *arguments[1:]]

    async def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Yield what the program writes, as ``Provider.stream`` says."""
        # Files for input and errors leave one pipe to read: nothing can wait for the other side to read or write first.
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as complaints:
            asked.write(_question(request))
            asked.seek(0)
            process = await self._start(asked, complaints)
            assert process.stdout is not None  # noqa: S101 - it was asked for
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                while data := await process.stdout.read(_PIECE_BYTES):
                    if text := decoder.decode(data):
                        yield Chunk(text=text)
                decoder.decode(b"", final=True)
                code = await process.wait()
            except UnicodeDecodeError as error:
                raise BadReplyError(f"{self._name} wrote something that is not UTF-8") from error
            finally:
                await _end(process)
            if code != 0:
                raise ServerError(f"{self._name} ended with code {code}: {_last_line(complaints)}")
        can_call = request.tools is not None and request.tools.choice != "none"
        yield Chunk(finish_reason="stop", notes=(f"{self._name} is a program and cannot call tools",) * can_call)

    async def aclose(self) -> None:
        """Do nothing: a program runs only while a call does."""

    async def _start(self, asked: IO[bytes], complaints: IO[bytes]) -> Process:
        """Return the program, started; where the call is cancelled meanwhile, nothing is left of it."""
        started: list[Process] = []

        async def start() -> None:
            _starting.append(self._name)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._arguments, stdin=asked, stdout=PIPE, stderr=complaints, start_new_session=True
                )
                _under_way.add(process)
                started.append(process)
            finally:
                _starting.remove(self._name)

        try:
            # A start that is cancelled midway would end the program, and leave what it has started.
            await to_the_end(start())
        except asyncio.CancelledError:
            for process in started:
                await _end(process)
            raise
        except OSError as error:
            raise ServerError(f"{self._name} cannot be started: {describe(error)}", retryable=False) from error
        return started[0]


def _question(request: CallRequest) -> bytes:
    return msgspec.json.encode(
        {
            "messages": render_plain(request.messages),
            "agent": request.agent,
            "stage": request.stage.value,
            "layer": request.layer,
            "peer": request.peer,
            "sampling": render_sampling(request.sampling),
            **render_wishes(request),
        }
    )


def _last_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").split("\n")
    return next((masked(line.strip())[:200] for line in reversed(lines) if line.strip()), "it wrote no error")


async def _end(process: Process) -> None:
    """Leave nothing of a program: neither it, nor what it started, nor an unread pipe."""
    try:
        await _ended(process)
    finally:
        _under_way.discard(process)


async def _ended(process: Process) -> None:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    if process.returncode is None or not process.stdout.at_eof():
        # Whoever still holds the other end of the pipe, be it a child of a program that is gone, is of its group.
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            try:
                async with asyncio.timeout(_GRACE_S):
                    await _drained(process)
            finally:
                _signal(process, signal.SIGKILL)
        await _drained(process)


async def _drained(process: Process) -> None:
    """Wait for the end of a program whose output nobody wants."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    while await process.stdout.read(_PIECE_BYTES):
        pass
    await process.wait()


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError):  # all of its group are gone
        os.killpg(process.pid, number)
