"""Baselines on a terminal: the live view, the account, the description, the page of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from attention_moa.cli.account import account
from attention_moa.cli.picture import render
from attention_moa.cli.progress import Progress
from attention_moa.cli.run_pages import run_page
from attention_moa.codec import event_from_json, event_to_json, record_from_json, record_to_json
from attention_moa.comparing import compare
from attention_moa.config import EnsembleSpec
from attention_moa.errors import RefusedError
from attention_moa.events import Event
from tests.baseline_world import STRATEGIES, a_baseline, choice
from tests.worlds import World


def picture(spec: EnsembleSpec, events: list[Event]) -> str:
    """Return the last picture of a run."""
    progress = Progress(spec)
    for place, event in enumerate(events):
        progress.apply(event, float(place))
    file = io.StringIO()
    Console(file=file, width=100, height=40).print(render(progress, now_s=99.0, started_s=0.0, width=100, height=40))
    return file.getvalue()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_moment_of_a_baseline_has_a_picture(strategy: str) -> None:
    """From nothing to its end, with the calls of its own and no column of attention."""
    world = World(a_baseline(strategy), {"select": choice(1, 2)}, has_deltas=True)
    world.run()
    pictures = [picture(world.spec, world.events[:end]) for end in range(len(world.events) + 1)]
    assert not any("criticises" in shown for shown in pictures)
    calls = len(world.requests)
    assert f"{calls} of {calls} calls" in pictures[-1]
    assert [event_from_json(event_to_json(event)) for event in world.events] == world.events


def test_the_writers_of_a_baseline_are_shown_as_they_follow() -> None:
    """The choice before the summary."""
    world = World(a_baseline("smoa"), {"select": choice(1, 2)})
    world.run()
    lines = [line.split()[0] for line in picture(world.spec, world.events).splitlines() if line.strip()]
    assert [word for word in lines if word in ("select", "summary", "residual")] == ["select", "summary"]


def test_the_line_of_a_choice_under_way_is_not_shown() -> None:
    """It is the engine's, not for people."""
    world = World(a_baseline("best-of-n"), {"select": choice(2)}, has_deltas=True, pieces=4)
    world.run()
    for end in range(len(world.events)):
        assert "CHOICE" not in picture(world.spec, world.events[:end])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_account_and_the_page_of_a_baseline(strategy: str) -> None:
    """All planned calls are told as made, every answer is on the page, and the record reads back equal."""
    record = World(a_baseline(strategy), {"select": choice(1, 2)}).run()
    lines = account(record, has_table=True)
    assert f"calls: {len(record.calls)} of {len(record.calls)} planned" in lines
    page = [text for text, _, _ in run_page(record)]
    assert all(call.text in page for call in record.calls if call.stage in ("answer", "summary"))
    assert record_from_json(record_to_json(record)) == record
    assert compare(record, record) is not None


def test_a_lost_answer_of_a_baseline_prevents_no_other_call() -> None:
    """Where nothing is refined, no refinement is counted as not made."""
    record = World(a_baseline("self-moa"), {"1.answer.a-1": RefusedError("no")}).run()
    assert not any("not made" in line for line in account(record, has_table=False))
