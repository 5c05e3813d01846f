"""IFEval: published answers of GPT-4 get the published verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from attention_moa.bench.ifeval import score
from attention_moa.bench.ifeval.kinds import KINDS
from attention_moa.bench.ifeval.scoring import judge, read
from attention_moa.bench.reading import read_json, read_lines
from attention_moa.bench.scores import score_tree

ACCURACIES = ("prompt_strict", "instruction_strict", "prompt_loose", "instruction_loose")


def test_every_figure_of_this_half_comes_out(benchmark_data: Path) -> None:
    """All accuracies and counts of the half that the data have, to the last digit."""
    folder = benchmark_data / "ifeval"
    expected = cast("dict[str, dict[str, Any]]", read_json(folder / "expected.json"))["this_half"]
    values = score_tree(score([folder / "gpt4_responses.jsonl.gz"], benchmark_data).scores)
    assert set(expected) == {"n_prompts", "n_instructions", *ACCURACIES}
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_every_verdict_comes_out(benchmark_data: Path) -> None:
    """Each instruction of each answer, strict and loose."""
    answers = benchmark_data / "ifeval" / "gpt4_responses.jsonl.gz"
    prompts, _ = read([answers], benchmark_data)
    rows = [row for _, row in read_lines(answers)]
    verdicts = {row["key"]: judge(prompts[row["key"]], row["response"]) for row in rows}
    published = {row["key"]: (row["strict"], row["loose"]) for row in rows}
    assert {key: (list(one.strict), list(one.loose)) for key, one in verdicts.items()} == published


def test_the_data_have_every_kind(benchmark_data: Path) -> None:
    """The whole benchmark is counted: prompts, instructions and kinds, and what is expected of all of it agrees."""
    folder = benchmark_data / "ifeval"
    prompts, _ = read([folder / "gpt4_responses.jsonl.gz"], benchmark_data)
    kinds = [one.kind for prompt in prompts.values() for one in prompt.instructions]
    whole = cast("dict[str, dict[str, Any]]", read_json(folder / "expected.json"))["recomputed_all_541"]
    assert (len(prompts), len(kinds)) == (whole["n_prompts"], whole["n_instructions"])
    assert set(kinds) == set(KINDS)
