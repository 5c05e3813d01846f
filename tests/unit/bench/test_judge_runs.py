"""The judge of a benchmark at work: scores, a null model, money, warnings."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from attention_moa.agents import AgentSpec
from attention_moa.bench.alpaca_eval import score
from attention_moa.bench.board import Board
from attention_moa.bench.judge_runs import judge_usd_each, judge_warnings
from attention_moa.bench.null_model import published_annotations
from attention_moa.bench.results import Results, SystemResult
from attention_moa.bench.running import Benchmark, Wanted
from attention_moa.bench.scores import Score
from attention_moa.bench.systems import System
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError
from attention_moa.fleet import Fleet, ModelSpec
from attention_moa.money import Price
from tests.alpaca_world import QUESTIONS, annotation_rows, write_annotations, write_judged_data
from tests.bench_world import a_question, a_spec, a_wanted, gsm8k_data
from tests.fleet_world import a_fleet

PRICE = Price(input=1.0, output=1.0)


def unheard(line: str) -> None:
    """Listen to nothing."""
    del line


def with_judge(wanted: Wanted, judge: EnsembleSpec) -> Wanted:
    """Return the same, judged."""
    return Wanted(
        questions=wanted.questions,
        data=wanted.data,
        settings=wanted.settings,
        folder=wanted.folder,
        judge=judge,
        parallel=2,
    )


def on_the_fleet(fleet: Fleet, model: str, **fields: object) -> EnsembleSpec:
    """Return a model of a fleet that answers alone."""
    agent = AgentSpec(name="a", model=f"openai:{model}", base_url=fleet.base_url, price=PRICE, max_tokens=50)
    return EnsembleSpec(**({"name": model, "agents": (agent,), "strategy": "single"} | fields))  # type: ignore[arg-type]  # checked when made


def nothing_of(system: SystemResult) -> Score:
    """Return the first score of a system, which it has none of."""
    return system.scores[0]


def test_answers_are_judged_and_so_is_a_null_model(tmp_path: Path) -> None:
    """By any judge; where it tells its views it shows how far it is."""
    wanted = a_wanted(tmp_path / "out", "alpaca-eval", data=write_judged_data(tmp_path), limit=3)
    board = Board()
    results = asyncio.run(Benchmark(with_judge(wanted, a_spec("likes_m", name="judge")), board, unheard).run())
    mine, null = results.systems
    for one in (mine, null):
        assert one.judgement is not None
        assert (one.judgement["n"], one.judgement["missing"]) == (3, 0)
        assert one.judgement["judge"] == "python:tests.bench_world:likes_m"
        assert {score.name for score in one.scores} > {"win_rate", "length_controlled_winrate"}
        assert one.judge_usd is None  # nobody knows what a function costs
    assert (board.phase, board.judged, board.to_judge) == ("judging", 6, 6)
    assert (results.usd, (wanted.folder / "judgements" / "null-model.json").exists()) == (None, True)


def test_of_a_drawn_sample_only_failed_questions_are_missing(tmp_path: Path) -> None:
    """And each has its own difficulty, whatever its place among the judgements."""
    data = write_judged_data(tmp_path)
    wanted = a_wanted(tmp_path / "out", "alpaca-eval", a_spec("moody"), data=data, limit=12, seed=3)
    results = asyncio.run(Benchmark(with_judge(wanted, a_spec("likes_m", name="judge")), Board(), unheard).run())
    mine, null = results.systems
    assert 0 < mine.failed < 12
    assert {one.missing for one in mine.scores} == {mine.failed}
    assert {one.missing for one in null.scores} == {0}
    assert any(note.startswith("the length-controlled fit takes each question's own") for note in mine.notes)
    file = wanted.folder / "judgements" / "mine.json"
    assert mine.scores == score([file], data, asked={one.id for one in wanted.questions.questions}).scores


def test_a_judge_that_says_nothing_leaves_no_score(tmp_path: Path) -> None:
    """All judgements are missing, and none is a number; what nobody answered is not judged at all."""
    wanted = a_wanted(
        tmp_path / "out", "alpaca-eval", a_spec("broken_first"), data=write_judged_data(tmp_path), limit=2
    )
    results = asyncio.run(Benchmark(with_judge(wanted, a_spec("adds", name="judge")), Board(), unheard).run())
    mine, null = results.systems
    assert (mine.answered, mine.judgement) == (0, None)
    assert null.judgement is not None
    assert (null.judgement["missing"], null.judgement["unreadable"]) == (2, 2)
    assert nothing_of(null) == Score("win_rate", None, 0, 2)


def test_a_judge_that_fails_leaves_judgements_missing(tmp_path: Path) -> None:
    """With why, and without a number; the answers and what they cost stay."""
    data = write_judged_data(tmp_path)
    wanted = a_wanted(tmp_path / "out", "alpaca-eval", data=data, limit=2)
    results = asyncio.run(Benchmark(with_judge(wanted, a_spec("broken_first", name="judge")), Board(), unheard).run())
    mine, _ = results.systems
    assert mine.judgement is not None
    assert (mine.answered, mine.judgement["missing"], mine.judgement["unreadable"]) == (2, 2, 0)
    assert nothing_of(mine) == Score("win_rate", None, 0, 2)
    assert any(note.startswith("of 2 judgements, 2 failed (") and "no luck" in note for note in mine.notes)


def test_the_published_annotations_serve_where_their_judge_judges(tmp_path: Path) -> None:
    """The null model of the data then costs no call."""
    data = write_judged_data(tmp_path)
    (data / "alpaca_eval" / "annotations").mkdir()
    write_annotations(data / "alpaca_eval" / "annotations", annotation_rows(), "NullModel.csv")
    assert published_annotations(data, None) is None
    assert published_annotations(data, "openai:gpt-4o") is None

    async def scenario() -> tuple[Results, int]:
        models = [ModelSpec(name=name, output_tokens=5) for name in ("m", "gpt-4-1106-preview")]
        async with Fleet(a_fleet(*models)) as fleet:
            wanted = a_wanted(tmp_path / "out", "alpaca-eval", on_the_fleet(fleet, "m"), data=data, budget_usd=1.0)
            judge = on_the_fleet(fleet, "gpt-4-1106-preview")
            return await Benchmark(with_judge(wanted, judge), Board(), unheard).run(), len(fleet.log)

    results, requests = asyncio.run(scenario())
    mine, null = results.systems
    assert requests == 2 * QUESTIONS
    assert (null.judgement, null.notes[-1]) == (None, "by the published annotations of NullModel.csv")
    assert {score.name: score.value for score in null.scores}["n_wins"] == 26
    assert mine.judge_usd is not None
    assert results.usd == pytest.approx((mine.usd or 0.0) + mine.judge_usd)


def test_all_stand_on_the_same_questions_wherever_the_money_ends(tmp_path: Path) -> None:
    """Systems and null model are judged as they answer: no one eats what the judge of another needs."""
    data = write_judged_data(tmp_path)

    async def scenario() -> tuple[Results, Results, int, int]:
        models = [ModelSpec(name=name, output_tokens=40, concurrency=50) for name in ("m", "o", "j")]
        async with Fleet(a_fleet(*models)) as fleet:

            def wanted(usd: float) -> Wanted:
                specs = (on_the_fleet(fleet, "m"), on_the_fleet(fleet, "o"))
                bench = a_wanted(tmp_path / "out", "alpaca-eval", *specs, data=data, limit=30, budget_usd=usd)
                return with_judge(bench, on_the_fleet(fleet, "j"))

            first = await Benchmark(wanted(0.01), Board(), unheard).run()
            requests = len(fleet.log)
            again = await Benchmark(wanted(0.01), Board(), unheard).run()
            return first, again, requests, len(fleet.log)

    first, again, before, after = asyncio.run(scenario())
    said = [one.judgement or {} for one in first.systems]
    counts = [one["n"] - one["unasked"] for one in said]
    assert 4 <= min(counts) < 30, first.stopped
    assert max(counts) - min(counts) <= 2  # as many as go through at once
    assert first.usd is not None
    assert first.usd <= 0.01
    assert first.stopped is not None
    assert "of the judgements it reached " in first.stopped
    assert not any("failed" in note for one in first.systems for note in one.notes)
    assert after - before <= 2 * 2 * 3
    assert again.usd is not None
    assert again.usd <= 0.01


def test_where_the_money_ends_judgements_are_missing(tmp_path: Path) -> None:
    """They were not asked for, and a note says so."""
    data = write_judged_data(tmp_path)

    async def scenario() -> Results:
        async with Fleet(a_fleet(ModelSpec(name="m", output_tokens=5), ModelSpec(name="j"))) as fleet:
            spec = on_the_fleet(fleet, "m")
            wanted = a_wanted(tmp_path / "out", "alpaca-eval", spec, data=data, limit=4)
            await Benchmark(wanted, Board(), unheard).run()  # answered; now there is nothing left for the judge
            poor = a_wanted(tmp_path / "out", "alpaca-eval", spec, data=data, limit=4, budget_usd=0.000001)
            return await Benchmark(with_judge(poor, on_the_fleet(fleet, "j")), Board(), unheard).run()

    mine, _ = asyncio.run(scenario()).systems
    assert mine.judgement is not None
    assert (mine.answered, mine.judgement["missing"], nothing_of(mine)) == (4, 4, Score("win_rate", None, 0, 4))
    assert any("the money was at its end" in note for note in mine.notes)


def test_a_judge_that_is_an_agent_too_is_warned_of() -> None:
    """Once a model, whoever answers with it; another address is another model."""
    judge = a_spec(agents=(AgentSpec(name="j", model="test:m"),))
    both = a_spec(agents=(AgentSpec(name="a", model="test:m"),))
    elsewhere = a_spec(agents=(AgentSpec(name="a", model="test:m", base_url="http://localhost:1/v1"),))
    systems = [System(name=name, spec=spec) for name, spec in (("a", both), ("b", both), ("c", elsewhere))]
    assert judge_warnings(judge, systems) == [
        "the judge test:m is also an agent: judges favour what they wrote themselves"
    ]
    assert judge_warnings(judge, systems[2:]) == []


def test_judging_is_planned_by_what_a_judge_reads() -> None:
    """More than the question, and once a turn."""
    judge = a_spec(agents=(AgentSpec(name="j", model="test:m", price=PRICE, max_tokens=1000),))
    one = judge_usd_each(judge, [a_question()])
    assert 0.002 < one < 0.01
    assert judge_usd_each(judge, [a_question(later=("And?",))]) == 2 * one
    assert judge_usd_each(judge, []) == 0.0


def test_what_stops_one_question_stops_all(tmp_path: Path) -> None:
    """A missing key is no failed run: it is told, in one line, before there is a folder."""
    agent = AgentSpec(name="a", model="openai:gpt-4.1", api_key_env="NO_SUCH_KEY")
    wanted = a_wanted(tmp_path / "out", "gsm8k", a_spec(agents=(agent,)), data=gsm8k_data(tmp_path))
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        asyncio.run(Benchmark(wanted, Board(), unheard).run())
    assert not wanted.folder.exists()
