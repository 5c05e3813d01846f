"""The benchmarks judged by a simulated model behind real HTTP, and scored as any judgements are."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from attention_moa.agents import AgentSpec
from attention_moa.bench.judgements import Judged
from attention_moa.bench.judges import JudgeSettings, judge_name, judge_settings, with_settings
from attention_moa.bench.judging import Judge, asking, judging_of
from attention_moa.bench.scores import Score
from attention_moa.bench.tasks import scoring_of
from attention_moa.config import EnsembleSpec
from attention_moa.fleet import FAULTYTEXT, Fault, FaultSpec, Fleet
from attention_moa.messages import CallRequest, Reply, TokenChances
from attention_moa.providers.scripted import Said
from attention_moa.runtime import Ensemble
from tests.asking import run
from tests.judges import SETTINGS, a_judge, a_judging_fleet, a_simulated_judge

COUNT = 6


def rows_of(path: Path, count: int) -> list[Any]:
    """Return the first rows of a file of the benchmarks' data."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return (
        msgspec.json.decode(raw)[:count] if raw[:1] == b"[" else [*map(msgspec.json.decode, raw.split(b"\n")[:count])]
    )


def lines(rows: Iterable[Any]) -> bytes:
    """Return rows as lines of JSON."""
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def alpaca_eval_answers(data: Path) -> bytes:
    """Return a model's answers, one of them the baseline's own."""
    rows = rows_of(data / "alpaca_eval" / "alpaca_eval_gpt4_baseline.json.gz", COUNT)
    outputs = [row["output"] if place == 0 else f"Answer {place}." for place, row in enumerate(rows)]
    made = [{"instruction": row["instruction"], "output": output} for row, output in zip(rows, outputs, strict=True)]
    return msgspec.json.encode(made)


def mt_bench_answers(data: Path) -> bytes:
    """Return a published model's answers to a question of each kind of prompt."""
    rows = rows_of(data / "mt_bench" / "answers" / "phi-3-dpo.jsonl.gz", 80)
    return lines(row for row in rows if row["question_id"] in (81, 101, 111, 121, 131, 141))


def flask_answers(data: Path) -> bytes:
    """Return the right answers as a model's."""
    rows = rows_of(data / "flask" / "flask_hard_evaluation.jsonl", COUNT)
    return lines({"question_id": row["idx"], "text": row["answer"]} for row in rows)


ANSWERS = {"alpaca-eval": alpaca_eval_answers, "mt-bench": mt_bench_answers, "flask": flask_answers}
JUDGEMENTS = {"alpaca-eval": COUNT - 1, "mt-bench": 2 * COUNT, "flask": COUNT}
"""One answer of AlpacaEval's is the baseline's own: a draw that nobody is asked about."""


async def judged(task: str, data: Path, folder: Path, fleet: Fleet, **options: Any) -> Judged:
    """Return what judging a handful of answers came to."""
    answers = folder / "answers"
    answers.write_bytes(ANSWERS[task](data))
    journal = str(folder / "journal.db")
    async with a_simulated_judge(fleet, judge_settings(task, data), journal=journal, **options) as judge:
        return await judging_of(task)(answers, data, judge, system="mine", folder=folder / "judgements")


def scored(task: str, found: Judged, data: Path) -> dict[str, Score]:
    """Return the scores of what was judged, by name."""
    return {score.name: score for score in scoring_of(task)([found.file], data).scores}


@pytest.mark.parametrize("task", sorted(ANSWERS))
def test_a_benchmark_is_judged_and_its_own_scoring_reads_the_judgements(
    task: str, benchmark_data: Path, tmp_path: Path
) -> None:
    """Every judgement is there, and paid for; a second judge on the same journal asks nobody."""

    async def scenario() -> None:
        async with Fleet(a_judging_fleet()) as fleet:
            found = await judged(task, benchmark_data, tmp_path, fleet)
            requests = fleet.stats["sim-judge"].requests
            assert (found.n, found.missing, found.retried, requests) == (JUDGEMENTS[task], 0, 0, JUDGEMENTS[task])
            assert found.usd is not None
            assert found.usd > 0
            assert (found.judge, found.reply_models) == ("openai:sim-judge", ("sim-judge",))
            first = found.file.read_bytes()
            assert await judged(task, benchmark_data, tmp_path, fleet, parallel=1) == found
            assert (found.file.read_bytes(), fleet.stats["sim-judge"].requests) == (first, requests)
        details = [msgspec.json.decode(line) for line in found.details.read_bytes().splitlines()]
        assert [one["state"] for one in details] == ["judged"] * JUDGEMENTS[task]
        scores = scored(task, found, benchmark_data)
        name = {"alpaca-eval": "win_rate", "mt-bench": "average", "flask": "skills.comprehension.average"}[task]
        low, high = {"alpaca-eval": (0.0, 100.0), "mt-bench": (1.0, 10.0), "flask": (1.0, 5.0)}[task]
        value = scores[name].value
        assert value is not None
        assert low <= value <= high

    run(scenario)


