"""The money of a benchmark: never more than there is, and nothing begun that it does not cover."""

from __future__ import annotations

import asyncio

from attention_moa.bench.purse import Grant, Purse


def test_without_a_limit_everybody_may_take() -> None:
    """And there is no limit for the run either."""

    async def scenario() -> None:
        purse = Purse(None, parallel=2)
        grant = await purse.take(most_usd=5.0, usual_usd=1.0)
        assert grant is not None
        assert (grant.limit_usd, purse.is_limited) == (None, False)
        await purse.settle(grant, 3.0)
        assert (purse.spent_usd, purse.is_empty) == (3.0, False)

    asyncio.run(scenario())


def test_a_run_may_take_its_share_and_at_least_the_most_that_it_can_cost() -> None:
    """What it leaves over is there for others."""

    async def scenario() -> None:
        purse = Purse(8.0, parallel=4)
        one = await purse.take(most_usd=1.0, usual_usd=1.0)
        two = await purse.take(most_usd=5.0, usual_usd=1.0, before_usd=2.0)
        assert one is not None
        assert two is not None
        assert (one.usd, two.usd, two.limit_usd) == (2.0, 3.0, 5.0)
        assert purse.free_usd == 3.0
        await purse.settle(one, 0.5)
        await purse.settle(two, 2.5)
        assert (purse.spent_usd, purse.free_usd) == (1.0, 7.0)

    asyncio.run(scenario())


def test_who_does_not_fit_waits_for_what_others_leave_over() -> None:
    """And goes when that is enough."""

    async def scenario() -> None:
        purse = Purse(3.0, parallel=1)
        first = await purse.take(most_usd=2.0, usual_usd=0.1)
        assert first is not None
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(purse.take(most_usd=2.0, usual_usd=0.1))
            await asyncio.sleep(0)
            assert not waiting.done()
            await purse.settle(first, 0.5)
        second = waiting.result()
        assert isinstance(second, Grant)
        assert second.usd == 2.5

    asyncio.run(scenario())


def test_alone_the_usual_cost_is_enough() -> None:
    """So money is used up to its end; when not even that is there, nobody begins any more."""

    async def scenario() -> None:
        purse = Purse(1.0, parallel=8)
        last = await purse.take(most_usd=5.0, usual_usd=0.8)
        assert last is not None
        assert last.usd == 1.0
        async with asyncio.TaskGroup() as group:
            other = group.create_task(purse.take(most_usd=5.0, usual_usd=0.8))
            await asyncio.sleep(0)
            await purse.settle(last, 0.9)
        assert other.result() is None
        assert purse.is_empty
        assert await purse.take(most_usd=5.0, usual_usd=0.8) is None
        over = await purse.take(most_usd=0.7, usual_usd=0.7, before_usd=0.7)  # a run that has finished costs nothing
        assert over is not None
        await purse.settle(over, 0.7)
        assert round(purse.spent_usd, 9) == 0.9

    asyncio.run(scenario())


def test_a_purse_is_filled_and_closed() -> None:
    """Whoever waits then hears of it."""

    async def scenario() -> None:
        purse = Purse(0.0, parallel=1)
        purse.fill(2.0)
        first = await purse.take(most_usd=2.0, usual_usd=2.0)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(purse.take(most_usd=2.0, usual_usd=2.0))
            await asyncio.sleep(0)
            await purse.close()
        assert waiting.result() is None
        assert first is not None

    asyncio.run(scenario())
