"""The seams: what the engine asks of the world, as protocols.

A test double, a user's own model and the shipped providers all come in here; nothing is ever patched.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from attention_moa.events import Event
from attention_moa.messages import CallRequest, Chunk


@runtime_checkable
class Provider(Protocol):
    """Something that replies to a conversation: a remote API, a local model, a function, a program."""

    def stream(self, request: CallRequest) -> AsyncGenerator[Chunk, None]:
        """Send one request once and yield its reply as it arrives.

        No retries inside: one call of this method is one attempt, seen and booked. The last chunk carries
        ``finish_reason``. Closing the generator, or cancelling the task that iterates it, ends the request at once and
        leaves no connection, task or thread.

        Args:
            request: All that the provider needs to know.

        Returns:
            An async generator of chunks, at least one.

        Raises:
            CallError: One of its subclasses, without context; ``calls.py`` adds agent, stage, model and attempts.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections and processes; idempotent."""
        ...


class Observer(Protocol):
    """Someone who is told what happens in a run, while it happens."""

    def __call__(self, event: Event, /) -> None:
        """Take one event; must return at once, must not raise."""
        ...
