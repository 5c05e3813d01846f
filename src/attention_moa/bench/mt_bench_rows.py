"""Judgements of MT-Bench, as FastChat writes them or with the judge's name and prompt in fields of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.mt_bench_judge import is_rating, parse_rating
from attention_moa.bench.reading import Place, find_file, integer_field, number_field, read_lines, text_field

TURNS = (1, 2)
"""The turns of every question."""
_FAILED = -1
_PAIRWISE = ("model_1", "model_2", "g1_winner", "winner")


class Judgement(NamedTuple):
    """What the judge says of one answer.

    Args:
        question: The question's id.
        turn: 1 or 2.
        judge: The judge's name.
        rating: 1 to 10; None where the judge gave none that can be used.
        time_s: When it was judged, in seconds since 1970; -inf where the file does not tell.
        is_as_stored: Whether the score beside the judge's text is the one in it.
    """

    question: int
    turn: int
    judge: str
    rating: float | None
    time_s: float
    is_as_stored: bool


def read_questions(folder: Path) -> dict[int, str]:
    """Return the categories of the questions by their ids, in the benchmark's order.

    Args:
        folder: MT-Bench's data.

    Raises:
        ConfigError: The file of the questions is not there, empty, or has another form.
    """
    path = find_file(folder, "question.jsonl")
    questions: dict[int, str] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        questions[integer_field(row, "question_id", place)] = text_field(row, "category", place)
    if not questions:
        raise Place(path).error("no questions")
    return questions


def read_judgements(
    files: Sequence[Path], questions: Mapping[int, str], *, may_be_none: bool = False
) -> list[Judgement]:
    """Return the judgements of one model's answers, in the order of the files.

    Args:
        files: JSON lines, packed or not.
        questions: Categories by question.
        may_be_none: Whether files without any are fine: a judge may have said nothing.

    Raises:
        ConfigError: A row cannot be used, or is of another model; names file, line and field. Or there is none.
    """
    judgements: list[Judgement] = []
    model: str | None = None
    for place, row in _rows(files):
        if any(field in row for field in _PAIRWISE):
            raise place.error("a comparison of two models: only single-answer grading is scored")
        model = _same_model(row, model, place)
        judgements.append(_judgement(row, place, questions))
    if not judgements and not may_be_none:
        raise Place(files[0]).error("no judgements")
    return judgements


def latest_of(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Return the last judgement of each question and turn by each judge.

    Args:
        judgements: In the order of the file, which decides where the times do not.
    """
    in_time = sorted(judgements, key=lambda one: one.time_s)
    return list({(one.question, one.turn, one.judge): one for one in in_time}.values())


def _rows(files: Sequence[Path]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for path in files:
        for line, row in read_lines(path):
            yield Place(path, line), row


def _same_model(row: Mapping[str, Any], model: str | None, place: Place) -> str | None:
    if "model" not in row:
        return model
    name = text_field(row, "model", place)
    if model not in (None, name):
        raise place.error(f"{name!r}, but the rows before are of {model!r}: one model a file", field="model")
    return name


def _judgement(row: Mapping[str, Any], place: Place, questions: Mapping[int, str]) -> Judgement:
    question = integer_field(row, "question_id", place)
    if question not in questions:
        raise place.error(f"the benchmark has no question {question}", field="question_id")
    turn = integer_field(row, "turn", place)
    if turn not in TURNS:
        raise place.error(f"1 or 2, not {turn}", field="turn")
    rating, is_as_stored = _rating(row, place)
    time_s = number_field(row, "tstamp", place) if "tstamp" in row else -math.inf
    return Judgement(question, turn, _judge(row, place), rating, time_s, is_as_stored)


def _judge(row: Mapping[str, Any], place: Place) -> str:
    if "judge" not in row:
        return text_field(row, "judge_model", place)
    match row["judge"]:
        case [str() as name, str()]:
            return name
        case _:
            raise place.error("not the names of a judge and of its prompt", field="judge")


def _rating(row: Mapping[str, Any], place: Place) -> tuple[float | None, bool]:
    """Return the rating, and whether the stored score is the same: what the judge wrote counts, where it is told."""
    if "judgment" not in row:
        return _stored(row, place), True
    rating = parse_rating(text_field(row, "judgment", place))
    return rating, "score" not in row or number_field(row, "score", place) == (_FAILED if rating is None else rating)


def _stored(row: Mapping[str, Any], place: Place) -> float | None:
    number = number_field(row, "score", place)
    if number != _FAILED and not is_rating(number):
        raise place.error(f"1 to 10, or -1 for none, not {cast('object', row['score'])}", field="score")
    return number if is_rating(number) else None
