"""The questions of a benchmark: of the five that have scoring of their own, and of files that a user brings."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from msgspec import Struct

from attention_moa.bench.alpaca_eval_rows import baseline_rows
from attention_moa.bench.reading import (
    Place,
    benchmark_folder,
    find_file,
    integer_field,
    number_field,
    read_bytes,
    read_lines,
    text_field,
)
from attention_moa.bench.tasks import TASKS
from attention_moa.errors import ConfigError
from attention_moa.messages import Conversation, Message, TextPart, user
from attention_moa.questions import conversation_of

OWN = "file"
"""The task of a file that a user brings."""

TEMPERATURES: Mapping[str, float] = {
    "writing": 0.7,
    "roleplay": 0.7,
    "extraction": 0.0,
    "math": 0.0,
    "coding": 0.0,
    "reasoning": 0.0,
    "stem": 0.1,
    "humanities": 0.1,
}
"""Of MT-Bench's categories, as FastChat has them."""

_OTHER_TEMPERATURE = 0.7
_ASKED_FIELDS = ("prompt", "question")
_CATEGORY_FIELDS = ("category", "kind")
_REFERENCE_FIELDS = ("reference", "answer")
_SAFE_ID = re.compile(r"[^A-Za-z0-9._-]+")


class Question(Struct, frozen=True, kw_only=True):
    """One question.

    Args:
        id: Unique in its benchmark, as the benchmark calls it.
        conversation: What is asked first.
        later: What is asked after each answer, in the same conversation.
        category: What it counts to; AlpacaEval: the set that it is from. None for none.
        reference: The right answer; None where there is none.
        temperature: At which it is to be asked; None for the ensemble's own.
    """

    id: str
    conversation: Conversation
    later: tuple[str, ...] = ()
    category: str | None = None
    reference: str | None = None
    temperature: float | None = None

    @property
    def text(self) -> str:
        """What the user asks first."""
        return self.conversation[-1].text

    @property
    def turns(self) -> int:
        """How many answers it takes."""
        return 1 + len(self.later)

    @property
    def file_id(self) -> str:
        """The id as a part of a name: other characters than letters, digits, ``.``, ``_`` and ``-`` are replaced."""
        plain = _SAFE_ID.sub("-", self.id)[:64]
        return plain if plain == self.id else f"{plain}-{hashlib.sha256(self.id.encode()).hexdigest()[:8]}"


class QuestionSet(NamedTuple):
    """The questions that are asked.

    Args:
        task: A name of ``TASKS``, or ``file``.
        source: The file that they are from.
        fingerprint: Of that file's content.
        total: How many the file has.
        questions: Those that are asked, in the file's order.
        whole: All of the file, in its order; empty where those that are asked are all that is known.
    """

    task: str
    source: Path
    fingerprint: str
    total: int
    questions: tuple[Question, ...]
    whole: tuple[Question, ...] = ()

    @property
    def known(self) -> QuestionSet:
        """The same with all questions of the file, also those that are not asked."""
        return self._replace(questions=self.whole or self.questions)

    @property
    def scored_ids(self) -> frozenset[str]:
        """Ids of the questions that have a score: of a file of one's own only those with a right answer."""
        return frozenset(one.id for one in self.questions if self.task != OWN or one.reference is not None)


def read_question_set(
    task: str, data: Path | None, *, limit: int | None = None, seed: int | None = None
) -> QuestionSet:
    """Return the questions of a benchmark, or of a file.

    Args:
        task: A name of ``TASKS``, or the path of JSON lines.
        data: The folder that holds a folder for each benchmark, or this benchmark's own; a file needs none.
        limit: At most so many; None for all.
        seed: They are drawn with it; None takes the first ones.

    Raises:
        ConfigError: There is no such task, or the data are wrong; the text names file, line and field.
    """
    if task in TASKS:
        if data is None:
            raise ConfigError(f"{task} needs its data: name the folder that holds them", key="--data")
        folder, name, read = _SOURCES[task]
        path = find_file(benchmark_folder(data, folder), name)
    else:
        path, read = _own_file(task), _own_questions
    questions = list(read(path))
    if not questions:
        raise Place(path).error("no questions")
    _require_each_once(questions, path)
    fingerprint = hashlib.sha256(read_bytes(path)).hexdigest()[:16]
    asked = tuple(chosen(questions, limit, seed))
    name = task if task in TASKS else OWN
    return QuestionSet(name, path, fingerprint, len(questions), asked, tuple(questions))


def chosen(questions: Sequence[Question], limit: int | None, seed: int | None) -> list[Question]:
    """Return the questions that are asked, in their order.

    Args:
        questions: All.
        limit: At most so many; None for all.
        seed: They are drawn with it; None takes the first ones.
    """
    if limit is None or limit >= len(questions):
        return list(questions)
    if seed is None:
        return list(questions[:limit])
    drawn = random.Random(seed).sample(range(len(questions)), limit)  # noqa: S311 - a sample, no secret
    return [questions[place] for place in sorted(drawn)]


def _own_file(task: str) -> Path:
    path = Path(task)
    if not path.is_file():
        raise ConfigError(
            f"{task!r} is no benchmark and no file: write one of {', '.join(TASKS)}, or a file", key="TASK"
        )
    return path


def _require_each_once(questions: Sequence[Question], path: Path) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise Place(path).error(f"{question.id!r} comes twice", field="id")
        seen.add(question.id)


