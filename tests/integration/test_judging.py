"""The benchmarks judged by a simulated model behind real HTTP, and scored as any judgements are."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.bench.judgements import Judged
from attention_moa.bench.judges import judge_settings
from attention_moa.bench.judging import judging_of
from attention_moa.bench.scores import Score
from attention_moa.bench.tasks import scoring_of
from attention_moa.fleet import Fleet
from tests.asking import run
from tests.judges import a_judging_fleet, a_simulated_judge

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
