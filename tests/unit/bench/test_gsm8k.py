"""GSM8K: numbers found in solutions, and scores of files of our own."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.gsm8k import final_number, score
from attention_moa.bench.scores import score_tree
from attention_moa.errors import ConfigError
from tests.ifeval_world import write_rows

PROBLEMS = [
    {"question": "Two and  two mugs?", "answer": "2 + 2 = <<2+2=4>>4\n#### 4"},
    {"question": "A thousand mugs and 200?", "answer": "So.\n#### 1,200"},
    {"question": "Three mugs less?", "answer": "#### -3"},
]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("So 3 mugs\nA: 5", "5"),
        ("#### 1,234,567", "1234567"),
        ("It costs $1,234.50.", "1234.50"),
        ("The answer is **$18.00** for 3 mugs.", "18"),
        ("Final answer: 12% (of 50)", "12"),
        ("So \\boxed{72}, all 80 counted", "72"),
        ("A: -3", "-3"),
        ("A: \u22123", "-3"),
        ("A: -$3", "-3"),
        ("- 18 mugs", "18"),
        ("from 3-5", "5"),
        ("half: .5", "0.5"),
        ("2 to 1,5", "5"),
        ("10 / 2=5.", "5"),
        ("The answer is 4. No, the answer is 5 of 6", "5"),
        ("It is 7. The answer is above", "7"),
        ("seven", None),
        ("R2D", None),
        ("", None),
    ],
)
def test_a_solution_ends_in_a_number(text: str, number: str | None) -> None:
    """The first number after the last announcement, else the last of all."""
    assert final_number(text) == (None if number is None else Decimal(number))


def test_scores_are_shares_of_problems(tmp_path: Path) -> None:
    """Numbers are compared, not their spelling; an answer without one is wrong."""
    rows = [
        {"question": "Two and two mugs?", "solution": "A: 4.0"},
        {"question": "A thousand mugs and 200?", "response": "It is $1200"},
        {"question": "Three mugs less?", "response": "none"},
    ]
    scored = score([write_rows(tmp_path / "answers.jsonl", rows)], _data(tmp_path, PROBLEMS))
    values = score_tree(scored.scores)
    assert values == {"n": 3, "n_correct": 2, "accuracy": pytest.approx(200 / 3)}
    assert scored.notes == ("1 answers have no number: they count as wrong.",)
    assert scored.scores[-1].interval is not None


def test_a_part_of_the_problems_is_said_to_be_one(tmp_path: Path) -> None:
    """The score is of the answered ones."""
    rows = [{"question": "Two and two mugs?", "solution": "A: 4"}]
    scored = score([write_rows(tmp_path / "answers.jsonl", rows)], _data(tmp_path, PROBLEMS))
    assert score_tree(scored.scores)["accuracy"] == 100
    assert scored.notes == ("1 of 3 problems have an answer: the scores are theirs alone.",)
    assert {one.missing for one in scored.scores} == {0}


def test_of_a_run_of_ours_what_nobody_came_to_is_missing(tmp_path: Path) -> None:
    """Of what was asked, and not of the whole benchmark."""
    path = write_rows(tmp_path / "answers.jsonl", [{"question": "Two and two mugs?", "solution": "A: 4"}])
    accuracy = score([path], _data(tmp_path, PROBLEMS), asked={"1", "3"}).scores[-1]
    assert (accuracy.n, accuracy.missing) == (1, 1)


def test_what_a_run_of_ours_failed_at_is_no_answer(tmp_path: Path) -> None:
    """It counts as wrong, and the note says of how many that were asked."""
    rows = [{"question": "Two and two mugs?", "solution": "A: 4"}, {"question": "Three mugs less?", "solution": ""}]
    scored = score([write_rows(tmp_path / "answers.jsonl", rows)], _data(tmp_path, PROBLEMS), asked={"1", "2"})
    assert scored.notes == (
        "2 of 3 problems were asked: the scores are of these alone.",
        "1 of 2 problems that were asked have no answer: they count as wrong.",
    )


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"solution": "A: 4"}], "answers.jsonl, line 1, question: missing"),
        ([{"question": "Three mugs less?"}], "answers.jsonl, line 1, response: missing"),
        ([{"question": "Three mugs less?", "solution": 4}], "answers.jsonl, line 1, solution: not text: 4"),
        ([{"question": "Mugs?", "solution": "4"}], "answers.jsonl, line 1, question: not one of the problems"),
        (
            [{"question": "Three mugs less?", "solution": "4"}] * 2,
            "answers.jsonl, line 2, question: a second answer to this problem",
        ),
    ],
)
def test_wrong_answers_are_named(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    """The error names file, line and field."""
    answers = write_rows(tmp_path / "answers.jsonl", rows)
    with pytest.raises(ConfigError) as caught:
        score([answers], _data(tmp_path, PROBLEMS))
    assert str(caught.value).endswith(told)


def test_a_file_without_answers_is_named(tmp_path: Path) -> None:
    """There is nothing to score."""
    answers = tmp_path / "answers.json"
    answers.write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"answers\.json: no answers$"):
        score([answers], _data(tmp_path, PROBLEMS))


@pytest.mark.parametrize(
    ("problems", "told"),
    [
        ([{"question": "Mugs?"}], "test.jsonl, line 1, answer: missing"),
        ([{"question": "Mugs?", "answer": "4"}], "test.jsonl, line 1, answer: no number after ####"),
        ([{"question": "Mugs?", "answer": "#### four"}], "test.jsonl, line 1, answer: no number after ####"),
        ([PROBLEMS[0], PROBLEMS[0]], "test.jsonl, line 2, question: comes twice"),
        ([], "test.jsonl: no problems"),
    ],
)
def test_wrong_problems_are_named(tmp_path: Path, problems: list[dict[str, Any]], told: str) -> None:
    """The error names file, line and field."""
    answers = write_rows(tmp_path / "answers.jsonl", [{"question": "Mugs?", "solution": "A: 4"}])
    with pytest.raises(ConfigError) as caught:
        score([answers], _data(tmp_path, problems))
    assert str(caught.value).endswith(told)


def _data(folder: Path, problems: list[dict[str, Any]]) -> Path:
    write_rows(folder / "gsm8k" / "test.jsonl", problems)
    return folder
