"""MT-Bench's scores out of small judgements of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.mt_bench import score
from attention_moa.bench.scores import Score, TaskScores, score_tree
from attention_moa.errors import ConfigError

QUESTIONS = [(1, "writing"), (2, "math"), (3, "math")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with three questions in two categories."""
    folder = tmp_path / "mt_bench"
    folder.mkdir()
    rows = [{"question_id": number, "category": category, "turns": ["a", "b"]} for number, category in QUESTIONS]
    write_rows(folder / "question.jsonl", rows)
    return tmp_path


def write_rows(path: Path, rows: Sequence[object]) -> Path:
    """Return a file of JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def judged(question: int, turn: int, rating: float | None, **others: object) -> dict[str, Any]:
    """Return a judgement with the judge's text; None gives no rating."""
    words = "I cannot rate this." if rating is None else f"Well. Rating: [[{rating}]]"
    return {"question_id": question, "turn": turn, "judge_model": "a-judge", "judgment": words, **others}


def scored(data: Path, *rows: object) -> TaskScores:
    """Return the scores of some rows."""
    return score([write_rows(data / "judgements.jsonl", rows)], data)


def named(scores: TaskScores, name: str) -> Score:
    """Return a score by its name."""
    return next(one for one in scores.scores if one.name == name)


ALL = [judged(1, 1, 10), judged(1, 2, 8), judged(2, 1, 4), judged(2, 2, 2), judged(3, 1, 6), judged(3, 2, 3)]


def test_averages_are_by_turn_by_category_and_in_all(data: Path) -> None:
    """Each is the plain mean of the ratings."""
    scores = scored(data, *ALL)
    assert score_tree(scores.scores) == {
        "first_turn": pytest.approx(20 / 3),
        "second_turn": pytest.approx(13 / 3),
        "average": 5.5,
        "by_category": {"writing": 9.0, "math": 3.75},
        "n_judgments": 6,
        "n_failed_minus_one": 0,
        "n_duplicate_rows": 0,
    }
    assert scores.notes == ("judged by a-judge",)
    assert {one.missing for one in scores.scores} == {0}


def test_of_a_run_of_ours_only_what_was_asked_is_missing(data: Path) -> None:
    """A failed question is missing where it counts, and a category that nobody was asked about has no score."""
    path = write_rows(data / "judgements.jsonl", ALL[2:4])
    scores = score([path], data, asked={"2", "3"})
    missing = {one.name: one.missing for one in scores.scores if one.missing}
    assert missing == {"first_turn": 1, "second_turn": 1, "average": 2, "by_category.math": 2}
    assert "by_category.writing" not in {one.name for one in scores.scores}
    silent = score([write_rows(data / "none.jsonl", [])], data, asked={"2", "3"})
    assert (named(silent, "average"), silent.notes) == (Score("average", None, 0, 4), ())
    both = score([write_rows(data / "both.jsonl", ALL[:4])], data, asked={"1", "2", "3"})
    assert {one.name: one.missing for one in both.scores if "." in one.name} == {
        "by_category.writing": 0,
        "by_category.math": 2,
    }


def test_a_judgement_without_a_rating_is_missing_and_no_number(data: Path) -> None:
    """The mean is over what is left, not the mean of the two turns' means."""
    scores = scored(data, *ALL[:-1], judged(3, 2, None))
    average = named(scores, "average")
    assert (average.value, average.n, average.missing) == (6.0, 5, 1)
    assert named(scores, "second_turn").value == 5.0
    assert named(scores, "first_turn").missing == 0
    assert named(scores, "by_category.math").missing == 1
    assert named(scores, "n_failed_minus_one").value == 1
    assert "of 6 judgements, 1 without a rating from 1 to 10: missing, not a number" in scores.notes


def test_answers_without_a_judgement_are_missing(data: Path) -> None:
    """A category without any judgement has no number at all."""
    scores = scored(data, judged(1, 1, 9))
    assert named(scores, "average") == Score("average", 9.0, 1, 5)
    assert named(scores, "by_category.math") == Score("by_category.math", None, 0, 4)


def test_answers_judged_twice_are_averaged_and_the_last_ones_told_apart(data: Path) -> None:
    """As the official code does; the last one is the latest by the clock, whatever the order of the rows."""
    again = [judged(1, 1, 2, tstamp=50.0), *[row | {"tstamp": 100.0} for row in ALL]]
    scores = scored(data, *reversed(again))
    assert named(scores, "average").value == 5.0
    assert named(scores, "average_latest_only").value == 5.5
    assert named(scores, "n_duplicate_rows").value == 1
    assert any("average_latest_only" in note for note in scores.notes)


