"""A second attempt beside a first one that is slow to begin: the quicker reply counts, the other attempt is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from attention_moa.errors import MoaError
from attention_moa.messages import Reply

Attempt: TypeAlias = Callable[[Callable[[], None]], Coroutine[Any, Any, Reply]]
"""Makes one attempt; it calls what it is given when it goes out, after it waited for its turn."""


async def hedged(attempt: Attempt, hedge_s: float, *, has_begun: Callable[[], bool]) -> Reply:
    """Return the first whole reply of one attempt, or of two where the first is slow to begin.

    Args:
        attempt: Makes one.
        hedge_s: Seconds that the first one has, once it went out, to begin its reply.
        has_begun: Whether it did.

    Raises:
        MoaError: No attempt gave a reply; the error of the one that ended first.
    """
    started = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_outcome(attempt, started.set))]
        signal = group.create_task(started.wait())
        await asyncio.wait({*tasks, signal}, return_when=asyncio.FIRST_COMPLETED)
        signal.cancel()
        await asyncio.wait(tasks, timeout=hedge_s)
        if not tasks[0].done() and not has_begun():
            tasks.append(group.create_task(_outcome(attempt, started.set)))
        result = await _first(tasks)
        for task in tasks:
            task.cancel()
    if isinstance(result, MoaError):
        raise result
    return result


async def _outcome(attempt: Attempt, on_start: Callable[[], None]) -> Reply | MoaError:
    """Return an attempt's reply or its error, so that it ends no other attempt beside it."""
    try:
        return await attempt(on_start)
    except MoaError as error:
        return error


async def _first(tasks: Sequence[asyncio.Task[Reply | MoaError]]) -> Reply | MoaError:
    """Return the first reply; the first error where there is none."""
    pending = set(tasks)
    errors: list[MoaError] = []
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for result in (task.result() for task in tasks if task in done):
            if isinstance(result, Reply):
                return result
            errors.append(result)
    return errors[0]
