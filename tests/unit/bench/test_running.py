"""A whole benchmark in a folder: answers, scores, and going on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.board import Board
from attention_moa.bench.results import Results, SystemResult
from attention_moa.bench.run_lines import read_lines_of
from attention_moa.bench.running import Benchmark, Wanted
from attention_moa.config import EnsembleSpec, LimitSpec
from attention_moa.errors import ConfigError, StoreError
from attention_moa.fleet import Fleet, ModelSpec
from attention_moa.money import Price
from attention_moa.store import open_journal
from tests.alpaca_world import INSTRUCTIONS
from tests.alpaca_world import write_data as alpaca_data
from tests.bench_world import ASKED, a_spec, a_wanted, gsm8k_data, mt_bench_data, write_jsonl
from tests.fleet_world import a_fleet

COST_USD = 0.0001
"""About what a call to the fleet costs at a dollar a million tokens."""


def benched(wanted: Wanted, told: list[str] | None = None, board: Board | None = None) -> Results:
    """Return what a benchmark came to."""
    tell: Callable[[str], None] = (told if told is not None else []).append
    return asyncio.run(Benchmark(wanted, board or Board(), tell).run())


def values(system: SystemResult) -> dict[str, float | None]:
    """Return a system's scores by name."""
    return {one.name: one.value for one in system.scores}


