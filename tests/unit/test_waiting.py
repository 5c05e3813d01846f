"""Waiting for shared tasks, and to the end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from attention_moa.waiting import ends_with, outlast, settled, to_the_end
from tests import virtual_time


def test_results_of_shared_tasks_come_in_order() -> None:
    """However the tasks end; no tasks are no wait."""

    async def after(seconds: float, result: str) -> str:
        await asyncio.sleep(seconds)
        return result

    async def scenario() -> list[str]:
        assert await settled() == []
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(after(*given)) for given in ((3, "slow"), (1, "fast"))]
            return await settled(*tasks)

    assert virtual_time.run(scenario()) == ["slow", "fast"]


def test_a_reader_that_is_cancelled_leaves_the_task_to_its_other_readers() -> None:
    """A plain ``await`` would take the shared task with it."""

    async def work() -> str:
        await asyncio.sleep(10)
        return "done"

    async def scenario() -> list[str]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(work())
            impatient = group.create_task(settled(task))
            patient = group.create_task(settled(task))
            await asyncio.sleep(1)
            impatient.cancel()
            return await patient

    assert virtual_time.run(scenario()) == ["done"]


def test_an_error_of_a_shared_task_reaches_its_reader() -> None:
    """Nothing is swallowed on the way."""

    async def fail() -> str:
        raise ValueError("no")

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            await settled(group.create_task(fail()))

    with pytest.raises(BaseExceptionGroup) as caught:
        virtual_time.run(scenario())
    assert [str(error) for error in caught.value.exceptions] == ["no"]


@pytest.mark.parametrize("cancellations", [1, 3])
def test_work_ends_by_itself_however_often_its_waiter_is_cancelled(cancellations: int) -> None:
    """The cancellation comes out when the work is done, not before."""
    ended: list[float] = []

    async def work() -> None:
        await asyncio.sleep(10)
        ended.append(asyncio.get_running_loop().time())

    async def scenario() -> None:
        start_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            waiter = group.create_task(to_the_end(work()))
            for _ in range(cancellations):
                await asyncio.sleep(1)
                waiter.cancel()
            await asyncio.wait({waiter})
        assert waiter.cancelled()
        assert [at_s - start_s for at_s in ended] == [10]

    virtual_time.run(scenario())


def test_the_result_or_the_error_of_work_comes_out_of_it() -> None:
    """As if it had been awaited."""

    async def fail() -> None:
        raise ValueError("no")

    async def one() -> int:
        return 1

    async def scenario() -> int:
        with pytest.raises(ValueError, match="no"):
            await to_the_end(fail())
        return await to_the_end(one())

    assert virtual_time.run(scenario()) == 1


@pytest.mark.parametrize("is_failing", [True, False])
def test_a_cancellation_comes_before_the_error_of_the_work(is_failing: bool) -> None:
    """And the loop has nothing to complain about."""

    async def work() -> None:
        await asyncio.sleep(2)
        if is_failing:
            raise ValueError("no")
        raise asyncio.CancelledError

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            waiter = group.create_task(to_the_end(work()))
            await asyncio.sleep(1)
            waiter.cancel()
            await asyncio.wait({waiter})
        assert waiter.cancelled()

    virtual_time.run(scenario())


def test_a_task_that_is_done_needs_no_waiting() -> None:
    """Nothing happens to it."""

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, "done"))
        await outlast(task)
        assert task.result() == "done"

    virtual_time.run(scenario())


def test_what_a_stack_ends_with_is_done_whole_although_its_leaver_is_cancelled() -> None:
    """Something that was opened is closed, and nothing of it is begun before the stack is left."""
    said: list[str] = []

    async def close() -> None:
        said.append("begun")
        await asyncio.sleep(10)
        said.append("closed")

    async def leave() -> None:
        async with AsyncExitStack() as stack:
            ends_with(stack, close)
            said.append("inside")

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            leaving = group.create_task(leave())
            await asyncio.sleep(1)
            leaving.cancel()

    virtual_time.run(scenario())
    assert said == ["inside", "begun", "closed"]
