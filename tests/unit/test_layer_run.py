"""What the stages of a layer share: waiting for shared tasks, and chains of writers."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.calls import Caller, Places
from attention_moa.layer_run import LayerRun, Past, settled
from attention_moa.messages import Stage
from attention_moa.prompts import render_answer
from attention_moa.run_log import RunLog
from tests import virtual_time
from tests.worlds import World


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


def test_a_chain_of_no_writers_is_a_mistake_of_ours() -> None:
    """It has no loss to return."""
    world = World()

    async def scenario() -> None:
        log = RunLog("run", "", world.spec, world.desk.conversation, now=lambda: 0.0)
        caller = Caller(log, lambda _: world.scripted, world.spec.calls, jitter=lambda: 0.0, places=Places(None))
        layer = LayerRun(world.desk, caller, log, number=1, past=Past(), pairs=())
        await layer.ask_chain((), Stage.SUMMARY, lambda agent: render_answer(world.desk, agent, 1, None), reads=())

    with pytest.raises(ValueError, match="at least one writer"):
        virtual_time.run(scenario())
