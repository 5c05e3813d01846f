"""Waiting for tasks that others wait for too, or that must end whatever happens to who waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(*tasks: asyncio.Task[T]) -> list[T]:
    """Return the results of shared tasks, in order.

    A plain ``await`` of a task in a reader that is cancelled would cancel the task for all of its readers; this waits
    beside it.
    """
    if tasks:
        await asyncio.wait(tasks)
    return [task.result() for task in tasks]


@asynccontextmanager
async def together() -> AsyncGenerator[asyncio.TaskGroup, None]:
    """Yield a group of tasks; where any of them raises, the others are ended and that one error is raised, bare."""
    cause: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        cause = errors.exceptions[0]  # one cause says more than a group of them
        errors.__traceback__ = None  # asyncio's own frame in it holds the group
    try:
        if cause is not None:
            raise cause
    finally:
        cause = None  # an error holds the frames that it passed: one that held the error would never be let go of


async def outlast(task: asyncio.Task[Any]) -> None:
    """Wait until a task is done, however often the waiting is cancelled.

    Raises:
        CancelledError: It was, once or more often; the task is done.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    try:
        if cancelled is not None:
            raise cancelled
    finally:
        cancelled = None  # as in ``together``


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what some work returns; it ends by itself, however often the waiting for it is cancelled.

    For what must not be left half done: closing what was opened, writing what was paid for.

    Raises:
        CancelledError: The waiting was cancelled; the work is done all the same.
    """
    # A task of its own, in no group: what ends the caller must not reach it.
    task = asyncio.get_running_loop().create_task(work)
    try:
        await outlast(task)
    except asyncio.CancelledError:
        if not task.cancelled():
            task.exception()  # it is heard of, so the loop has nothing to complain about; the cancellation comes first
        raise
    return task.result()


def ends_with(stack: AsyncExitStack, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Have a stack do some work when it is left, to the end whatever happens.

    Args:
        stack: Where it is left behind.
        work: Begun then, and not before.
    """

    async def ended() -> None:
        await to_the_end(work())

    stack.push_async_callback(ended)