def _alpaca_eval(path: Path) -> Iterator[Question]:
    for number, (place, row) in enumerate(baseline_rows(path)):
        category = row.get("dataset")
        yield Question(
            id=str(number),
            conversation=_asked(row, "instruction", place),
            category=category if isinstance(category, str) else None,
        )


def _mt_bench(path: Path) -> Iterator[Question]:
    for line, row in read_lines(path):
        place = Place(path, line)
        turns = row.get("turns")
        texts = cast("list[object]", turns) if isinstance(turns, list) else []
        if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
            raise place.error("missing" if turns is None else "not a list of texts", field="turns")
        first, *later = cast("list[str]", texts)
        category = text_field(row, "category", place)
        required = "required_temperature"
        usual = TEMPERATURES.get(category, _OTHER_TEMPERATURE)
        yield Question(
            id=str(integer_field(row, "question_id", place)),
            conversation=(user(first),),
            later=tuple(later),
            category=category,
            temperature=number_field(row, required, place) if row.get(required) is not None else usual,
        )


def _flask(path: Path) -> Iterator[Question]:
    for line, row in read_lines(path):
        place = Place(path, line)
        domains = row.get("domain")
        first = cast("list[object]", domains)[0] if isinstance(domains, list) and domains else None
        yield Question(
            id=str(integer_field(row, "idx", place)),
            conversation=_asked(row, "instruction", place),
            category=first if isinstance(first, str) else None,
            reference=text_field(row, "answer", place),
        )


def _ifeval(path: Path) -> Iterator[Question]:
    for line, row in read_lines(path):
        place = Place(path, line)
        yield Question(id=str(integer_field(row, "key", place)), conversation=_asked(row, "prompt", place))


def _gsm8k(path: Path) -> Iterator[Question]:
    for number, (line, row) in enumerate(read_lines(path), start=1):
        place = Place(path, line)
        yield Question(
            id=str(number), conversation=_asked(row, "question", place), reference=text_field(row, "answer", place)
        )


def _own_questions(path: Path) -> Iterator[Question]:
    lines: dict[str, int] = {}
    for number, (line, row) in enumerate(read_lines(path), start=1):
        place = Place(path, line)
        name = _own_id(row, place) or str(number)
        if name in lines:
            raise place.error(f"{name!r} comes twice: line {lines[name]:,} has it too", field="id")
        lines[name] = line
        yield Question(
            id=name,
            conversation=_own_conversation(row, place),
            category=_own_category(row, place),
            reference=_own_reference(row, place),
        )


def _own_id(row: Mapping[str, Any], place: Place) -> str | None:
    value: object = row.get("id")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise place.error("neither a text nor a whole number", field="id")
    return str(value)


def _own_category(row: Mapping[str, Any], place: Place) -> str | None:
    field = next((field for field in _CATEGORY_FIELDS if row.get(field) is not None), None)
    return None if field is None else text_field(row, field, place)


def _own_reference(row: Mapping[str, Any], place: Place) -> str | None:
    field = next((field for field in _REFERENCE_FIELDS if row.get(field) is not None), None)
    if field is None:
        return None
    value: object = row[field]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or not str(value).strip():
        raise place.error("neither a text nor a number", field=field)
    return str(value)


def _own_conversation(row: Mapping[str, Any], place: Place) -> Conversation:
    told = [field for field in (*_ASKED_FIELDS, "messages") if row.get(field) is not None]
    if len(told) > 1:
        raise place.error(f"{' and '.join(told)} in one line: leave only one of them")
    field = next((field for field in _ASKED_FIELDS if field in row), None)
    if field is not None and told != ["messages"]:
        return _asked(row, field, place)
    messages: object = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise place.error(f"no question: write one under {', '.join(_ASKED_FIELDS)} or messages")
    turns = cast("list[object]", messages)
    return _checked(tuple(_message(turn, f"messages[{at}]", place) for at, turn in enumerate(turns)), "messages", place)


def _message(turn: object, at: str, place: Place) -> Message:
    if not isinstance(turn, dict):
        raise place.error("not an object", field=at)
    fields = cast("dict[str, Any]", turn)
    role = fields.get("role")
    if role not in ("system", "user", "assistant"):
        raise place.error(f"{role!r} is not system, user or assistant", field=f"{at}.role")
    if not isinstance(fields.get("content"), str):
        raise place.error("not text", field=f"{at}.content")
    return Message(role=role, content=(TextPart(fields["content"]),))


def _asked(row: Mapping[str, Any], field: str, place: Place) -> Conversation:
    return _checked((user(text_field(row, field, place)),), field, place)


def _checked(conversation: Conversation, field: str, place: Place) -> Conversation:
    try:
        return conversation_of(conversation)
    except ConfigError as error:
        raise place.error(str(error).removeprefix("question: "), field=field) from error


_SOURCES: Mapping[str, tuple[str, str, Callable[[Path], Iterator[Question]]]] = {
    "alpaca-eval": ("alpaca_eval", "alpaca_eval_gpt4_baseline.json", _alpaca_eval),
    "mt-bench": ("mt_bench", "question.jsonl", _mt_bench),
    "flask": ("flask", "flask_hard_evaluation.jsonl", _flask),
    "ifeval": ("ifeval", "input_data.jsonl", _ifeval),
    "gsm8k": ("gsm8k", "test.jsonl", _gsm8k),
}
"""Of each benchmark: the folder, the file, and who reads it."""
