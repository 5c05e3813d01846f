"""Answers in the benchmarks' own formats, so that their own tools read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from attention_moa.bench.questions import Question
from attention_moa.bench.run_lines import RunLine


class Answered(NamedTuple):
    """What became of a question.

    Args:
        question: What was asked.
        lines: Of its turns, in order; fewer than the question has where the benchmark was stopped.
    """

    question: Question
    lines: tuple[RunLine, ...]

    @property
    def texts(self) -> tuple[str, ...] | None:
        """The answers of all turns; None where one is not there."""
        texts = tuple(line.text for line in self.lines if line.text is not None)
        return texts if len(texts) == self.question.turns else None

    @property
    def is_over(self) -> bool:
        """Whether every turn was answered or failed."""
        return len(self.lines) == self.question.turns


def answered(questions: Sequence[Question], lines: Mapping[tuple[str, int], RunLine]) -> list[Answered]:
    """Return what became of each question, in order.

    Args:
        questions: What was asked.
        lines: By question and turn.
    """
    return [
        Answered(one, tuple(lines[key] for turn in range(1, one.turns + 1) if (key := (one.id, turn)) in lines))
        for one in questions
    ]


def write_answers(task: str, folder: Path, system: str, found: Sequence[Answered]) -> Path:
    """Write a system's answers; return the file.

    IFEval, GSM8K and files of one's own have an empty answer where the run failed: there that counts as wrong. The
    others leave the question out. A question that nobody came to is in none of them.

    Args:
        task: The benchmark.
        folder: Where.
        system: Who answered.
        found: What became of each question.
    """
    suffix, has_all, row_of = _FORMS[task]
    rows = [
        row_of(one, one.texts or ("",), system) for one in found if one.texts is not None or (has_all and one.is_over)
    ]
    path = folder / f"{system}{suffix}"
    if suffix == ".json":
        path.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    else:
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def _alpaca_eval(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    return {
        "dataset": one.question.category,
        "instruction": one.question.text,
        "output": texts[0],
        "generator": system,
        "datasplit": "eval",
    }


def _mt_bench(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    return {
        "question_id": int(one.question.id),
        "answer_id": one.lines[0].run_id,
        "model_id": system,
        "choices": [{"index": 0, "turns": list(texts)}],
    }


def _flask(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    number = int(one.question.id)
    return {
        "question_id": number,
        "idx": number,
        "text": texts[0],
        "answer_id": one.lines[0].run_id,
        "model_id": system,
        "metadata": {},
    }


def _ifeval(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    del system
    return {"key": int(one.question.id), "prompt": one.question.text, "response": texts[0]}


def _gsm8k(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    del system
    return {"question": one.question.text, "response": texts[0]}


def _own(one: Answered, texts: tuple[str, ...], system: str) -> dict[str, Any]:
    del system
    row = {"id": one.question.id, "prompt": one.question.text, "response": texts[0]}
    return row if one.question.reference is None else {**row, "reference": one.question.reference}


_FORMS: Mapping[str, tuple[str, bool, Callable[[Answered, tuple[str, ...], str], dict[str, Any]]]] = {
    "alpaca-eval": (".json", False, _alpaca_eval),
    "mt-bench": (".jsonl", False, _mt_bench),
    "flask": (".jsonl", False, _flask),
    "ifeval": (".jsonl", True, _ifeval),
    "gsm8k": (".jsonl", True, _gsm8k),
    "file": (".jsonl", True, _own),
}
"""Of each benchmark: how its file ends, whether it has a row where a run failed, and what a row is."""
