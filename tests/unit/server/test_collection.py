"""A server looks for garbage seldom, and not in what was there from the start."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref

from attention_moa.server.collection import collecting_seldom


class Knot:
    """Something that only a look for garbage can take away."""

    def __init__(self) -> None:
        self.itself = self


async def gone(thing: weakref.ref[Knot]) -> None:
    """Wait until something is gone."""
    async with asyncio.timeout(60):
        while thing() is not None:
            await asyncio.sleep(0.01)


def test_what_is_there_from_the_start_is_left_out_of_the_looks() -> None:
    """Only within; Python's own rhythm is back after it."""

    async def within() -> None:
        with collecting_seldom():
            assert gc.get_freeze_count() > frozen
            assert gc.get_threshold() != before

    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    asyncio.run(within())
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_old_garbage_is_taken_away_again_and_again() -> None:
    """Also what came after the first look."""

    async def within() -> None:
        with collecting_seldom(0.01):
            for _ in range(2):
                await gone(weakref.ref(Knot()))

    asyncio.run(within())


def test_young_garbage_is_taken_away_without_a_look_among_the_old() -> None:
    """The looks among new objects come far sooner."""

    async def within() -> None:
        with collecting_seldom(3600, 0.01):
            await gone(weakref.ref(Knot()))

    asyncio.run(within())


def test_the_longer_a_look_takes_the_later_is_the_next() -> None:
    """One of a twentieth of a second is followed by none for 20 seconds, however often they were to be."""
    whole: list[int] = []

    def slow(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            whole.append(1)
            time.sleep(0.05)

    async def within() -> None:
        with collecting_seldom(0.01, 3600):
            gc.callbacks.append(slow)
            await gone(weakref.ref(Knot()))
            await asyncio.sleep(0.2)

    try:
        asyncio.run(within())
    finally:
        gc.callbacks.remove(slow)
    assert len(whole) == 1
