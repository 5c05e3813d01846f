"""Answers in the benchmarks' own formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.answers import Answered, answered, write_answers
from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine
from tests.bench_world import a_question


def lines_of(question: Question, *texts: str | None) -> tuple[RunLine, ...]:
    """Return the lines of a question's turns; None is a failed run."""
    return tuple(
        RunLine(
            question=question.id,
            turn=turn,
            run_id=f"run-{question.id}-{turn}",
            state="failed" if text is None else "finished",
            text=text,
        )
        for turn, text in enumerate(texts, start=1)
    )


def rows_of(task: str, folder: Path, question: Question, *texts: str | None) -> list[dict[str, Any]]:
    """Return the rows that are written: of a question with these answers, one that failed, one that nobody came to."""
    failed = Question(id="98", conversation=question.conversation, later=question.later)
    nowhere = Question(id="99", conversation=question.conversation, later=question.later)
    found = [
        Answered(question, lines_of(question, *texts)),
        Answered(failed, lines_of(failed, *[None] * len(texts))),
        Answered(nowhere, ()),
    ]
    path = write_answers(task, folder, "mine", found)
    text = path.read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text) if path.suffix == ".json" else [*map(json.loads, text.splitlines())]
    return rows


@pytest.mark.parametrize(
    ("task", "row"),
    [
        (
            "alpaca-eval",
            {
                "dataset": "koala",
                "instruction": "Question 1?",
                "output": "Yes.",
                "generator": "mine",
                "datasplit": "eval",
            },
        ),
        (
            "flask",
            {"question_id": 1, "idx": 1, "text": "Yes.", "answer_id": "run-1-1", "model_id": "mine", "metadata": {}},
        ),
        ("ifeval", {"key": 1, "prompt": "Question 1?", "response": "Yes."}),
        ("gsm8k", {"question": "Question 1?", "response": "Yes."}),
        ("file", {"id": "1", "prompt": "Question 1?", "response": "Yes.", "reference": "no"}),
    ],
)
def test_an_answer_has_the_benchmarks_form(tmp_path: Path, task: str, row: dict[str, Any]) -> None:
    """A failed run is an empty answer where that counts as wrong, and is left out elsewhere."""
    rows = rows_of(task, tmp_path, a_question(category="koala", reference="no"), "Yes.")
    assert rows[0] == row
    assert [one.get("response") for one in rows[1:]] == ([""] if task in ("ifeval", "gsm8k", "file") else [])


def test_both_turns_of_mt_bench_are_one_row(tmp_path: Path) -> None:
    """As FastChat writes them; without one of them there is none."""
    question = a_question(later=("And now?",))
    row = {"question_id": 1, "answer_id": "run-1-1", "model_id": "mine"}
    assert rows_of("mt-bench", tmp_path, question, "One.", "Two.") == [
        {**row, "choices": [{"index": 0, "turns": ["One.", "Two."]}]}
    ]
    assert rows_of("mt-bench", tmp_path, question, "One.", None) == []


def test_what_became_of_a_question_is_in_its_lines() -> None:
    """One that was stopped between its turns is not over."""
    question = a_question(later=("And now?",))
    one, two = lines_of(question, "One.", "Two.")
    (whole,) = answered([question], {one.key: one, two.key: two})
    (half,) = answered([question], {one.key: one})
    assert (whole.texts, whole.is_over) == (("One.", "Two."), True)
    assert (half.texts, half.is_over) == (None, False)
