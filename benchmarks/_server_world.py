"""What the server's benchmarks and the tests with real clients share: the server as a process, a plain client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

ROOT = Path(__file__).parents[1]
PATIENCE_S = 60.0


class Process:
    """A process that says in its first line where it listens; use it as a context manager: it is up within.

    Args:
        command: What is run.
        folder: Where it is started, and where its log is.
        core: The one core that it may use; None for any.
    """

    def __init__(self, command: Sequence[str], folder: Path, *, core: int | None = None) -> None:
        """Keep all; nothing is started."""
        self.url = ""
        self._command = [*command] if core is None else [sys.executable, "-c", _PINNED, str(core), *command]
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    @property
    def process(self) -> subprocess.Popen[str]:
        """The process.

        Raises:
            RuntimeError: It is not started.
        """
        if self._process is None:
            raise RuntimeError("the process is not started")
        return self._process

    @property
    def pid(self) -> int:
        """Its id."""
        return self.process.pid

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2].partition("/")[0])

    def __enter__(self) -> Self:
        """Start it, and wait until it says where it is.

        Raises:
            RuntimeError: It does not say so.
        """
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]  # noqa: TID251 - handed on to the child
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},  # noqa: TID251 - the child's own
            )
        timer = threading.Timer(PATIENCE_S, self._process.kill)  # one that never says anything
        timer.start()
        said = cast("IO[str]", self._process.stdout).readline()
        timer.cancel()
        self.url = next((word.rstrip("/") for word in said.split() if word.startswith("http://")), "")
        if not self.url:
            self.end(signal.SIGKILL)
            raise RuntimeError(f"the process did not start: {said}\n{self.log_tail()}")
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self.end(signal.SIGTERM)

    def end(self, signum: int) -> int:
        """Return the exit code after a signal; one that does not end is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(PATIENCE_S)
        finally:
            cast("IO[str]", self.process.stdout).close()
            cast("IO[str]", self.process.stdin).close()

    def log_tail(self, most: int = 4000) -> str:
        """Return the end of what it logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-most:]

    @property
    def _log(self) -> Path:
        return self._folder / f"log-{id(self)}"


# Holds the process to one core before it becomes the program that is meant.
_PINNED = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


def serving(options: Sequence[str], folder: Path, *, core: int | None = None) -> Process:
    """Return ``attention-moa serve`` at a free port, not started yet.

    Args:
        options: Of the command line.
        folder: Where it is started; its journal is there unless the options say otherwise.
        core: The one core that it may use; None for any.
    """
    command = [sys.executable, "-m", "attention_moa", "serve", "--port", "0", *options]
    if "--no-journal" not in options:
        command += ["--journal", str(folder / "journal.db")]
    return Process(command, folder, core=core)


class Used(NamedTuple):
    """What a process has used (Linux).

    Args:
        cpu_s: Seconds of CPU time since its start.
        resident_mib: Memory that it holds now.
        handles: Files and sockets that it has open.
        threads: Its threads.
    """

    cpu_s: float
    resident_mib: float
    handles: int
    threads: int


def used_by(pid: int) -> Used:
    """Return what a process has used."""
    place = Path("/proc") / str(pid)
    fields = (place / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
    status = (place / "status").read_text(encoding="ascii")
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    resident = re.search(r"VmRSS:\s+(\d+) kB", status)
    return Used(
        cpu_s, int(resident[1]) / 1024 if resident else 0.0, len(list((place / "fd").iterdir())), int(fields[17])
    )


class Streamed(NamedTuple):
    """A streamed answer.

    Args:
        status: Of the reply.
        first_byte_s: From the request to the first byte of the reply's body.
        took_s: From the request to the end.
        text: The answer, put together.
        pieces: How many pieces it came in.
        error: The error that came in the place of an answer, or in the middle of it; None where there was none.
    """

    status: int
    first_byte_s: float
    took_s: float
    text: str
    pieces: int
    error: str | None


def post(path: str, document: object, *, more: str = "") -> bytes:
    """Return a whole HTTP request."""
    body = json.dumps(document).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def asked(model: str, question: str, **fields: object) -> bytes:
    """Return a request for a chat completion."""
    document = {"model": model, "messages": [{"role": "user", "content": question}], **fields}
    return post("/v1/chat/completions", document)


async def stream(port: int, model: str, question: str, *, patience_s: float = 600.0) -> Streamed:
    """Return the answer to a question, streamed over a connection of its own.

    Raises:
        OSError: The connection broke.
        TimeoutError: It took too long.
    """
    async with asyncio.timeout(patience_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            started_s = time.perf_counter()
            writer.write(asked(model, question, stream=True))
            head = await reader.readuntil(b"\r\n\r\n")
            first = await reader.read(1)
            first_byte_s = time.perf_counter() - started_s
            body = first + await _rest(reader, head)
            took_s = time.perf_counter() - started_s
        finally:
            writer.close()
    status = int(head.split()[1])
    pieces, error = _pieces(body, status)
    return Streamed(status, first_byte_s, took_s, "".join(pieces), len(pieces), error)


async def _rest(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return what follows the first byte of a body: a stream until its last chunk, another reply by its length."""
    if found := re.search(rb"content-length: (\d+)", head.lower()):
        return await reader.readexactly(int(found[1]) - 1)
    read = bytearray()
    while not read.endswith(b"\r\n0\r\n\r\n"):
        piece = await reader.read(65536)
        if not piece:
            raise ConnectionResetError("the stream broke off")
        read += piece
    return bytes(read)


def _pieces(body: bytes, status: int) -> tuple[list[str], str | None]:
    """Return the pieces of the answer in a body, and the error in it."""
    if status != 200:
        return [], f"{status}: {body.decode(errors='replace')[:300]}"
    pieces: list[str] = []
    for line in re.findall(rb"^data: (\{.*\})\r?$", body, re.MULTILINE):
        document: dict[str, Any] = json.loads(line)
        if "error" in document:
            return pieces, str(document["error"])
        pieces += [text for choice in document["choices"] if (text := choice["delta"].get("content"))]
    return pieces, None if b"data: [DONE]" in body else "the stream has no end"


async def answer(port: int, model: str, question: str) -> str:
    """Return the answer to a question, in one piece.

    Raises:
        OSError: The connection broke.
        RuntimeError: The server says no.
    """
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(asked(model, question))
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read(1) + await _rest(reader, head)
        finally:
            writer.close()
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(body.decode(errors="replace"))
    return str(json.loads(body)["choices"][0]["message"]["content"])


async def page(port: int, path: str) -> str:
    """Return what a GET gives, whatever its status."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            whole = await reader.read()
        finally:
            writer.close()
    return whole.partition(b"\r\n\r\n")[2].decode()


def a_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that is gone when it is left."""
    return tempfile.TemporaryDirectory(prefix="attention-moa-bench-")
