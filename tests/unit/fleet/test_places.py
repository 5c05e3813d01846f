"""The line at a model: first come, first served, and nobody's place is lost."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.fleet.places import Places, QueueFullError
from tests.asking import run


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Line:
    """Visitors of a model, and who is at work."""

    def __init__(self, concurrency: int, queue: int | None = None) -> None:
        self.places = Places(concurrency, queue)
        self.came_in: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}

    async def visit(self, name: str) -> None:
        self.ends[name] = asyncio.Event()
        async with self.places.place():
            self.came_in.append(name)
            await self.ends[name].wait()


def test_places_are_given_in_the_order_in_which_requests_came() -> None:
    """Two at once, the others wait."""

    async def scenario() -> None:
        line = Line(2)
        async with asyncio.TaskGroup() as group:
            for name in "abcd":
                group.create_task(line.visit(name))
            await settle()
            assert (line.came_in, line.places.busy, line.places.waiting) == (["a", "b"], 2, 2)
            line.ends["b"].set()
            await settle()
            assert line.came_in == ["a", "b", "c"]
            for name in "acd":
                line.ends[name].set()
        assert line.came_in == ["a", "b", "c", "d"]
        assert (line.places.busy, line.places.waiting) == (0, 0)

    run(scenario)


def test_one_more_than_may_wait_is_refused() -> None:
    """With a line of none, everybody who finds no place is."""

    async def scenario() -> None:
        line = Line(1, queue=1)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(line.visit(name)) for name in "ab"]
            await settle()
            with pytest.raises(QueueFullError):
                await line.visit("c")
            for task in tasks:
                task.cancel()
            await settle()
            line.places = Places(1, 0)
            group.create_task(line.visit("d"))
            await settle()
            with pytest.raises(QueueFullError):
                await line.visit("e")
            line.ends["d"].set()

    run(scenario)


def test_who_leaves_the_line_leaves_no_gap() -> None:
    """Whether it waits or has just been given a place."""

    async def scenario() -> None:
        line = Line(1)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(line.visit(name)) for name in "abcd"}
            await settle()
            tasks["b"].cancel()
            await settle()
            assert line.places.waiting == 2
            line.ends["a"].set()
            await asyncio.sleep(0)  # a's end hands the place to c …
            tasks["c"].cancel()  # … which leaves before it knows
            await settle()
            assert line.came_in == ["a", "d"]
            line.ends["d"].set()
        assert (line.places.busy, line.places.waiting) == (0, 0)
        async with line.places.place():
            assert line.places.busy == 1

    run(scenario)


def test_a_place_is_not_given_to_one_who_is_already_leaving() -> None:
    """It goes to the next one."""

    async def scenario() -> None:
        line = Line(1)
        async with asyncio.TaskGroup() as group:
            tasks = {name: group.create_task(line.visit(name)) for name in "abc"}
            await settle()
            tasks["b"].cancel()
            tasks["a"].cancel()
            await settle()
            assert line.came_in == ["a", "c"]
            line.ends["c"].set()

    run(scenario)
