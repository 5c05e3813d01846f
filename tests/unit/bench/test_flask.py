"""FLASK's scores out of small reviews of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.flask import score
from attention_moa.bench.scores import Score, TaskScores, score_tree
from attention_moa.errors import ConfigError

HARD_SET: list[dict[str, Any]] = [
    {"idx": 1, "skill": ["Readability", "Factuality"], "domain": ["Math", "Coding"], "difficulty": "expert"},
    {"idx": 2, "skill": ["Logical Efficiency", "Factuality"], "domain": ["Math"], "difficulty": "expert"},
    {"idx": 3, "skill": ["Factuality"], "domain": ["-1"], "difficulty": "expert"},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with a hard set of three instances."""
    folder = tmp_path / "flask"
    folder.mkdir()
    write_rows(folder / "flask_hard_evaluation.jsonl", HARD_SET)
    return tmp_path


def write_rows(path: Path, rows: Sequence[object]) -> Path:
    """Return a file of JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def reviewed(idx: int, **scores: object) -> dict[str, Any]:
    """Return a review of the hard set that ends with scores."""
    return {"idx": idx, "review": f"Fine.\n{scores!r}"}


def labelled(number: int, review: str, **others: object) -> dict[str, Any]:
    """Return a review of the full set, which names its own skills."""
    return {"question_id": number, "metrics": ["Readability", "Conciseness"], "review": review, **others}


def scored(data: Path, *rows: object) -> TaskScores:
    """Return the scores of some rows."""
    return score([write_rows(data / "reviews.jsonl", rows)], data)


def named(scores: TaskScores, name: str) -> Score:
    """Return a score by its name."""
    return next(one for one in scores.scores if one.name == name)


ALL = [
    reviewed(1, readability=5, factuality=2),
    reviewed(2, logical_efficiency=3, factuality="4"),
    reviewed(3, factuality=3),
]


def test_of_a_run_of_ours_only_what_was_asked_is_missing(data: Path) -> None:
    """A question that failed is missing in its own skills and domains alone."""
    path = write_rows(data / "reviews.jsonl", ALL[1:2])
    path.with_name("none.jsonl").write_bytes(b"")
    silent = score([path.with_name("none.jsonl")], data, asked={"2"})
    assert {(one.value, one.n) for one in silent.scores if one.name.startswith("skills.") and one.missing} >= {
        (None, 0)
    }
    scores = score([path], data, asked={"2", "3"})
    assert {one.name: one.missing for one in scores.scores} == {
        "skills_mean": 1,
        "skills.efficiency.average": 0,
        "skills.factuality.average": 1,
        "by_domain.Math": 0,
        "skills.efficiency.sum": 0,
        "skills.efficiency.count": 0,
        "skills.factuality.sum": 1,
        "skills.factuality.count": 1,
        "n_reviews": 1,
        "n_unparsed": 0,
        "n_not_applicable": 0,
        "n_refused": 0,
    }
    assert scores.notes == ("instances of the hard set without a review: 1",)


def test_averages_are_by_skill_and_by_domain(data: Path) -> None:
    """An instance counts in each of its domains; one level of difficulty is not told again."""
    scores = scored(data, *ALL)
    assert score_tree(scores.scores) == {
        "skills_mean": pytest.approx(11 / 3),
        "skills": {
            "efficiency": {"average": 3.0, "sum": 3.0, "count": 1},
            "factuality": {"average": 3.0, "sum": 9.0, "count": 3},
            "readability": {"average": 5.0, "sum": 5.0, "count": 1},
        },
        "by_domain": {"Math": 3.5, "Coding": 3.5},
        "n_reviews": 3,
        "n_unparsed": 0,
        "n_not_applicable": 0,
        "n_refused": 0,
    }
    assert scores.notes == ()
    assert {one.missing for one in scores.scores} == {0}


def test_the_mean_of_skills_redraws_whole_instances(data: Path) -> None:
    """Each skill counts alike however often it was asked for; three instances have an interval with a width."""
    mean = named(scored(data, *ALL), "skills_mean")
    assert mean.value == pytest.approx(11 / 3)
    assert (mean.n, mean.missing) == (5, 0)
    assert mean.interval is not None
    assert 1.0 <= mean.interval.low < 11 / 3 < mean.interval.high <= 5.0
    assert named(scored(data, *ALL[1:2]), "skills_mean").interval is None


def test_a_review_that_cannot_be_read_is_missing_and_no_number(data: Path) -> None:
    """For each skill that was asked for."""
    scores = scored(data, *ALL[:1], {"idx": 2, "review": "Factuality: 1"}, *ALL[2:])
    factuality = named(scores, "skills.factuality.average")
    assert (factuality.value, factuality.n, factuality.missing) == (2.5, 2, 1)
    assert named(scores, "skills.efficiency.average") == Score("skills.efficiency.average", None, 0, 1)
    assert named(scores, "by_domain.Math").missing == 2
    assert named(scores, "n_unparsed").value == 1
    assert scores.notes == ("of 3 reviews, 1 without scores that can be read: missing, not a number",)


def test_what_does_not_apply_is_neither_a_score_nor_missing(data: Path) -> None:
    """It is counted by itself."""
    scores = scored(data, *ALL[:2], reviewed(3, factuality="N/A"))
    factuality = named(scores, "skills.factuality.average")
    assert (factuality.value, factuality.n, factuality.missing) == (3.0, 2, 0)
    assert named(scores, "n_not_applicable").value == 1


def test_refused_scores_are_missing_and_said(data: Path) -> None:
    """Outside the scale, or of a skill that was not asked for."""
    scores = scored(data, *ALL[:2], reviewed(3, factuality=9, harmlessness=5))
    assert named(scores, "skills.factuality.average").missing == 1
    assert named(scores, "n_refused").value == 2
    assert scores.notes == ("refused, being no 1 to 5 or a skill not asked for: 2 scores, such as 'factuality: 9'",)


def test_instances_without_a_review_are_missing(data: Path) -> None:
    """The hard set says what should be there."""
    scores = scored(data, ALL[2])
    factuality = named(scores, "skills.factuality.average")
    assert (factuality.value, factuality.n, factuality.missing) == (3.0, 1, 2)
    assert named(scores, "n_reviews") == Score("n_reviews", 1, 1, 2)
    assert named(scores, "n_unparsed").value == 0
    assert named(scores, "by_domain.Coding") == Score("by_domain.Coding", None, 0, 2)
    assert scores.notes == ("instances of the hard set without a review: 2",)


def test_reviews_of_the_full_set_bring_their_own_labels(data: Path) -> None:
    """Skills, domains and levels of difficulty; where there are several levels, each skill is told by level."""
    easy = {"domain_labeled": ["History"], "difficulty_labeled": "easy"}
    rows = [
        labelled(1, "{'Readability': 5, 'Conciseness': 1}", **easy),
        labelled(2, "{'Readability': 3, 'Conciseness': 'NA'}", difficulty_labeled="hard"),
    ]
    tree: Any = score_tree(scored(data, *rows).scores)
    assert tree["skills"]["readability"] == {"average": 4.0, "sum": 8.0, "count": 2}
    assert tree["by_domain"] == {"History": 3.0}
    assert tree["by_difficulty"] == {
        "easy": {"readability": 5.0, "conciseness": 1.0},
        "hard": {"readability": 3.0, "conciseness": None},
    }
    assert tree["n_reviews"] == 2
    note = "2 of 2 reviews are of no instance of the hard set: what is missing is not known"
    assert scored(data, *rows).notes == (note,)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (reviewed(9, factuality=1), "idx: the hard set has no instance 9"),
        (reviewed(1, factuality=1), "idx: a second review of 1"),
        ({"idx": 2}, "review: missing"),
        ({"idx": 2, "review": None}, "review: not text: None"),
        ({"idx": "two"}, "idx: not a number: 'two'"),
        ({"review": "…"}, "question_id: missing"),
        ({"question_id": 1, "review": "…"}, "metrics: missing"),
        (labelled(1, "…", metrics=[]), "metrics: no skills"),
        (labelled(1, "…", metrics=["Beauty"]), "metrics: 'Beauty' is no skill of the benchmark"),
        (labelled(1, "…", metrics="Readability"), "metrics: not a list of texts"),
        (labelled(1, "…", domain_labeled=[1]), "domain_labeled: not a list of texts"),
        (labelled(1, "…", difficulty_labeled=3), "difficulty_labeled: not text: 3"),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_field(data: Path, row: object, error: str) -> None:
    """In one line."""
    with pytest.raises(ConfigError) as caught:
        scored(data, ALL[0], row)
    assert str(caught.value) == f"{data / 'reviews.jsonl'}, line 2, {error}"


def test_no_reviews_are_an_error(data: Path) -> None:
    """An empty file is no file of zeros."""
    with pytest.raises(ConfigError, match="no reviews"):
        scored(data)