def test_answers_are_scored_and_written(tmp_path: Path) -> None:
    """A line a run, answers in the benchmark's form, and scores with what they are of."""
    wanted = a_wanted(tmp_path / "out", "gsm8k", data=gsm8k_data(tmp_path))
    board = Board()
    results = benched(wanted, board=board)
    (mine,) = results.systems
    assert values(mine) == {"n": 4, "n_correct": 4, "accuracy": 100.0}
    assert (mine.answered, mine.failed, mine.not_reached, mine.calls, mine.usd) == (4, 0, 0, 4, None)
    assert mine.seconds is not None
    assert (mine.average_length, results.asked, results.total, results.stopped) == (6.0, 4, 4, None)
    lines = read_lines_of(wanted.folder / "runs" / "mine.jsonl")
    assert [line.question for line in lines] == ["1", "2", "3", "4"]
    assert all(line.run_id.startswith(f"gsm8k.mine.{line.question}.1.") for line in lines)
    assert json.loads((wanted.folder / "scores.json").read_text(encoding="utf-8"))["settings_hash"]
    assert len((wanted.folder / "answers" / "mine.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert (board.systems[0].done, board.systems[0].running, board.systems[0].left, board.left_s) == (4, 0, 0, 0.0)


def test_scores_that_cannot_be_written_are_a_store_error(tmp_path: Path) -> None:
    """It names the file; what was answered is kept."""
    wanted = a_wanted(tmp_path / "out", "gsm8k", data=gsm8k_data(tmp_path))
    (wanted.folder / "scores.json").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"scores\.json cannot be written: "):
        benched(wanted)
    assert len(read_lines_of(wanted.folder / "runs" / "mine.jsonl")) == 4


def test_the_same_again_asks_nothing(tmp_path: Path) -> None:
    """More questions ask only these; a file of lines that is lost is made anew out of the journal."""
    data = gsm8k_data(tmp_path)
    ASKED.clear()
    first = benched(a_wanted(tmp_path / "out", "gsm8k", data=data, limit=2))
    assert len(ASKED) == 2
    wanted = a_wanted(tmp_path / "out", "gsm8k", data=data)
    benched(wanted)
    assert len(ASKED) == 4
    (wanted.folder / "runs" / "mine.jsonl").unlink()
    again = benched(a_wanted(tmp_path / "out", "gsm8k", data=data, limit=2))
    assert len(ASKED) == 4
    assert [replace(one, notes=()) for one in again.systems] == [replace(one, notes=()) for one in first.systems]


def test_what_is_answered_stays_answered(tmp_path: Path) -> None:
    """Fewer questions and systems leave the lines and answers of the others alone; scores are of what was asked."""
    data = gsm8k_data(tmp_path)
    both = (a_spec(), a_spec("moody", name="other"))
    folder = tmp_path / "out"
    whole = benched(a_wanted(folder, "gsm8k", *both, data=data))
    ASKED.clear()
    mine, other = benched(a_wanted(folder, "gsm8k", data=data, limit=2)).systems
    assert ASKED == []
    assert [len(read_lines_of(folder / "runs" / f"{name}.jsonl")) for name in ("mine", "other")] == [4, 4]
    for name in ("mine", "other"):
        assert len((folder / "answers" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()) == 4
    assert (mine.questions, values(mine)["n"]) == (2, 2)
    assert "earlier answers to questions that were not asked this time stay, and are not scored: 2" in mine.notes
    assert (other.name, values(other)["accuracy"]) == ("other", 50.0)
    assert "it was not asked this time: these are its earlier answers" in other.notes
    again = benched(a_wanted(folder, "gsm8k", *both, data=data))
    assert ASKED == []
    assert [one.scores for one in again.systems] == [one.scores for one in whole.systems]


def test_a_folder_whose_systems_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Nothing in it is written over."""
    wanted = a_wanted(tmp_path / "out", "gsm8k", data=gsm8k_data(tmp_path))
    benched(wanted)
    path = wanted.folder / "settings.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"agents"', '"agentz"'), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^--out: .*settings\.json: .*: name another folder"):
        benched(wanted)


def test_a_failed_run_is_counted_and_tried_again(tmp_path: Path) -> None:
    """It is wrong where that is the benchmark's way, and never a text."""
    wanted = a_wanted(tmp_path / "out", "gsm8k", a_spec("moody"), data=gsm8k_data(tmp_path))
    (mine,) = benched(wanted).systems
    assert (values(mine)["accuracy"], mine.answered, mine.failed) == (75.0, 3, 1)
    assert mine.notes[0].startswith("1 question has no answer; the first one: ")
    (failed,) = [line for line in read_lines_of(wanted.folder / "runs" / "mine.jsonl") if line.state == "failed"]
    assert failed.text is None
    assert "no two" in str(failed.error)
    ASKED.clear()
    (again,) = benched(wanted).systems
    assert (ASKED, again.failed) == ([], 1)


def test_both_turns_are_asked_in_one_conversation(tmp_path: Path) -> None:
    """At the temperature of the category; without the first answer there is no second question."""
    wanted = a_wanted(tmp_path / "out", "mt-bench", data=mt_bench_data(tmp_path))
    board = Board()
    (mine,) = benched(wanted, board=board).systems
    lines = read_lines_of(wanted.folder / "runs" / "mine.jsonl")
    assert [(line.question, line.turn, line.text) for line in lines] == [
        ("81", 1, "turn 1"),
        ("81", 2, "turn 3"),
        ("101", 1, "turn 1"),
        ("101", 2, "turn 3"),
    ]
    assert mine.scores == ()
    assert (board.systems[0].done, board.systems[0].total, board.systems[0].what) == (4, 4, "turns")

    async def temperatures() -> list[float | None]:
        async with open_journal(wanted.folder / "journal.db") as journal:
            return [(await journal.record(line.run_id)).ensemble.agents[0].temperature for line in lines]

    assert asyncio.run(temperatures()) == [0.7, 0.7, 0.0, 0.0]
    broken = a_wanted(tmp_path / "broken", "mt-bench", a_spec("broken_first"), data=tmp_path)
    (none,) = benched(broken).systems
    assert (none.answered, none.failed) == (0, 2)
    errors = [line.error for line in read_lines_of(broken.folder / "runs" / "mine.jsonl")]
    assert errors[1::2] == ["turn 1 has no answer"] * 2


def test_systems_answer_one_after_the_other(tmp_path: Path) -> None:
    """Each in files of its own."""
    specs = (a_spec(), a_spec("moody", name="other"))
    wanted = a_wanted(tmp_path / "out", "gsm8k", *specs, data=gsm8k_data(tmp_path))
    results = benched(wanted)
    assert [(one.name, values(one)["accuracy"]) for one in results.systems] == [("mine", 100.0), ("other", 75.0)]
    assert {path.name for path in (wanted.folder / "runs").iterdir()} == {"mine.jsonl", "other.jsonl"}


def test_a_file_of_ones_own_is_scored_where_it_has_right_answers(tmp_path: Path) -> None:
    """Else answers, costs and latencies are all there is."""
    path = write_jsonl(tmp_path / "mine.jsonl", [{"prompt": "What is 3 and 3?", "answer": 6}, {"prompt": "Why?"}])
    (scored,) = benched(a_wanted(tmp_path / "out", str(path))).systems
    assert values(scored)["accuracy"] == 100.0
    path = write_jsonl(tmp_path / "other.jsonl", [{"prompt": "Why?"}])
    (unscored,) = benched(a_wanted(tmp_path / "other", str(path))).systems
    assert (unscored.scores, unscored.answered) == ((), 1)


def test_without_a_judge_alpaca_eval_has_lengths_alone(tmp_path: Path) -> None:
    """And beside them the null model's."""
    wanted = a_wanted(tmp_path / "out", "alpaca-eval", data=alpaca_data(tmp_path), limit=2)
    mine, null = benched(wanted).systems
    assert (mine.average_length, mine.scores, null.name, null.scores) == (6.0, (), "null-model", ())
    rows = json.loads((wanted.folder / "answers" / "null-model.json").read_text(encoding="utf-8"))
    assert [row["instruction"] for row in rows] == INSTRUCTIONS[:2]
    assert len({row["output"] for row in rows}) == 1


# --------------------------------------------------------------------------------------------------------------- money


def priced(fleet: Fleet, name: str = "mine", **fields: object) -> EnsembleSpec:
    """Return one model of the fleet that answers alone for money."""
    price = Price(input=1.0, output=1.0)
    agent = AgentSpec(name="a", model="openai:m", base_url=fleet.base_url, price=price, max_tokens=100)
    return EnsembleSpec(name=name, agents=(agent,), strategy="single", **fields)  # type: ignore[arg-type]  # checked when made


def on_a_fleet(run: Callable[[Fleet], Wanted], told: list[str]) -> tuple[Results, int]:
    """Return what a benchmark on a fleet came to, and how many requests there were."""

    async def scenario() -> tuple[Results, int]:
        async with Fleet(a_fleet(ModelSpec(name="m", output_tokens=40, concurrency=50))) as fleet:
            results = await Benchmark(run(fleet), Board(), told.append).run()
            return results, len(fleet.log)

    return asyncio.run(scenario())


def test_a_budget_is_not_passed_and_said_beforehand(tmp_path: Path) -> None:
    """It says for how many questions it will do; the scores say where it ended."""
    data = gsm8k_data(tmp_path, count=40)
    told: list[str] = []

    def wanted(fleet: Fleet) -> Wanted:
        specs = (priced(fleet), priced(fleet, "other"))
        return a_wanted(tmp_path / "out", "gsm8k", *specs, data=data, budget_usd=20 * COST_USD)

    results, requests = on_a_fleet(wanted, told)
    assert results.usd is not None
    assert 0 < results.usd <= 20 * COST_USD
    assert told[0].startswith("the budget reaches for about ")
    assert " of 40 questions: $0.0020 left" in told[0]
    assert results.stopped is not None
    assert results.stopped.startswith("stopped by the budget of $0.0020 after ")
    one, other = results.systems
    assert min(one.answered, other.answered) >= 5
    assert (one.failed, other.failed) == (0, 0)
    assert one.not_reached == 40 - one.answered > 0
    assert f"{one.not_reached} questions were not reached" in one.notes
    assert {score.missing for score in one.scores if score.name == "accuracy"} == {one.not_reached}
    assert requests == one.answered + other.answered


def test_with_more_money_it_goes_on(tmp_path: Path) -> None:
    """And what was spent counts."""
    data = gsm8k_data(tmp_path, count=12)
    told: list[str] = []

    async def scenario() -> tuple[Results, Results, Results, int]:
        async with Fleet(a_fleet(ModelSpec(name="m", output_tokens=40, concurrency=50))) as fleet:

            def wanted(usd: float) -> Wanted:
                return a_wanted(tmp_path / "out", "gsm8k", priced(fleet), data=data, budget_usd=usd)

            first = await Benchmark(wanted(4 * COST_USD), Board(), told.append).run()
            same = await Benchmark(wanted(4 * COST_USD), Board(), told.append).run()
            more = await Benchmark(wanted(1.0), Board(), told.append).run()
            return first, same, more, len(fleet.log)

    first, same, more, requests = asyncio.run(scenario())
    assert first.systems[0].answered == same.systems[0].answered < 12
    assert same.usd == first.usd
    assert (more.systems[0].answered, requests, more.stopped) == (12, 12, None)


def test_too_small_a_budget_is_refused_before_it_starts(tmp_path: Path) -> None:
    """With how far it gets; so is one for models whose price nobody knows."""
    data = gsm8k_data(tmp_path)
    with pytest.raises(ConfigError, match=r"^--budget: the budget reaches for about 0 of 4 questions: .* raise it"):
        on_a_fleet(
            lambda fleet: a_wanted(tmp_path / "out", "gsm8k", priced(fleet), data=data, budget_usd=COST_USD / 100), []
        )
    with pytest.raises(ConfigError, match=r"^--budget: the price of python:.* is not known"):
        benched(a_wanted(tmp_path / "other", "gsm8k", data=data, budget_usd=1.0))


def test_a_limit_of_the_ensemble_holds_beside_the_budget(tmp_path: Path) -> None:
    """What ends a run then is its own limit: the run has failed."""
    data = gsm8k_data(tmp_path)

    def wanted(fleet: Fleet) -> Wanted:
        spec = priced(fleet, limits=LimitSpec(tokens=1))
        return a_wanted(tmp_path / "out", "gsm8k", spec, data=data)

    results, requests = on_a_fleet(wanted, [])
    assert (results.systems[0].failed, requests) == (4, 0)
