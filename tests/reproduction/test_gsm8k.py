"""GSM8K: published solutions get the published verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from attention_moa.bench.gsm8k import judge_answers, read_right_numbers, score
from attention_moa.bench.reading import read_json, read_lines
from attention_moa.bench.scores import score_tree

MODELS = ("175b_verification", "6b_finetuning")


@pytest.mark.parametrize("model", MODELS)
def test_every_figure_comes_out(benchmark_data: Path, model: str) -> None:
    """Count, correct ones and accuracy, to the last digit."""
    folder = benchmark_data / "gsm8k"
    expected = cast("dict[str, dict[str, Any]]", read_json(folder / "expected.json"))
    values = score_tree(score([folder / f"solutions_{model}.jsonl.gz"], benchmark_data).scores)
    assert set(expected) == set(MODELS)
    assert values == pytest.approx(expected[model], abs=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_every_verdict_comes_out(benchmark_data: Path, model: str) -> None:
    """Each of the 1,319 solutions is right or wrong as published."""
    folder = benchmark_data / "gsm8k"
    answers = folder / f"solutions_{model}.jsonl.gz"
    verdicts = judge_answers([answers], read_right_numbers(folder / "test.jsonl.gz"))
    published = [row["is_correct"] for _, row in read_lines(answers)]
    assert [one.is_correct for one in verdicts] == published
    assert len(published) == 1319
