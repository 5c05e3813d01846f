"""Annotations of AlpacaEval: the official JSON, a CSV of lengths and preferences, or a judge's log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.alpaca_eval_judge import is_model_first, preference_of
from attention_moa.bench.reading import (
    Place,
    as_object,
    find_file,
    integer_field,
    number_field,
    read_json,
    read_rows,
    text_field,
)

_DRAW = 1.5
_OLD_DRAW = 0.0
_LONGEST = 10**9
_SURE = 0.1
"""A log-probability is at most 0, but for what rounding adds."""
_EMPTY = ("", "nan", "null")


class Annotation(NamedTuple):
    """What the judge says of one answer.

    Args:
        instruction: Position of the question in the baseline's list; None where the file does not tell.
        preference: 1 (the baseline wins) to 2 (the model wins); NaN where there is none that can be used.
        len_baseline: Unicode characters of the baseline's answer; None where the file does not tell.
        len_output: The same of the model's.
    """

    instruction: int | None
    preference: float
    len_baseline: int | None
    len_output: int | None

    @property
    def is_usable(self) -> bool:
        """Whether there is a preference."""
        return not math.isnan(self.preference)


def read_annotations(path: Path, folder: Path) -> list[Annotation]:
    """Return the annotations of one model, in the order of the file.

    Args:
        path: CSV, a JSON array or JSON lines, packed or not.
        folder: AlpacaEval's data; the baseline's file in it is read only for log-probabilities without preferences.

    Raises:
        ConfigError: A row cannot be used; names file, line and field. Or there is none.
    """
    rows = list(read_rows(path))
    if not rows:
        raise Place(path).error("no annotations")
    is_told = all("instruction_index" in row and ("preference" in row or "top_logprobs" not in row) for _, row in rows)
    questions = Questions([] if is_told else baseline_instructions(folder))
    return [_annotation(row, place, questions) for place, row in rows]


class Questions:
    """The benchmark's questions, by position and by text.

    Args:
        instructions: Their texts, in order; empty where no row asks for them.
    """

    def __init__(self, instructions: Sequence[str]) -> None:
        """Number them."""
        self._instructions = instructions
        self._places = {instruction: place for place, instruction in enumerate(instructions)}

    def position(self, row: Mapping[str, Any], place: Place) -> int | None:
        """Return the position of a row's question; None where it is none of the benchmark's, or the row names none."""
        if "instruction_index" in row:
            return _counted(row, "instruction_index", place)
        return self._places.get(text_field(row, "instruction", place)) if "instruction" in row else None

    def text(self, row: Mapping[str, Any], place: Place) -> str:
        """Return the text of a row's question.

        Raises:
            ConfigError: The row names none.
        """
        if "instruction" in row:
            return text_field(row, "instruction", place)
        index = integer_field(row, "instruction_index", place)
        if not 0 <= index < len(self._instructions):
            count = len(self._instructions)
            raise place.error(f"the baseline has {count} questions, not {index}", field="instruction_index")
        return self._instructions[index]


def baseline_instructions(folder: Path) -> list[str]:
    """Return the questions of AlpacaEval in their order.

    Args:
        folder: AlpacaEval's data.

    Raises:
        ConfigError: The baseline's file is not there, or has another form.
    """
    rows = baseline_rows(find_file(folder, "alpaca_eval_gpt4_baseline.json"))
    return [text_field(row, "instruction", place) for place, row in rows]


def baseline_rows(path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the questions of AlpacaEval with the baseline's answers.

    Args:
        path: ``alpaca_eval_gpt4_baseline.json``.

    Raises:
        ConfigError: It has another form.
    """
    rows = read_json(path)
    if not isinstance(rows, list):
        raise Place(path).error("not an array")
    for number, row in enumerate(cast("list[object]", rows), start=1):
        place = Place(path, number, "element")
        yield place, as_object(row, place)


def usable_preference(preference: float) -> float:
    """Return a preference from 1 to 2; NaN for one that the benchmark drops. An old spelling of a draw is put right."""
    if preference == _OLD_DRAW:
        return _DRAW
    return preference if 1 <= preference <= 2 else math.nan


def _annotation(row: Mapping[str, Any], place: Place, questions: Questions) -> Annotation:
    return Annotation(
        instruction=questions.position(row, place),
        preference=usable_preference(_preference(row, place, questions)),
        len_baseline=_length(row, "len_baseline", "output_1", place=place),
        len_output=_length(row, "len_output", "output_2", place=place),
    )


def _preference(row: Mapping[str, Any], place: Place, questions: Questions) -> float:
    if "preference" not in row and "top_logprobs" in row:
        if row["top_logprobs"] is None:  # the answers are equal: the judge is not asked
            return _DRAW
        is_first = is_model_first(questions.text(row, place))
        return preference_of(_logprobs(row["top_logprobs"], place), is_model_first=is_first)
    value = row.get("preference", 0)
    if value is None or (isinstance(value, str) and value.strip().lower() in _EMPTY):
        return math.nan
    return number_field(row, "preference", place)


def _logprobs(value: object, place: Place) -> list[tuple[str, float]]:
    wrong = partial(place.error, "not a list of [token, log-probability]", field="top_logprobs")
    if not isinstance(value, list):
        raise wrong()
    pairs: list[tuple[str, float]] = []
    for pair in cast("list[object]", value):
        match pair:
            case [str() as token, (int() | float()) as logprob] if logprob <= _SURE:
                pairs.append((token, float(logprob)))
            case _:
                raise wrong()
    return pairs


def _length(row: Mapping[str, Any], length: str, text: str, *, place: Place) -> int | None:
    if length in row:
        return _counted(row, length, place)
    return len(text_field(row, text, place)) if text in row else None


def _counted(row: Mapping[str, Any], field: str, place: Place) -> int:
    """Return a field that counts something: not below 0, and no more than a text can be long."""
    number = integer_field(row, field, place)
    if not 0 <= number <= _LONGEST:
        raise place.error(f"not from 0 to {_LONGEST:,}: {row[field]!r}", field=field)
    return number
