"""The null model of AlpacaEval: one constant text for every question, so that a reader sees what the judge gives it."""

from __future__ import annotations

from pathlib import Path

from attention_moa.bench.answers import Answered, write_answers
from attention_moa.bench.questions import QuestionSet
from attention_moa.bench.reading import benchmark_folder
from attention_moa.bench.results import SystemResult
from attention_moa.bench.run_lines import RunLine

NULL_MODEL = "null-model"
"""What it is called among the systems."""

CONSTANT = "Thank you for your question. I have nothing to add to what you already know about it."

PUBLISHED_JUDGE = "gpt-4-1106-preview"
"""Whose annotations of a null model are in the benchmark's data."""


def write_null_answers(questions: QuestionSet, folder: Path) -> Path:
    """Write the null model's answers as a system's are; return the file.

    Args:
        questions: What is asked.
        folder: Where.
    """
    found = [
        Answered(one, (RunLine(question=one.id, turn=1, run_id="", state="finished", text=CONSTANT),))
        for one in questions.questions
    ]
    return write_answers(questions.task, folder, NULL_MODEL, found)


def published_annotations(data: Path, judge: str | None) -> Path | None:
    """Return the published annotations of a null model; None where there are none, or another judge judges.

    Args:
        data: The folder that holds ``alpaca_eval``.
        judge: The judge's model; None for nobody.
    """
    if judge is None or not judge.endswith(PUBLISHED_JUDGE):
        return None
    folder = benchmark_folder(data, "alpaca_eval") / "annotations"
    return next((path for path in sorted(folder.glob("NullModel.*")) if path.is_file()), None)


def null_result(questions: QuestionSet) -> SystemResult:
    """Return what the null model comes to, but for its scores."""
    count = len(questions.questions)
    return SystemResult(name=NULL_MODEL, average_length=float(len(CONSTANT)), questions=count, answered=count, usd=0.0)
