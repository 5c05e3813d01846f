"""FLASK: reviews give what the official parser and the official aggregation make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.flask import score
from attention_moa.bench.flask_judge import KEYS, SKILLS, SkillScores, parse_review, skill_key
from attention_moa.bench.flask_rows import read_hard_set
from attention_moa.bench.reading import read_json, read_lines
from attention_moa.bench.scores import score_tree

IN_THE_HARD_SET = {
    "Comprehension": 59,
    "Commonsense Understanding": 40,
    "Factuality": 27,
    "Logical Correctness": 27,
    "Metacognition": 19,
    "Completeness": 18,
    "Logical Efficiency": 16,
    "Logical Robustness": 13,
    "Readability": 12,
    "Insightfulness": 12,
    "Conciseness": 12,
    "Harmlessness": 12,
}


@pytest.fixture(scope="module")
def folder(benchmark_data: Path) -> Path:
    """Return FLASK's data."""
    return benchmark_data / "flask"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, Any]:
    """Return what the official code makes of the synthetic reviews."""
    numbers: Any = read_json(folder / "expected_synthetic.json")
    return dict(numbers)


def official(parsed: dict[str, Any]) -> SkillScores | None:
    """Return what the official parser reads, in our form: it keeps numbers as texts where they stand in quotes."""
    if not parsed:
        return None
    scores = {skill_key(skill): float(value) for skill, value in parsed.items() if value != "N/A"}
    return SkillScores(scores, frozenset(skill_key(skill) for skill, value in parsed.items() if value == "N/A"))


def test_every_skill_is_the_official_one(folder: Path, expected: dict[str, Any]) -> None:
    """Sum, count and average of the twelve skills, and the number of unreadable replies, to the last digit."""
    tree = score_tree(score([folder / "reviews_synthetic.jsonl"], folder.parent).scores)
    assert tree["skills"] == expected["skills"]
    assert tree["n_unparsed"] == expected["n_unparsed"]


def test_every_reply_is_read_as_the_official_parser_reads_it(folder: Path, expected: dict[str, Any]) -> None:
    """All 89 replies: scores, what does not apply, and the unreadable ones; nothing is refused."""
    hard_set = read_hard_set(folder)
    rows = [row for _, row in read_lines(folder / "reviews_synthetic.jsonl")]
    read = [parse_review(row["review"], hard_set[row["idx"]].skills) for row in rows]
    assert read == [official(parsed) for parsed in expected["parsed"]]


def test_official_reviews_have_the_scores_that_are_stored_with_them(folder: Path) -> None:
    """Five reviews by GPT-4 of the full set; each names its own skills."""
    rows = [row for _, row in read_lines(folder / "reviews_real_sample.jsonl")]
    assert [parse_review(row["review"], row["metrics"]) for row in rows] == [official(row["score"]) for row in rows]
    tree: Any = score_tree(score([folder / "reviews_real_sample.jsonl"], folder.parent).scores)
    assert tree["skills"]["comprehension"] == {"sum": 19.0, "count": 4, "average": 4.75}
    assert tree["n_unparsed"] == 0


def test_the_hard_set_asks_for_three_skills_each(folder: Path) -> None:
    """89 instances, and each skill as often as the benchmark says."""
    hard_set = read_hard_set(folder)
    asked = [skill for instance in hard_set.values() for skill in instance.skills]
    assert list(hard_set) == list(range(1, 90))
    assert {len(instance.skills) for instance in hard_set.values()} == {3}
    assert {skill: asked.count(skill) for skill in SKILLS} == IN_THE_HARD_SET


def test_the_keys_are_those_of_the_official_tables(expected: dict[str, Any]) -> None:
    """And in the same order."""
    assert list(KEYS) == list(expected["skills"])
