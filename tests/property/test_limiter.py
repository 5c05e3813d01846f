"""Whatever calls do, and whenever they are ended: the limits hold, the order holds, and nothing is left."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from attention_moa.limiter import Limiter, Turn
from attention_moa.messages import RateHint
from attention_moa.pacing import Rate
from tests import virtual_time

TIMES = st.integers(0, 400).map(lambda quarters: quarters / 4)  # a grid, so that many things happen in one moment


class Call(NamedTuple):
    """What one call does."""

    run: str
    asks_s: float
    takes_s: float
    tokens: int
    used: int | None
    ends: str
    ended_s: float | None


CALLS = st.lists(
    st.builds(
        Call,
        run=st.sampled_from("abc"),
        asks_s=TIMES,
        takes_s=st.sampled_from((0.0, 0.25, 1.0, 30.0)),
        tokens=st.integers(0, 60),
        used=st.none() | st.integers(0, 60),
        ends=st.sampled_from(("succeeds", "succeeds", "breaks", "refused", "hinted")),
        ended_s=st.none() | TIMES,
    ),
    min_size=1,
    max_size=25,
)
LIMITS = st.builds(
    Rate,
    concurrency=st.none() | st.integers(1, 4),
    rpm=st.none() | st.integers(1, 6),
    tpm=st.none() | st.integers(30, 100),
)


class Start(NamedTuple):
    """A call that began."""

    number: int
    at_s: float
    tokens: int


class Play:
    """Calls to one limiter, what happened, and what must never happen."""

    def __init__(self, rate: Rate, calls: list[Call]) -> None:
        self.rate = rate
        self.calls = calls
        self.limiter = Limiter(rate, pause_max_s=20.0)
        self.starts: list[Start] = []
        self.asked: defaultdict[str, list[int]] = defaultdict(list)
        self.pauses: list[tuple[float, float]] = []
        self.under_way = 0

    async def call(self, number: int, call: Call) -> None:
        """Ask for a turn, and do what the call does."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(call.asks_s)
        self.asked[call.run].append(number)
        with suppress(ConnectionError):
            async with self.limiter.turn(call.tokens, run=call.run) as turn:
                now_s = loop.time()
                assert abs(turn.waited_s - (now_s - turn.asked_s)) < 1e-3
                self.starts.append(Start(number, now_s, call.tokens))
                self.under_way += 1
                try:
                    assert self.under_way <= (self.rate.concurrency or 1000)
                    await asyncio.sleep(call.takes_s)
                    if call.used is not None:
                        turn.used(min(call.used, call.tokens))
                    if call.ends == "hinted":
                        self.limiter.hint(RateHint(remaining_requests=0, reset_s=3.0))
                        self.pauses.append((loop.time(), loop.time() + 3.0))
                    elif call.ends == "refused":
                        turn.refused(2.0)
                        self.pauses.append((loop.time(), loop.time() + 2.0))
                        raise ConnectionRefusedError
                    elif call.ends == "breaks":
                        raise ConnectionResetError
                finally:
                    self.under_way -= 1

    async def run(self) -> None:
        """Make all calls; end from outside those that are to be ended."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(100_000), asyncio.TaskGroup() as group:
            for number, call in enumerate(self.calls):
                task = group.create_task(self.call(number, call))
                if call.ended_s is not None:
                    loop.call_at(call.ended_s, task.cancel)
        assert self.limiter.waiting == 0
        assert self.limiter.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def require_order(self) -> None:
        """Check that in each run the calls started in the order of asking, and that none was left out."""
        started = [start.number for start in self.starts]
        for run, asked in self.asked.items():
            of_run = [number for number in started if self.calls[number].run == run]
            assert of_run == [number for number in asked if number in set(of_run)]
            never_ended = {number for number in asked if self.calls[number].ended_s is None}
            assert never_ended <= set(of_run)

    def require_pauses(self) -> None:
        """Check that none started in a pause; in its first moment one may that had leave before."""
        for _, at_s, _ in self.starts:
            assert not any(begin_s + 1e-3 < at_s < end_s - 1e-3 for begin_s, end_s in self.pauses)

    def require_minutes(self) -> None:
        """Check that no sixty seconds held more than was allowed."""
        for first in range(len(self.starts)):
            minute = [start for start in self.starts[first:] if start.at_s < self.starts[first].at_s + 60 - 1e-3]
            assert len(minute) <= (self.rate.rpm or 1000)
            used = [min(tokens, self.calls[number].used or 0) for number, _, tokens in minute[:-1]]
            assert sum(used) + minute[-1].tokens <= max(self.rate.tpm or 10_000, minute[-1].tokens)


@given(rate=LIMITS, calls=CALLS)
def test_limits_and_order_hold_and_nothing_is_left(rate: Rate, calls: list[Call]) -> None:
    """Calls that succeed, break, are refused, hinted and ended at any moment leave a limiter that is as at first."""
    play = Play(rate, calls)
    virtual_time.run(play.run())
    play.require_order()
    play.require_pauses()
    play.require_minutes()


@given(calls=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=30))
def test_runs_share_evenly(calls: list[tuple[bool, int]]) -> None:
    """While two runs wait for one place, neither gets two turns in a row."""
    turns: list[Turn] = []

    async def one(limiter: Limiter, run: str, at_s: int) -> None:
        await asyncio.sleep(at_s)
        async with limiter.turn(run=run) as turn:
            turns.append(turn)
            await asyncio.sleep(1.5)

    async def scenario() -> None:
        limiter = Limiter(Rate(concurrency=1))
        async with asyncio.TaskGroup() as group:
            for is_a, at_s in calls:
                group.create_task(one(limiter, "a" if is_a else "b", at_s))

    virtual_time.run(scenario())
    for number, (turn, following) in enumerate(pairwise(turns)):
        began_s = turn.asked_s + turn.waited_s
        waited = {later.run for later in turns[number + 1 :] if later.asked_s < began_s}
        assert following.run != turn.run or waited <= {turn.run}
