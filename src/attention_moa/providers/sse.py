"""Server-sent events: bytes as they come off the wire -> the payloads of their data lines."""

from __future__ import annotations

from collections.abc import Iterator


class DataLines:
    """Cuts a stream of bytes, however it arrives, into the payloads of its ``data:`` lines.

    Servers that speak OpenAI's protocol put a whole event into one data line, so lines are not joined here; comments,
    event names and blank lines are passed over.

    Source: the HTML standard, section "Server-sent events".
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the payloads of all lines that ``data`` completes, in order.

        Args:
            data: The next bytes; they may end anywhere, within a character too.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].removesuffix(b"\r").removeprefix(b" ")
