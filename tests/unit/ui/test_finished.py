"""What is found out about runs, once."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from attention_moa.records import RunRecord
from attention_moa.ui.finished import Findings
from tests.journals import a_head, a_record


class Finder:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, record: RunRecord) -> str:
        self.asked.append(record.run_id)
        return record.run_id


def test_a_run_that_is_over_is_looked_at_once() -> None:
    """One that is under way, or went on since, is looked at anew."""
    finder = Finder()
    findings = Findings(finder)
    over = replace(a_record(a_head()), state="finished")

    async def ask() -> None:
        assert await findings.of(over) == await findings.of(over) == over.run_id
        for _ in range(2):
            await findings.of(replace(over, state="running"))
        await findings.of(replace(over, state="failed"))

    asyncio.run(ask())
    assert len(finder.asked) == 4


def test_not_all_runs_are_kept() -> None:
    """Those that were asked for last are."""
    finder = Finder()
    findings = Findings(finder)

    async def ask() -> None:
        for number in range(70):
            await findings.of(replace(a_record(a_head()), run_id=f"{number}", state="finished"))
            await findings.of(replace(a_record(a_head()), run_id="0", state="finished"))

    asyncio.run(ask())
    assert finder.asked == [f"{number}" for number in range(70)]
