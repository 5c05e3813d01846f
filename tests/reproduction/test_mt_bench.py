"""MT-Bench: published judgements give the published averages, and their texts the published ratings."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.mt_bench import score
from attention_moa.bench.mt_bench_judge import parse_rating
from attention_moa.bench.mt_bench_judging import prompt_name, read_exchanges, read_prompts, render
from attention_moa.bench.reading import read_json, read_lines
from attention_moa.bench.scores import score_tree

MODELS = ["gemini-1.5-flash", "llama2_chat_7b", "mistral-orpo", "phi-3-dpo"]
NO_FIGURES = {"source", "judge", "note"}


@pytest.fixture(scope="module")
def folder(benchmark_data: Path) -> Path:
    """Return MT-Bench's data."""
    return benchmark_data / "mt_bench"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    """Return the published numbers by model."""
    numbers: Any = read_json(folder / "expected.json")
    return dict(numbers)


def test_every_published_model_is_looked_at(expected: dict[str, Any]) -> None:
    """The models below are those of the expected numbers."""
    assert set(MODELS) == expected.keys()


@pytest.mark.parametrize("model", MODELS)
def test_every_figure_is_the_published_one(folder: Path, expected: dict[str, Any], model: str) -> None:
    """Averages by turn, by category and in all, and the counts, come out to the last digit."""
    scored = score([folder / "judgments" / f"{model}.jsonl.gz"], folder.parent)
    figures = {name: figure for name, figure in expected[model].items() if name not in NO_FIGURES}
    assert score_tree(scored.scores) == figures
    assert f"judged by {expected[model]['judge']}" in scored.notes


@pytest.mark.parametrize("model", MODELS)
def test_every_rating_is_read_out_of_the_judges_own_words(folder: Path, model: str) -> None:
    """FastChat's parser stored the same score, -1 for none."""
    rows = [row for _, row in read_lines(folder / "judgments" / f"{model}.jsonl.gz")]
    assert len(rows) >= 160
    for row in rows:
        rating = parse_rating(row["judgment"])
        assert row["score"] == (-1 if rating is None else rating)


@pytest.mark.parametrize("model", MODELS)
def test_every_average_is_within_its_interval(folder: Path, model: str) -> None:
    """The bootstrap over questions encloses what it is drawn from, and is no wider than the scale."""
    scored = score([folder / "judgments" / f"{model}.jsonl.gz"], folder.parent)
    with_interval = [one for one in scored.scores if not one.name.startswith("n_")]
    assert len(with_interval) >= 11
    for one in with_interval:
        assert one.value is not None
        assert one.interval is not None
        assert 1 <= one.interval.low <= one.value <= one.interval.high <= 10


@pytest.mark.parametrize("model", MODELS)
def test_every_published_prompt_of_the_judge_is_rebuilt(folder: Path, model: str) -> None:
    """To the last character, by its digest: which prompt, what is filled in, and with which reference answers.

    Of the model with two runs, the answers are those of the newer one alone.
    """
    prompts, exchanges = read_prompts(folder), read_exchanges(folder)
    answers = {row["question_id"]: row["turns"] for _, row in read_lines(folder / "answers" / f"{model}.jsonl.gz")}
    rebuilt: set[tuple[int, int]] = set()
    for _, row in read_lines(folder / "judgments" / f"{model}.jsonl.gz"):
        number, turn = row["question_id"], row["turn"]
        name = prompt_name(exchanges[number], turn)
        assert name == row["judge_prompt"]
        asked = render(prompts[name], exchanges[number], answers[number], name=name)[-1].text
        if hashlib.sha256(asked.encode()).hexdigest() == row["user_prompt_sha256"]:
            rebuilt.add((number, turn))
        else:
            assert model == "mistral-orpo"
    assert len(rebuilt) == 160