def test_a_judge_that_is_cut_short_is_asked_again_and_then_missing(benchmark_data: Path, tmp_path: Path) -> None:
    """Too few tokens for a rating: three requests for each judgement, no number, and the cost of all of them."""

    async def scenario() -> None:
        answers = tmp_path / "answers"
        answers.write_bytes(mt_bench_answers(benchmark_data))
        async with Fleet(a_judging_fleet()) as fleet:
            async with a_simulated_judge(fleet, JudgeSettings(temperature=0.0, max_tokens=5)) as judge:
                found = await judging_of("mt-bench")(answers, benchmark_data, judge, system="mine", folder=tmp_path)
            assert (found.n, found.missing, found.unreadable, found.retried) == (12, 12, 12, 12)
            assert fleet.stats["sim-judge"].requests == 36
        assert found.usd is not None
        assert found.usd > 0
        average = scored("mt-bench", found, benchmark_data)["average"]
        assert (average.value, average.n) == (None, 0)

    run(scenario)


def test_faults_on_the_way_change_no_judgement(benchmark_data: Path, tmp_path: Path) -> None:
    """What is half, broken or late is asked for again by the calls themselves; nothing of it is judged by."""

    async def scenario() -> None:
        kinds: tuple[Fault, ...] = ("rate_limit", "server_error", "malformed", "cut", "empty", "wrong_type", "reset")
        files: list[bytes] = []
        for rate in (0.0, 0.05):
            faults = FaultSpec(**dict.fromkeys(kinds, rate), retry_after_s=0.0)
            folder = tmp_path / str(rate)
            folder.mkdir()
            async with Fleet(replace(a_judging_fleet(replies="equal"), faults=faults), has_messages=True) as fleet:
                found = await judged("flask", benchmark_data, folder, fleet)
                assert not any(FAULTYTEXT in visit.text for visit in fleet.log)
            assert (found.n, found.missing) == (COUNT, 0)
            files.append(found.file.read_bytes())
        assert files[0] == files[1]
        assert FAULTYTEXT.encode() not in files[1]

    run(scenario)


def test_an_ensemble_may_judge(benchmark_data: Path, tmp_path: Path) -> None:
    """Its answer is read like any other; without log-probabilities of its own, AlpacaEval takes the letter."""

    async def scenario() -> None:
        answers = tmp_path / "answers"
        answers.write_bytes(alpaca_eval_answers(benchmark_data))
        async with Fleet(a_judging_fleet()) as fleet:
            agents = tuple(
                AgentSpec(name=name, model="openai:sim-judge", base_url=fleet.base_url, top_logprobs=5) for name in "ab"
            )
            spec = with_settings(EnsembleSpec(name="panel", agents=agents, layers=1), SETTINGS)
            async with Ensemble(spec) as ensemble:
                judge = Judge(judge_name(spec), asking(ensemble, "judge"))
                found = await judging_of("alpaca-eval")(answers, benchmark_data, judge, system="mine", folder=tmp_path)
            calls = ensemble.planned_calls
            assert (found.judge, found.n, found.missing) == ("panel", COUNT - 1, 0)
            assert fleet.stats["sim-judge"].requests == calls * (COUNT - 1)
        assert found.notes[0].startswith(f"the judge told no log-probabilities in {COUNT - 1} of {COUNT - 1}")
        preferences = {row["preference"] for row in msgspec.json.decode(found.file.read_bytes())}
        assert preferences <= {1.0, 1.5, 2.0}

    run(scenario)


def test_the_published_log_probabilities_give_the_published_preferences(benchmark_data: Path, tmp_path: Path) -> None:
    """From the judge's reply through the call, the journal's record and the order to the annotation."""
    source = benchmark_data / "alpaca_eval"
    count = 40
    asked = rows_of(source / "alpaca_eval_gpt4_baseline.json.gz", count)
    published = {row["instruction_index"]: row for row in rows_of(source / "judge_logprobs_claude-2.jsonl.gz", count)}
    answers = tmp_path / "answers"
    answers.write_bytes(
        msgspec.json.encode([{"instruction": row["instruction"], "output": f"#{n}#"} for n, row in enumerate(asked)])
    )

    def say(request: CallRequest) -> Said:
        found = re.search(r"#([0-9]+)#", request.messages[-1].text)
        assert found is not None
        token, logprob = published[int(found[1])]["top_logprobs"][0]
        top = tuple((token, logprob) for token, logprob in published[int(found[1])]["top_logprobs"])
        return Reply(text=token, finish_reason="length", logprobs=(TokenChances(token, logprob, top),))

    async def scenario() -> None:
        async with a_judge(say) as bench:
            judging = judging_of("alpaca-eval")
            found = await judging(answers, benchmark_data, bench.judge, system="claude-2", folder=tmp_path)
        rows = msgspec.json.decode(found.file.read_bytes())
        assert [row["preference"] for row in rows] == pytest.approx(
            [published[place]["preference"] for place in range(count)], abs=1e-9
        )

    run(scenario)
