"""The clock that jumps: what the engine's tests stand on."""

from __future__ import annotations

import asyncio

import pytest

from tests import virtual_time


def test_a_long_sleep_moves_the_clock_and_takes_no_time() -> None:
    """An hour goes by at once, and the clock says so."""

    async def scenario() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(scenario()) == pytest.approx(3600)


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    """Waits run side by side: the clock stops at each of them."""
    woken: list[tuple[float, str]] = []

    async def sleeper(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        woken.append((round(asyncio.get_running_loop().time(), 6), name))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for seconds, name in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
                group.create_task(sleeper(seconds, name))

    virtual_time.run(scenario())
    assert woken == [(1.0, "a"), (2.0, "b"), (3.0, "c")]


def test_a_timeout_is_met_in_virtual_time() -> None:
    """``asyncio.timeout`` cuts a wait off at its virtual second."""

    async def scenario() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(100)
        return asyncio.get_running_loop().time()

    assert virtual_time.run(scenario()) == pytest.approx(5)


def test_threads_are_waited_for() -> None:
    """A loop that waits for a thread is not stuck."""
    assert virtual_time.run(asyncio.to_thread(lambda: 7)) == 7


def test_a_loop_in_which_nothing_can_happen_is_an_error() -> None:
    """A deadlock fails the test instead of hanging it."""

    async def scenario() -> None:
        await asyncio.Event().wait()

    with pytest.raises(virtual_time.StuckError, match="at 0 s"):
        virtual_time.run(scenario(), patience_s=0.01)
