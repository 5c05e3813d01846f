"""The child process that serves the embedded model, as its parent holds it.

Nothing here belongs to an event loop: a process that was started in one ``asyncio.run`` serves the next one too, and a
caller that is cancelled while the model loads takes nothing from the others who wait for it. So the start is looked at
now and then rather than waited for by a task of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from attention_moa.errors import ConfigError, TransportError, describe
from attention_moa.providers.embedded_server import Failed, LoadFailed, Served, ServerSettings, Told

_LOOK_S = 0.01
_GRACE_S = 2.0
_MOST_COMPLAINT_BYTES = 65536
_COMPLAINT = re.compile(r"^[\d.]+ E (?:\w+ +)?(?:\w+: )?(.+)$", re.MULTILINE)


class ServerProcess:
    """One child process, from its start to its end.

    Args:
        settings: What it is told on standard input.
        command: The program and its arguments.
        key: The dotted name of the field that holds the model, for errors.

    Raises:
        TransportError: The program cannot be started.
    """

    def __init__(self, settings: ServerSettings, command: Sequence[str], *, key: str) -> None:
        """Start the program; it is not ready yet."""
        self._settings = settings
        self._key = key
        self._heard = b""
        self._told: Told | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        try:
            # A session of its own: Ctrl-C in a terminal is for the parent, which ends the child in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise TransportError(f"{command[0]} cannot be started: {describe(error)}") from error
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: both were asked for
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: the pipe was asked for
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        os.set_blocking(self._stdout.fileno(), False)
        with suppress(BrokenPipeError):  # it is gone already: whoever waits for it learns why
            self._stdin.write(msgspec.json.encode(settings) + b"\n")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def api_key(self) -> str:
        """The key that the server asks for."""
        return self._settings.api_key

    @property
    def address(self) -> str:
        """Where the server listens: ``http://127.0.0.1:port``.

        Raises:
            TransportError: It does not listen yet.
        """
        if not isinstance(self._told, Served):
            raise TransportError("the embedded model is not ready")
        return self._told.address

    async def ready(self, timeout_s: float) -> None:
        """Wait until the server listens.

        Args:
            timeout_s: Most seconds to wait for it.

        Raises:
            ConfigError: The model cannot be loaded.
            TransportError: The process ended, was closed, or took too long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not self._is_ready():  # noqa: ASYNC110 - a child sets no event
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            await self.aclose()
            raise TransportError(f"the embedded model was not ready within {timeout_s:g} s") from error

    def complaint(self) -> str:
        """Return what llama.cpp says is wrong, or the last thing that the process wrote, or how it ended."""
        if self._errors.closed:
            return "it was closed"
        # The child shares the file and its position: look without moving it.
        text = os.pread(self._errors.fileno(), _MOST_COMPLAINT_BYTES, 0).decode(errors="replace")
        if found := _COMPLAINT.search(text):
            return found[1].strip()
        lines = text.split("\n")
        ended = f"it ended with code {self._process.poll()}"
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), ended)

    async def has_ended(self, within_s: float) -> bool:
        """Return whether the process has ended, or does so in the time given.

        Args:
            within_s: Most seconds to wait for it.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.is_running:  # noqa: ASYNC110 - a child sets no event
                    await asyncio.sleep(_LOOK_S)
        return not self.is_running

    async def aclose(self) -> None:
        """End the process and leave nothing of it; idempotent."""
        self._stdin.close()
        try:
            await self.has_ended(_GRACE_S)
        finally:
            self._process.kill()
            self._process.wait()
            self._stdout.close()
            self._errors.close()

    def _is_ready(self) -> bool:
        """Return whether the process has said that it listens; raise what it said instead."""
        if self._told is None and not self._stdout.closed:
            self._listen()
        match self._told:
            case Served():
                return True
            case Failed(reason=reason):
                raise ConfigError(reason, key=self._key)
            case LoadFailed():
                raise ConfigError(f"{self._settings.path} cannot be loaded: {self.complaint()}", key=self._key)
            case _ if self._stdout.closed:
                raise TransportError("the embedded model was closed while it started")
            case _:
                return False

    def _listen(self) -> None:
        """Take in what the process has said so far."""
        piece = self._stdout.read(65536)
        if piece == b"" and not self.is_running:
            raise TransportError(f"the embedded model ended while it started: {self.complaint()}")
        self._heard += piece or b""
        if self._heard.endswith(b"\n"):
            try:
                self._told = msgspec.json.decode(self._heard, type=Told)
            except msgspec.DecodeError as error:
                raise TransportError(f"the embedded model's program says something else: {describe(error)}") from error
