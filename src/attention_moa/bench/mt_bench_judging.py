"""MT-Bench judged: a rating of each turn's answer, with reference answers for mathematics, reasoning and coding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.judgements import Judged, Judgement, judged_of, write_details, write_lines
from attention_moa.bench.judging import Case, Judge, judge_all
from attention_moa.bench.mt_bench_judge import parse_rating
from attention_moa.bench.mt_bench_rows import TURNS
from attention_moa.bench.prompt_files import fill
from attention_moa.bench.reading import (
    Place,
    as_object,
    benchmark_folder,
    find_file,
    integer_field,
    read_lines,
    text_field,
)
from attention_moa.messages import Conversation, user
from attention_moa.messages import system as system_turn
from attention_moa.records import RunRecord

_TASK = "mt-bench"
_FOLDER = "mt_bench"
_REFERENCE = "gpt-4.jsonl"
WITH_REFERENCE = frozenset({"math", "reasoning", "coding"})
"""Categories whose judge sees a reference answer."""
_FAILED = -1
_PROMPTS = {
    (False, 1): "single-v1",
    (False, 2): "single-v1-multi-turn",
    (True, 1): "single-math-v1",
    (True, 2): "single-math-v1-multi-turn",
}
"""By whether there is a reference answer, and the turn."""


class Prompt(NamedTuple):
    """A judge's prompt: the system turn and the template of the user turn."""

    system: str
    template: str


class Exchange(NamedTuple):
    """A question of the benchmark with what belongs to it.

    Args:
        category: Of the question.
        questions: Both turns.
        reference: The answers of the reference to both; None where the judge sees none.
    """

    category: str
    questions: Sequence[str]
    reference: Sequence[str] | None


def prompt_name(exchange: Exchange, turn: int) -> str:
    """Return the name of the prompt by which a turn's answer is judged."""
    return _PROMPTS[exchange.reference is not None, turn]


def render(prompt: Prompt, exchange: Exchange, answers: Sequence[str], *, name: str) -> Conversation:
    """Return what the judge reads.

    Args:
        prompt: The benchmark's.
        exchange: The question.
        answers: The model's to both turns; the prompt of the first turn shows the first alone.
        name: What the prompt is called, for errors.

    Source: FastChat, ``llm_judge``.
    """
    values = {"question": exchange.questions[0], "answer": answers[0]}
    for number, (question, answer) in enumerate(zip(exchange.questions, answers, strict=True), start=1):
        values |= {f"question_{number}": question, f"answer_{number}": answer}
    for number, reference in enumerate(exchange.reference or (), start=1):
        values[f"ref_answer_{number}"] = reference
    return (system_turn(prompt.system), user(fill(prompt.template, values, key=name)))


def read_prompts(folder: Path) -> dict[str, Prompt]:
    """Return the judge's prompts by name.

    Args:
        folder: MT-Bench's data.

    Raises:
        ConfigError: The file is not there, has another form, or lacks one.
    """
    path = find_file(folder, "judge_prompts.jsonl")
    prompts: dict[str, Prompt] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        texts = (text_field(row, field, place) for field in ("system_prompt", "prompt_template"))
        prompts[text_field(row, "name", place)] = Prompt(*texts)
    missing = next((name for name in _PROMPTS.values() if name not in prompts), None)
    if missing is not None:
        raise Place(path).error(f"no prompt {missing!r}")
    return prompts


def read_exchanges(folder: Path) -> dict[int, Exchange]:
    """Return the questions by id, with the reference answers where the judge sees them.

    Args:
        folder: MT-Bench's data.

    Raises:
        ConfigError: A file is not there, has another form, or a reference answer is missing.
    """
    path = find_file(folder, "question.jsonl")
    references_path = find_file(folder / "reference_answer", _REFERENCE)
    references = dict(_answers(references_path))
    exchanges: dict[int, Exchange] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        number, category = integer_field(row, "question_id", place), text_field(row, "category", place)
        is_shown = category in WITH_REFERENCE
        if is_shown and number not in references:
            raise Place(references_path).error(f"no reference answer to question {number}")
        turns = _two_texts(row.get("turns"), "turns", place)
        exchanges[number] = Exchange(category, turns, references[number] if is_shown else None)
    return exchanges


def require_data(data: Path) -> None:
    """Raise a ``ConfigError`` where prompts, questions or reference answers are not there, or are wrong.

    Args:
        data: The folder that holds ``mt_bench``.
    """
    source = benchmark_folder(data, _FOLDER)
    read_prompts(source)
    read_exchanges(source)


async def judge(answers: Path, data: Path, judge: Judge, *, system: str, folder: Path) -> Judged:
    """Return what judging came to; see ``Judging`` for what is told and raised.

    Answers and judgements have FastChat's form.

    Source: FastChat, ``llm_judge``, single-answer grading.
    """
    source = benchmark_folder(data, _FOLDER)
    prompts, exchanges = read_prompts(source), read_exchanges(source)
    cases: dict[str, tuple[int, int, Case[float]]] = {}
    for number, texts in _answers(answers):
        if number not in exchanges:
            raise Place(answers).error(f"the benchmark has no question {number}", field="question_id")
        for turn in TURNS:
            name = prompt_name(exchanges[number], turn)
            prompt = render(prompts[name], exchanges[number], texts, name=name)
            cases[f"{number}.{turn}"] = (number, turn, Case(f"{number}.{turn}", prompt, _rating))
    judgements = await judge_all([case for _, _, case in cases.values()], judge)
    rows = (_row(one, *cases[one.key], judge=judge, system=system, exchanges=exchanges) for one in judgements)
    file = write_lines(folder / f"{system}.jsonl", (row for row in rows if row is not None))
    details = write_details(folder / f"{system}.judge.jsonl", judgements)
    return judged_of(_TASK, judge.name, judgements, system=system, files=(file, details))


def _rating(record: RunRecord) -> float | None:
    return parse_rating(record.text or "")


def _row(
    one: Judgement[float],
    number: int,
    turn: int,
    case: Case[float],
    *,
    judge: Judge,
    system: str,
    exchanges: Mapping[int, Exchange],
) -> dict[str, Any] | None:
    """Return a row as FastChat writes it; None where the judge said nothing."""
    if one.reply is None:
        return None
    return {
        "question_id": number,
        "model": system,
        "judge": [judge.name, prompt_name(exchanges[number], turn)],
        "user_prompt": case.conversation[-1].text,
        "judgment": one.reply,
        "score": _FAILED if one.value is None else one.value,
        "turn": turn,
        "tstamp": datetime.fromisoformat(one.created_at).timestamp(),
    }


def _answers(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the answers of FastChat's form, or as ``turns`` of the row itself, by question."""
    seen: set[int] = set()
    for line, row in read_lines(path):
        place = Place(path, line)
        number = integer_field(row, "question_id", place)
        if number in seen:
            raise place.error(f"a second answer to question {number}", field="question_id")
        seen.add(number)
        if "choices" not in row:
            yield number, _two_texts(row.get("turns"), "turns", place)
            continue
        choices: object = row["choices"]
        if not isinstance(choices, list) or not choices:
            raise place.error("not a list of answers", field="choices")
        first = as_object(cast("list[object]", choices)[0], place)
        yield number, _two_texts(first.get("turns"), "choices[0].turns", place)


def _two_texts(value: object, field: str, place: Place) -> list[str]:
    texts = cast("list[object]", value) if isinstance(value, list) else []
    if len(texts) != len(TURNS) or not all(isinstance(text, str) for text in texts):
        raise place.error("not the texts of two turns", field=field)
    return cast("list[str]", texts)
