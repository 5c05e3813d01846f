"""Whose turn it is, in virtual time: order, places, minutes, pauses, and what cancelling leaves behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from math import inf
from typing import Any

import pytest

from attention_moa.agents import ModelSettings
from attention_moa.limiter import Limiter, Limiters
from attention_moa.messages import RateHint
from attention_moa.pacing import Rate
from tests import virtual_time


class World:
    """Calls to one limiter, and when each of them started."""

    def __init__(self, *, pause_max_s: float = 60.0, **rate: int) -> None:
        self.limiter = Limiter(Rate(**rate), pause_max_s=pause_max_s)
        self.starts: list[tuple[str, float]] = []
        self.waits: dict[str, float] = {}

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.starts]

    @property
    def times(self) -> list[float]:
        return [round(at_s, 6) for _, at_s in self.starts]

    async def call(self, name: str, *, takes_s: float = 1.0, tokens: int = 0, run: str = "") -> None:
        """Make a call that succeeds."""
        async with self.limiter.turn(tokens, run=run) as turn:
            self.starts.append((name, asyncio.get_running_loop().time()))
            self.waits[name] = turn.waited_s
            await asyncio.sleep(takes_s)

    async def refused(self, name: str, retry_after_s: float | None) -> None:
        """Make a call that the endpoint refuses at once."""
        async with self.limiter.turn() as turn:
            self.starts.append((name, asyncio.get_running_loop().time()))
            turn.refused(retry_after_s)
            raise ConnectionRefusedError

    def require_idle(self) -> None:
        """Check that nobody waits and nobody holds a place."""
        assert self.limiter.waiting == 0
        assert self.limiter.under_way == 0


async def all_calls(world: World, count: int, **options: Any) -> None:
    """Make some calls at once, named by number."""
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(world.call(str(number), **options))
    world.require_idle()


def test_without_limits_all_go_at_once() -> None:
    """Nobody waits where nothing is limited."""
    world = World()
    virtual_time.run(all_calls(world, 50))
    assert world.times == [0.0] * 50
    assert world.limiter.places == inf


def test_places_are_given_in_the_order_of_asking() -> None:
    """Two at a time, first come first served; the wait is told."""
    world = World(concurrency=2)
    virtual_time.run(all_calls(world, 5))
    assert world.order == ["0", "1", "2", "3", "4"]
    assert world.times == [0.0, 0.0, 1.0, 1.0, 2.0]
    assert world.waits == {"0": 0.0, "1": 0.0, "2": 1.0, "3": 1.0, "4": 2.0}


def test_requests_a_minute_are_held() -> None:
    """The fourth of three a minute goes when the first is a minute old."""
    world = World(rpm=3)
    virtual_time.run(all_calls(world, 7))
    assert world.times == [0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 120.0]


def test_tokens_a_minute_are_held_and_corrected() -> None:
    """What a call did not use lets the next one go before the minute is over."""
    world = World(tpm=100)

    async def frugal() -> None:
        async with world.limiter.turn(90) as turn:
            await asyncio.sleep(5.0)
            turn.used(10)
            await asyncio.sleep(5.0)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(frugal())
            group.create_task(world.call("fits then", tokens=90))
            group.create_task(world.call("fits later", tokens=50))
        world.require_idle()

    virtual_time.run(scenario())
    assert world.starts == [("fits then", 5.0), ("fits later", 65.0)]


def test_a_small_call_does_not_overtake_a_large_one() -> None:
    """The large one is not starved by small ones that would fit before it."""
    world = World(tpm=100)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.call("first", tokens=60))
            group.create_task(world.call("large", tokens=90))
            group.create_task(world.call("small", tokens=10))

    virtual_time.run(scenario())
    assert world.starts == [("first", 0.0), ("large", 60.0), ("small", 60.0)]


def test_tokens_that_are_told_before_the_turn_change_nothing() -> None:
    """A turn that was never given has used nothing."""

    async def scenario() -> None:
        limiter = Limiter(Rate(tpm=10))
        async with limiter.turn(5) as turn:
            turn.spent = None
            turn.used(500)
            async with limiter.turn(5) as other:
                assert other.waited_s == 0.0

    virtual_time.run(scenario())


def test_runs_take_turns() -> None:
    """A run that asks for much does not keep out one that asks for little; in a run the first goes first."""
    world = World(concurrency=1)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(world.call(f"large {number}", run="large"))
            await asyncio.sleep(0.5)
            for number in range(2):
                group.create_task(world.call(f"small {number}", run="small"))

    virtual_time.run(scenario())
    assert world.order == ["large 0", "large 1", "small 0", "large 2", "small 1", "large 3"]


def test_fifty_calls_do_not_all_go_when_a_pause_ends() -> None:
    """Nobody starts before Retry-After is over; then one by one, faster and faster, never ten at once."""
    world = World()

    async def scenario() -> None:
        with suppress(ConnectionRefusedError):
            await world.refused("refused", 20.0)
        await all_calls(world, 50, takes_s=0.1)

    virtual_time.run(scenario())
    times = world.times[1:]
    assert times[0] == 20.0
    by_second = Counter(int(at_s) - 20 for at_s in times)
    assert [by_second[second] for second in range(6)] == [3, 4, 6, 10, 16, 11]
    assert max(Counter(times).values()) == 1
    assert world.order[1:] == [str(number) for number in range(50)]


def test_fifty_refused_together_come_back_spread_and_fewer_at_a_time() -> None:
    """Fifty at once are refused: the places are halved once, and when all come again they are let in by and by."""
    world = World()
    under_way = []

    async def stubborn(name: str) -> None:
        with suppress(ConnectionRefusedError):
            async with world.limiter.turn() as turn:
                await asyncio.sleep(0.2)
                turn.refused(10.0)
                raise ConnectionRefusedError
        async with world.limiter.turn():
            world.starts.append((name, asyncio.get_running_loop().time()))
            under_way.append(world.limiter.under_way)
            await asyncio.sleep(30.0)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(50):
                group.create_task(stubborn(str(number)))
            await asyncio.sleep(1.0)
            assert world.limiter.places == 25

    virtual_time.run(scenario())
    world.require_idle()
    assert world.times[0] == 10.2
    assert max(Counter(world.times).values()) == 1
    assert world.times[24] < 15.0
    assert world.times[25] == 40.2
    assert max(under_way) == 25


def test_a_hint_that_nothing_is_left_holds_until_the_reset() -> None:
    """With nothing left nobody starts before the reset; with something left, or no reset, everybody does."""
    world = World()

    async def scenario() -> None:
        world.limiter.hint(RateHint(remaining_requests=5, remaining_tokens=900, reset_s=30.0))
        world.limiter.hint(RateHint(remaining_requests=0))
        await world.call("free")
        world.limiter.hint(RateHint(remaining_requests=4, remaining_tokens=0, reset_s=30.0))
        await world.call("held")
        world.limiter.hint(RateHint(remaining_requests=0, reset_s=3.0))
        await world.call("held again")

    virtual_time.run(scenario())
    assert world.starts == [("free", 0.0), ("held", 31.0), ("held again", 35.0)]


def test_a_pause_that_comes_while_calls_wait_holds_them_too() -> None:
    """The timer of a shorter wait does not let them slip through a longer pause."""
    world = World(rpm=1)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.call("first", takes_s=0.0))
            group.create_task(world.call("second"))
            await asyncio.sleep(59.0)
            world.limiter.hint(RateHint(remaining_requests=0, reset_s=10.0))

    virtual_time.run(scenario())
    assert world.starts == [("first", 0.0), ("second", 69.0)]


def test_a_pause_has_an_end() -> None:
    """An endpoint that asks for a day is asked again after the longest pause."""
    world = World(pause_max_s=15.0)

    async def scenario() -> None:
        with suppress(ConnectionRefusedError):
            await world.refused("refused", 86400.0)
        await world.call("again")

    virtual_time.run(scenario())
    assert world.starts[-1] == ("again", 15.0)


def test_a_failure_that_is_no_refusal_teaches_nothing() -> None:
    """A broken connection neither cuts the places nor raises them."""
    world = World(concurrency=4)

    async def scenario() -> None:
        async def breaks() -> None:
            async with world.limiter.turn():
                raise ConnectionResetError

        with suppress(ConnectionRefusedError):
            async with world.limiter.turn(), world.limiter.turn():
                await world.refused("refused", 0.0)
        assert world.limiter.places == 1
        for _ in range(10):
            with suppress(ConnectionResetError):
                await breaks()
        assert world.limiter.places == 1
        await world.call("succeeds")
        assert world.limiter.places == 2

    virtual_time.run(scenario())
    world.require_idle()


def test_a_cancelled_call_leaves_its_place_in_the_queue() -> None:
    """The next one goes in its stead, and nothing is counted for it."""
    world = World(concurrency=1, rpm=2)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(world.call("first"))
            waiting = group.create_task(world.call("cancelled"))
            group.create_task(world.call("next"))
            await asyncio.sleep(0.5)
            waiting.cancel()

    virtual_time.run(scenario())
    assert world.starts == [("first", 0.0), ("next", 1.0)]
    world.require_idle()


def test_a_call_that_is_cancelled_while_it_goes_gives_its_place_back() -> None:
    """A place is free as soon as its call is over, whichever way."""
    world = World(concurrency=1)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            going = group.create_task(world.call("going", takes_s=1000.0))
            group.create_task(world.call("next"))
            await asyncio.sleep(2.0)
            going.cancel()

    virtual_time.run(scenario())
    assert world.starts == [("going", 0.0), ("next", 2.0)]
    world.require_idle()


def test_a_call_that_is_cancelled_in_the_moment_of_its_turn_leaves_nothing() -> None:
    """Its place, its request and its tokens go to the next one, though it had leave already."""
    world = World(concurrency=1, rpm=2, tpm=10)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            holder = world.limiter.turn(5)
            await holder.__aenter__()
            waiting = group.create_task(world.call("cancelled", tokens=5))
            group.create_task(world.call("next", tokens=5))
            await asyncio.sleep(1.0)
            await holder.__aexit__(None, None, None)  # from here on the first in the queue has leave
            assert world.limiter.under_way == 1
            assert world.limiter.waiting == 1
            waiting.cancel()

    virtual_time.run(scenario())
    assert world.starts == [("next", 1.0)]
    world.require_idle()


def test_a_cancelled_first_one_is_passed_over_before_it_has_noticed() -> None:
    """A place that becomes free in the same moment goes to the next one."""
    world = World(concurrency=1)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            holder = world.limiter.turn()
            await holder.__aenter__()
            waiting = group.create_task(world.call("cancelled", run="a"))
            group.create_task(world.call("next", run="b"))
            await asyncio.sleep(1.0)
            waiting.cancel()
            await holder.__aexit__(None, None, None)

    virtual_time.run(scenario())
    assert world.starts == [("next", 1.0)]
    world.require_idle()


def test_no_timer_is_left_when_nobody_waits() -> None:
    """The last one that leaves the queue takes the timer along."""

    async def scenario() -> None:
        world = World(rpm=1)
        await world.call("first")
        waiting = asyncio.get_running_loop().create_task(world.call("second"))
        await asyncio.sleep(1.0)
        waiting.cancel()
        await asyncio.wait([waiting])
        world.require_idle()
        # Nothing is to come any more: a loop that waits for nothing says so.
        await asyncio.get_running_loop().create_future()

    with pytest.raises(virtual_time.StuckError, match="at 2 s"):
        virtual_time.run(scenario(), patience_s=0.05)


def test_a_limiter_goes_on_in_another_event_loop() -> None:
    """One that is idle may be used by one loop after the other."""
    world = World(concurrency=1)
    for _ in range(2):
        virtual_time.run(all_calls(world, 2))
    assert world.times == [0.0, 1.0, 0.0, 1.0]


def test_a_model_and_key_has_one_limiter() -> None:
    """The same model, address and key share one; any other has its own, with its own limits."""
    limiters = Limiters(lambda model: Rate(concurrency=1 if "local" in model.model else None), pause_max_s=7.0)
    one = limiters.of(ModelSettings(model="local:a", temperature=0.1))
    assert limiters.of(ModelSettings(model="local:a", temperature=0.9)) is one
    assert one.places == 1
    others = [
        ModelSettings(model="remote:a"),
        ModelSettings(model="local:a", base_url="http://127.0.0.1:1/v1"),
        ModelSettings(model="local:a", api_key_env="KEY"),
    ]
    assert len({one, *map(limiters.of, others)}) == 4
    assert limiters.of(others[0]).places == inf
