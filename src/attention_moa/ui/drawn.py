"""How far a browser is with what it was sent, so that it is not sent more than it can draw."""

from __future__ import annotations

import asyncio

_PATIENCE_S = 1.0


class Drawn:
    """Counts the messages to a browser, and which of them it has drawn.

    Args:
        patience_s: Most seconds that it is waited for: one that draws nothing, as in a tab behind others, is told all
            the same.
    """

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        """Count from nothing."""
        self._patience_s = patience_s
        self._sent = 0
        self._newest = 0
        self._has_news = asyncio.Event()

    def send(self) -> int:
        """Return the number of a message that is sent now, from 1."""
        self._sent += 1
        return self._sent

    def note(self, number: object) -> None:
        """Take it that all up to a message is drawn; what is no number of one that was sent says nothing.

        Args:
            number: As a browser tells it: anything.
        """
        if isinstance(number, int) and self._newest < number <= self._sent:
            self._newest = number
            self._has_news.set()

    async def wait(self) -> None:
        """Wait until all that was sent is drawn, or patience is over."""
        try:
            async with asyncio.timeout(self._patience_s):
                while self._newest < self._sent:
                    self._has_news.clear()
                    await self._has_news.wait()
        except TimeoutError:
            return
