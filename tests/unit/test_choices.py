"""Further answers: begun once, and missing where nobody knows how they are written."""

from __future__ import annotations

import asyncio

from attention_moa.choices import Choices
from attention_moa.records import Choice, Loss
from attention_moa.wording import Wording


async def written(number: int) -> Wording | Loss:
    """Return what is written of an answer."""
    return Wording(f"answer {number}", "1.summary.a")


async def finished(_: int, wording: Wording) -> Choice | Loss:
    """Return the answer that becomes of it."""
    return Choice(text=wording.text, finish_reason=wording.finish_reason, call_id=wording.call_id)


def test_answers_are_begun_once() -> None:
    """Whoever comes second writes none."""
    begun: list[int] = []

    async def counted(number: int) -> Wording | Loss:
        begun.append(number)
        return await written(number)

    async def scenario() -> list[Choice | Loss | None]:
        async with asyncio.TaskGroup() as group:
            choices = Choices(2, group, finished)
            choices.begin(counted)
            choices.begin(counted)
            return await choices.results(None)

    found = asyncio.run(scenario())
    assert ([choice.text for choice in found if isinstance(choice, Choice)], begun) == (
        ["answer 1", "answer 2"],
        [1, 2],
    )


def test_what_nobody_knows_how_to_write_is_missing() -> None:
    """A call that this life of a run has not come to cannot be made again."""

    async def scenario() -> list[Choice | Loss | None]:
        async with asyncio.TaskGroup() as group:
            choices = Choices(2, group, finished)
            choices.know("1.summary.a", written)
            choices.begin_after("1.summary.b")
            return await choices.results(0.0)

    assert asyncio.run(scenario()) == [None, None]