def test_without_times_the_last_row_is_the_last_judgement(data: Path) -> None:
    """A file is appended to."""
    assert named(scored(data, *ALL, judged(1, 1, 4)), "average_latest_only").value == 4.5


def test_two_judges_of_an_answer_are_no_duplicates(data: Path) -> None:
    """They are averaged, and said."""
    scores = scored(data, judged(1, 1, 4), judged(1, 1, 6, judge_model="b-judge"))
    assert named(scores, "average").value == 5.0
    assert named(scores, "n_duplicate_rows").value == 0
    assert scores.notes[:2] == ("judged by a-judge, b-judge", "the averages are over all 2 judges")


def test_rows_as_the_official_program_writes_them_are_read(data: Path) -> None:
    """Judge and prompt in one field, the model in another; without the judge's text its score counts, -1 for none."""
    official = {"judge": ["a-judge", "single-v1"], "model": "m", "user_prompt": "…", "tstamp": 1.0}
    rows = [
        {"question_id": 1, "turn": 1, "score": 7, **official},
        {"question_id": 1, "turn": 2, "score": -1, **official},
    ]
    assert named(scored(data, *rows), "average") == Score("average", 7.0, 1, 5)


def test_the_judges_words_go_before_the_stored_score(data: Path) -> None:
    """The difference is said."""
    scores = scored(data, judged(1, 1, 9, score=3), judged(1, 2, None, score=-1))
    assert named(scores, "average").value == 9.0
    assert "scores that are not those of the judge's own words: 1; the words count" in scores.notes


def test_an_interval_draws_whole_questions(data: Path) -> None:
    """With one question there is none; with three it lies around the mean, and reaches beyond what was seen."""
    assert named(scored(data, *ALL[:2]), "average").interval is None
    interval = named(scored(data, *ALL), "average").interval
    assert interval is not None
    assert 1.0 < interval.low < 3.0
    assert 9.0 <= interval.high < 10.0


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (judged(9, 1, 5), "question_id: the benchmark has no question 9"),
        (judged(1, 3, 5), "turn: 1 or 2, not 3"),
        ({"turn": 1}, "question_id: missing"),
        ({"question_id": 1}, "turn: missing"),
        (judged(1, 1, 5) | {"turn": "x"}, "turn: not a number: 'x'"),
        (judged(1, 1, 5) | {"judgment": None}, "judgment: not text: None"),
        (judged(1, 1, 5, judge="a-judge"), "judge: not the names of a judge and of its prompt"),
        (judged(1, 1, 5, score="high"), "score: not a number: 'high'"),
        (judged(1, 1, 5, tstamp="noon"), "tstamp: not a number: 'noon'"),
        (judged(1, 1, 5, model="b"), "model: 'b', but the rows before are of 'a': one model a file"),
        ({"question_id": 1, "turn": 1, "judge_model": "j"}, "score: missing"),
        ({"question_id": 1, "turn": 1, "judgment": "[[5]]"}, "judge_model: missing"),
        ({"question_id": 1, "turn": 1, "judge_model": "j", "score": 11}, "score: 1 to 10, or -1 for none, not 11"),
        ([1], "not an object"),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_field(data: Path, row: object, error: str) -> None:
    """In one line."""
    with pytest.raises(ConfigError) as caught:
        scored(data, judged(1, 1, 5, model="a"), row)
    comma = ":" if error == "not an object" else ","
    assert str(caught.value) == f"{data / 'judgements.jsonl'}, line 2{comma} {error}"


def test_comparisons_of_two_models_are_not_scored(data: Path) -> None:
    """They have no rating: the error says so instead of naming a missing field."""
    with pytest.raises(ConfigError, match=r"line 1: a comparison of two models: only single-answer grading is scored"):
        scored(data, {"question_id": 1, "model_1": "a", "model_2": "b", "g1_winner": "model_1"})


def test_no_judgements_or_no_questions_are_an_error(data: Path) -> None:
    """An empty file is no file of zeros."""
    with pytest.raises(ConfigError, match="no judgements"):
        scored(data)
    write_rows(data / "mt_bench" / "question.jsonl", [])
    with pytest.raises(ConfigError, match="no questions"):
        scored(data, *ALL)
