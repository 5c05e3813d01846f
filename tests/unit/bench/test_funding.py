"""The money of a benchmark goes to a few questions at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

from attention_moa.agents import AgentSpec
from attention_moa.bench.funding import Funds, open_ones, reached
from attention_moa.bench.generating import limits_of
from attention_moa.bench.purse import Grant, Purse
from attention_moa.bench.run_lines import LineFile, RunLine
from attention_moa.config import LimitSpec
from tests.bench_world import a_question, a_spec

QUESTIONS = [a_question(number) for number in range(1, 8)]
NAMES = {(one.id, 1): f"run-{one.id}" for one in QUESTIONS}


def a_file(folder: Path, **states: str) -> LineFile:
    """Return lines by question."""
    file = LineFile(folder / "mine.jsonl", NAMES)
    for key, state in states.items():
        line = RunLine(question=key[1:], turn=1, run_id="r", state=state, text=None)  # type: ignore[arg-type]  # as told
        file.lines[line.key] = line
    return file


def spend(funds: Funds, system: str | None, usd: float) -> Purse:
    """Return a purse out of which money went."""

    async def scenario() -> Purse:
        purse = funds.purse(system)
        grant = await purse.take(most_usd=usd, usual_usd=usd)
        if grant is not None:
            await purse.settle(grant, usd)
        funds.settle(system, purse)
        return purse

    return asyncio.run(scenario())


def test_without_a_limit_all_questions_go_at_once(tmp_path: Path) -> None:
    """And nobody is limited."""
    funds = Funds(None, {}, 0.0, parallel=2)
    assert [len(chunk) for chunk in funds.chunks(QUESTIONS, {"a": a_file(tmp_path)})] == [7]
    assert (funds.purse("a").is_limited, funds.is_empty) == (False, False)


def test_as_many_go_through_together_as_the_rest_pays_for(tmp_path: Path) -> None:
    """What the others are planned to cost is kept back; who cannot go on ends it for all."""
    funds = Funds(5.0, {"a": 1.0}, 1.0, parallel=2)
    chunks = funds.chunks(QUESTIONS, {"a": a_file(tmp_path)})
    assert len(next(chunks)) == 2
    assert spend(funds, "a", 1.5).free_usd == 1.5  # 5, and 2 are the judge's
    assert spend(funds, None, 2.0).free_usd == 1.5  # all of the rest is his
    assert len(next(chunks)) == 1
    assert spend(funds, "a", 0.75).free_usd == 0.0  # too little for both: a share of what is left
    assert not funds.is_empty
    assert spend(funds, None, 0.9).is_empty
    assert (funds.is_empty, list(chunks)) == (True, [])


def test_what_is_answered_is_planned_to_cost_nothing(tmp_path: Path) -> None:
    """What failed is open, but a system came to it."""
    file = a_file(tmp_path, q1="finished", q2="failed")
    assert [one.id for one in open_ones(QUESTIONS[:3], file)] == ["2", "3"]
    assert [one.id for one in reached(QUESTIONS[:3], file)] == ["1", "2"]
    funds = Funds(6.0, {"a": 1.0, "b": 1.0}, 0.0, parallel=2)
    next(funds.chunks(QUESTIONS, {"a": file, "b": a_file(tmp_path)}))
    assert (funds.purse("a").free_usd, funds.purse("b").free_usd) == (4.0, 5.0)


def test_a_limit_is_no_bit_below_what_was_planned() -> None:
    """Sums of money have errors; nor is it longer than a person reads."""
    agent = AgentSpec(name="a", model="test:m", max_tokens=1)
    own = a_spec(agents=(agent,), limits=LimitSpec(usd=0.001))
    free = a_spec(agents=(agent,))
    grant = Grant(0.019479999999999997, 0.0)
    limits = (limits_of(free, grant), limits_of(own, grant), limits_of(own, Grant(float("inf"), 0.0)))
    assert [None if one is None else one.usd for one in limits] == [0.019480001, 0.001, None]
