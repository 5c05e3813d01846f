"""GSM8K: the share of problems whose final number is the right one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from attention_moa.bench.bootstrap import PERCENT, mean_interval
from attention_moa.bench.reading import Place, benchmark_folder, find_file, read_lines, read_rows, text_field
from attention_moa.bench.scores import Score, TaskScores, coverage_notes

_ANSWER_FIELDS = ("solution", "response")
# Commas only between thousands: 1,5 is two numbers. A hyphen between digits (3-5) or before a space is no sign.
_NUMBER = re.compile(r"(?<![\w.])[-\u2212]?(?:[$€£]\s?)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:\.\d+)?(?<=\d)")
_GOLD = "####"
# What announces a final answer, as the benchmark's solutions do, and as chat models do.
_ANNOUNCED = re.compile(r"####|^\s*A:|\\boxed\{|\bfinal answer\b|\banswer is\b|\banswer:", re.IGNORECASE | re.MULTILINE)


class Verdict(NamedTuple):
    """What became of one problem.

    Args:
        question: Its words.
        number: The answer's final number; None where it has none.
        is_correct: Whether that is the right one.
        is_empty: Whether there is no answer at all, as of a run that failed.
    """

    question: str
    number: Decimal | None
    is_correct: bool
    is_empty: bool = False


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return how many problems a model solved, and their share in per cent.

    Args:
        files: Its answers: rows with ``question``, and ``solution`` or ``response``.
        data: The folder of all benchmarks, or GSM8K's: ``test.jsonl``.
        asked: Ids of the questions that were asked, where the files are of a run of ours: only these can be missing.
            None for files from elsewhere: none of them is missing.

    Raises:
        ConfigError: A file is wrong; the text names file, line and field.

    Source: K. Cobbe et al., Training Verifiers to Solve Math Word Problems, arXiv 2110.14168.
    """
    right = read_right_numbers(find_file(benchmark_folder(data, "gsm8k"), "test.jsonl"))
    verdicts = list(judge_answers(files, right))
    solved = [100.0 * one.is_correct for one in verdicts]
    n = len(verdicts)
    missing = 0 if asked is None else max(len(asked) - n, 0)
    return TaskScores(
        task="gsm8k",
        file=", ".join(map(str, files)),
        scores=(
            Score("n", n, n),
            Score("n_correct", sum(one.is_correct for one in verdicts), n, missing),
            Score("accuracy", sum(solved) / n, n, missing, mean_interval(solved, within=PERCENT)),
        ),
        notes=tuple(_notes(verdicts, len(right), None if asked is None else len(asked))),
    )


def read_right_numbers(path: Path) -> dict[str, Decimal]:
    """Return the right number of each problem, by the problem's words.

    Args:
        path: ``test.jsonl``: rows with ``question`` and ``answer``, which ends in ``#### NUMBER``.

    Raises:
        ConfigError: A line is wrong, or a problem comes twice.
    """
    right: dict[str, Decimal] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        question = _words(text_field(row, "question", place))
        answer = text_field(row, "answer", place)
        number = final_number(answer) if _GOLD in answer else None
        if number is None:
            raise place.error(f"no number after {_GOLD}", field="answer")
        if question in right:
            raise place.error("comes twice", field="question")
        right[question] = number
    if not right:
        raise Place(path).error("no problems")
    return right


def judge_answers(files: Sequence[Path], right: Mapping[str, Decimal]) -> Iterator[Verdict]:
    """Yield what became of each problem, in the order of the answers.

    Args:
        files: The answers.
        right: The right numbers by the problems' words.

    Raises:
        ConfigError: A line is wrong, a problem is unknown or has two answers, or none has any.
    """
    seen: set[str] = set()
    for path in files:
        for place, row in read_rows(path):
            question = _words(text_field(row, "question", place))
            if question not in right:
                raise place.error("not one of the problems", field="question")
            if question in seen:
                raise place.error("a second answer to this problem", field="question")
            seen.add(question)
            text = text_field(row, _answer_field(row), place)
            number = final_number(text)
            yield Verdict(question, number, number == right[question], not text.strip())
    if not seen:
        raise Place(files[0]).error("no answers")


def final_number(text: str) -> Decimal | None:
    r"""Return the number that a solution ends in, without currency and thousands' commas; None where it has none.

    It is the first one after the last announcement (``####``, ``A:``, ``answer is``, ``\boxed{``), else the last one
    of all. Equal numbers are equal however they are written: 3, 3.0 and $3.00.

    Args:
        text: A solution.
    """
    announced = [found.end() for found in _ANNOUNCED.finditer(text)]
    if announced:
        first = next(_numbers(text[announced[-1] :]), None)
        if first is not None:
            return first
    last = None
    for number in _numbers(text):
        last = number
    return last


def _numbers(text: str) -> Iterator[Decimal]:
    for found in _NUMBER.finditer(text):
        yield Decimal(re.sub(r"[^\d.-]", "", found[0].replace("\u2212", "-")))


def _answer_field(row: Mapping[str, Any]) -> str:
    return next((field for field in _ANSWER_FIELDS if field in row), _ANSWER_FIELDS[-1])


def _words(question: str) -> str:
    return " ".join(question.split())


def _notes(verdicts: Sequence[Verdict], problems: int, asked: int | None) -> Iterator[str]:
    empty = sum(one.is_empty for one in verdicts)
    yield from coverage_notes("problems", rows=len(verdicts), empty=empty, total=problems, asked=asked)
    silent = sum(one.number is None and not (one.is_empty and asked is not None) for one in verdicts)
    if silent:
        yield f"{silent} answers have no number: they count as wrong."
