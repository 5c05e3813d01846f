"""The counts of a fleet as a table and in a line; and who shows them while it serves."""

from __future__ import annotations

import asyncio
import io

import pytest

from attention_moa.cli.fleet_counts import describe, in_short, total
from attention_moa.cli.fleet_views import LiveCounts, PlainCounts, duration
from attention_moa.fleet import Fleet, ModelStats
from tests.asking import run
from tests.fleet_world import a_fleet, running

QUICK = ModelStats(requests=1200, whole=1190, faults={"cut": 7, "hang": 3}, prompt_tokens=12_345_678, output_tokens=9)
SLOW = ModelStats(requests=3, left=1, refused=1, working=2, waiting=4, faults={"cut": 1}, cached_tokens=160_999)


def test_a_table_has_a_line_for_each_model_and_one_for_all() -> None:
    """What went wrong is below it; large numbers are short."""
    assert describe({"quick": QUICK, "slow": SLOW}, 2, room=None) == [
        "model  asked  now  in line  faults   prompt  cached  written",
        "quick  1,200    0        0      10  12.35 M       0        9",
        "slow       3    2        4       1        0   160 k        0",
        "all    1,203    2        4      11  12.35 M   160 k        9",
        "faults: cut 8, hang 3",
        "others: 1 refused by a limit, 1 given up by the client, 2 wrong in themselves",
    ]


def test_one_model_needs_no_sum_and_nothing_wrong_no_line() -> None:
    """The least that a table can be."""
    assert len(describe({"m": ModelStats(requests=1)}, 0, room=None)) == 2


@pytest.mark.parametrize("room", [52, 60, 80])
def test_a_table_fits_its_room(room: int) -> None:
    """Cells and what went wrong are folded on a narrow terminal."""
    lines = "\n".join(describe({"quick": QUICK, "slow": SLOW}, 2, room=room)).splitlines()
    assert all(len(line) <= room for line in lines)


def test_in_short_it_is_one_line() -> None:
    """For files and pipes."""
    assert in_short({"slow": SLOW}) == "3 requests over, 2 now, 4 in line, 1 with a fault, 0 tokens written"


def test_a_sum_leaves_its_parts_as_they_are() -> None:
    """Also their faults."""
    assert total({"a": SLOW, "b": SLOW}).faults == {"cut": 2}
    assert SLOW.faults == {"cut": 1}


def test_without_a_terminal_a_line_comes_when_something_happened(capsys: pytest.CaptureFixture[str]) -> None:
    """And none when nothing did."""

    async def scenario() -> list[str]:
        async with running() as client:
            with PlainCounts(client.fleet, every_s=0.01):
                await asyncio.sleep(0.05)
                quiet = capsys.readouterr().err
                await client.chat()
                async with asyncio.timeout(60):
                    while not (told := capsys.readouterr().err):
                        await asyncio.sleep(0.01)
            return [quiet, told]

    quiet, told = run(scenario)
    assert quiet == ""
    assert told.startswith("1 request over, 0 now, 0 in line, 0 with a fault, ")


def test_on_a_terminal_the_table_is_painted_with_the_time() -> None:
    """How long the fleet is up is below it."""

    async def scenario() -> None:
        async with Fleet(a_fleet()) as fleet:
            with LiveCounts(fleet, io.StringIO()) as view:
                lines = view.render().plain.splitlines()
        assert lines[0].startswith("model  asked  now")
        assert lines[-1] == "up 0 s"

    run(scenario)


@pytest.mark.parametrize(("seconds", "said"), [(59.9, "59 s"), (61, "1 min 1 s"), (3600 * 26 + 120, "26 h 2 min")])
def test_how_long_a_fleet_is_up_is_said_in_two_units_at_most(seconds: float, said: str) -> None:
    """It may be up for days."""
    assert duration(seconds) == said
