"""A browser is waited for until it has drawn what it was sent, and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from attention_moa.ui.drawn import Drawn

FOR_EVER_S = 600.0


def test_nothing_sent_is_nothing_to_wait_for() -> None:
    """The first message goes at once."""
    asyncio.run(Drawn(FOR_EVER_S).wait())


async def waited(drawn: Drawn, *numbers: object) -> list[str]:
    """Return what happens, in order, where somebody waits and the browser tells numbers."""
    told: list[str] = []

    async def waits() -> None:
        await drawn.wait()
        told.append("waited")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(waits())
        for number in numbers:
            for _ in range(3):
                await asyncio.sleep(0)
            told.append(f"draws {number}")
            drawn.note(number)
    return told


def test_all_that_was_sent_is_waited_for() -> None:
    """One message drawn of two is not enough."""
    drawn = Drawn(FOR_EVER_S)
    assert [drawn.send(), drawn.send()] == [1, 2]
    assert asyncio.run(waited(drawn, 1, 2)) == ["draws 1", "draws 2", "waited"]


def test_the_newest_message_stands_for_those_before() -> None:
    """A browser tells one number for all that a frame shows."""
    drawn = Drawn(FOR_EVER_S)
    assert [drawn.send(), drawn.send()] == [1, 2]
    assert asyncio.run(waited(drawn, 2)) == ["draws 2", "waited"]


@pytest.mark.parametrize("wrong", [0, -1, 2, "1", None, {"number": 1}, 1.5])
def test_what_no_browser_of_ours_tells_says_nothing(wrong: object) -> None:
    """It is waited on."""
    drawn = Drawn(FOR_EVER_S)
    drawn.send()
    assert asyncio.run(waited(drawn, wrong, 1)) == [f"draws {wrong}", "draws 1", "waited"]


def test_a_browser_that_draws_nothing_is_told_all_the_same() -> None:
    """A tab behind others draws nothing; who sends goes on after a while."""
    drawn = Drawn(0.0)
    drawn.send()
    asyncio.run(drawn.wait())
    assert drawn.send() == 2
