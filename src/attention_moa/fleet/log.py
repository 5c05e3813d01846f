"""What the fleet remembers of each request, in memory and in a file of JSON lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from attention_moa.errors import ConfigError
from attention_moa.fleet.spec import Fault

NO_MESSAGES = msgspec.Raw(b"null")


class Visit(Struct, kw_only=True, omit_defaults=True):
    """One request and what became of it.

    Args:
        number: From 1, in the order in which requests came.
        at: When it came: ISO 8601, UTC.
        model: Whom it asked.
        request: The beginning of the SHA-256 of its body: equal for equal requests.
        times: How often this very request came before.
        messages_sha256: SHA-256 of its messages, as they were sent.
        messages: The messages themselves, where they are kept; else JSON's ``null``.
        reply: The text that was written, also of a reply with a fault; kept where the messages are.
        is_streamed: Whether a stream was asked for.
        fault: What was made to go wrong.
        status: The HTTP status; 0 where none was sent.
        has_left: Whether the client left before the end.
        is_whole: Whether a usable reply was sent to its end.
        prompt_tokens: Of the prompt, cached ones included; 0, as all tokens, where no reply was begun.
        cached_tokens: Of these, held in the prefix cache.
        output_tokens: Written, thinking included.
        reasoning_tokens: Of these, thinking.
        queue_s: Simulated seconds in line.
        busy_s: Simulated seconds from there to the end.
    """

    number: int
    at: str
    model: str
    request: str
    times: int = 0
    messages_sha256: str = ""
    messages: msgspec.Raw = NO_MESSAGES
    reply: str | None = None
    is_streamed: bool = False
    fault: Fault | None = None
    status: int = 0
    has_left: bool = False
    is_whole: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    queue_s: float = 0.0
    busy_s: float = 0.0

    @property
    def has_messages(self) -> bool:
        """Whether the messages were kept."""
        return self.messages != NO_MESSAGES

    @property
    def text(self) -> str:
        """The messages as JSON text, to be searched; empty where they were not kept."""
        return bytes(self.messages).decode(errors="replace") if self.has_messages else ""


class VisitLog:
    """The visits so far, those under way included; each is written to the file when it is over.

    Args:
        most: How many are kept in memory, the latest; None for all.
    """

    def __init__(self, most: int | None = None) -> None:
        """Start empty, without a file."""
        self._visits: deque[Visit] = deque(maxlen=most)
        self._file: BinaryIO | None = None
        self._count = 0

    def __len__(self) -> int:
        """Return how many visits are kept."""
        return len(self._visits)

    def __iter__(self) -> Iterator[Visit]:
        """Iterate over the visits in the order in which they came."""
        return iter(tuple(self._visits))

    def open(self, path: Path) -> None:
        """Write to a file from now on, at its end.

        Raises:
            ConfigError: It cannot be written.
        """
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ConfigError(f"{str(path)!r} cannot be written: {error.strerror}", key="--log") from error

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def next_number(self) -> int:
        """Return the number of a visit that begins."""
        self._count += 1
        return self._count

    def begin(self, visit: Visit) -> None:
        """Take up a visit."""
        self._visits.append(visit)

    def end(self, visit: Visit) -> None:
        """Write a visit that is over to the file."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(visit) + b"\n")

    def clear(self) -> None:
        """Forget all visits; the file keeps what it has."""
        self._visits.clear()
