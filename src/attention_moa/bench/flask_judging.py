"""FLASK judged: a review of each answer by the three skills that matter for its question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from attention_moa.bench.flask_judge import HIGHEST, LOWEST, SkillScores, parse_review
from attention_moa.bench.flask_rows import Instance, read_hard_set
from attention_moa.bench.judgements import Judged, Judgement, judged_of, write_details, write_lines
from attention_moa.bench.judging import Case, Judge, judge_all
from attention_moa.bench.prompt_files import fill
from attention_moa.bench.reading import (
    Place,
    as_object,
    benchmark_folder,
    find_file,
    integer_field,
    read_json,
    read_lines,
    text_field,
)
from attention_moa.messages import Conversation, user
from attention_moa.messages import system as system_turn
from attention_moa.records import RunRecord

_TASK = "flask"
_FOLDER = "flask"
_PROMPT_ID = 2
"""The prompt that shows the right answer."""


class Prompt(NamedTuple):
    """The reviewer's prompt.

    Args:
        system: The system turn.
        template: Of the user turn.
        defaults: What the benchmark itself puts into it, by placeholder.
    """

    system: str
    template: str
    defaults: Mapping[str, str]


class Question(NamedTuple):
    """An instance of the hard set as the reviewer sees it.

    Args:
        instance: Its skills.
        text: What was asked.
        answer: The right answer.
    """

    instance: Instance
    text: str
    answer: str


def render(prompt: Prompt, question: Question, response: str, rubrics: Mapping[str, str]) -> Conversation:
    """Return what the reviewer reads.

    Args:
        prompt: The benchmark's.
        question: What was asked.
        response: The model's answer.
        rubrics: Of all skills, by name.

    Source: FLASK's ``gpt4_eval.py``.
    """
    values = {
        **prompt.defaults,
        "skills": "".join(rubrics[skill] for skill in question.instance.skills),
        "question": question.text,
        "response": response,
        "sample_answer": question.answer,
        "num": str(len(question.instance.skills)),
    }
    return (system_turn(prompt.system), user(fill(prompt.template, values, key="gpt_review_prompt.jsonl")))


def read_prompt(folder: Path) -> Prompt:
    """Return the reviewer's prompt.

    Args:
        folder: FLASK's data.

    Raises:
        ConfigError: The file is not there, has another form, or lacks it.
    """
    path = find_file(folder, "gpt_review_prompt.jsonl")
    for line, row in read_lines(path):
        place = Place(path, line)
        if integer_field(row, "prompt_id", place) == _PROMPT_ID:
            defaults = as_object(row.get("defaults"), place)
            return Prompt(
                text_field(row, "system_prompt", place),
                text_field(row, "prompt_template", place),
                {name: text_field(defaults, name, place) for name in defaults},
            )
    raise Place(path).error(f"no prompt {_PROMPT_ID}")


def read_rubrics(folder: Path) -> dict[str, str]:
    """Return what the reviewer is told of each skill, by its name.

    Args:
        folder: FLASK's data.

    Raises:
        ConfigError: The file is not there, or has another form.
    """
    path = find_file(folder, "skillset_description.json")
    rows = read_json(path)
    if not isinstance(rows, list):
        raise Place(path).error("not an array")
    rubrics: dict[str, str] = {}
    for number, row in enumerate(cast("list[object]", rows), start=1):
        place = Place(path, number, "element")
        fields = as_object(row, place)
        name, scoring = text_field(fields, "Skill", place), as_object(fields.get("Scoring"), place)
        scores = (f"Score {score}: {text_field(scoring, str(score), place)}\n" for score in range(LOWEST, HIGHEST + 1))
        rubrics[name] = f"\n{name}: {text_field(fields, 'Criteria', place)}\n{''.join(scores)}\n"
    return rubrics


def read_questions(folder: Path, rubrics: Mapping[str, str]) -> dict[int, Question]:
    """Return the hard set by ``idx``.

    Args:
        folder: FLASK's data.
        rubrics: Of all skills, by name.

    Raises:
        ConfigError: The file is not there, has another form, or names a skill that has no rubric.
    """
    instances = read_hard_set(folder)
    path = find_file(folder, "flask_hard_evaluation.jsonl")
    questions: dict[int, Question] = {}
    for line, row in read_lines(path):
        place = Place(path, line)
        number = integer_field(row, "idx", place)
        unknown = next((skill for skill in instances[number].skills if skill not in rubrics), None)
        if unknown is not None:
            raise place.error(f"nothing describes {unknown!r}", field="skill")
        texts = (text_field(row, field, place) for field in ("instruction", "answer"))
        questions[number] = Question(instances[number], *texts)
    return questions


def require_data(data: Path) -> None:
    """Raise a ``ConfigError`` where the prompt, the rubrics or the questions are not there, or are wrong.

    Args:
        data: The folder that holds ``flask``.
    """
    source = benchmark_folder(data, _FOLDER)
    read_prompt(source)
    read_questions(source, read_rubrics(source))


async def judge(answers: Path, data: Path, judge: Judge, *, system: str, folder: Path) -> Judged:
    """Return what judging came to; see ``Judging`` for what is told and raised.

    Answers have ``idx`` or ``question_id``, and ``text``; judgements have ``idx`` and ``review``, as FLASK writes them.

    A review that leaves out a skill is asked for again; the last one counts for the skills that it has.

    Source: FLASK's ``gpt4_eval.py``.
    """
    source = benchmark_folder(data, _FOLDER)
    prompt, rubrics = read_prompt(source), read_rubrics(source)
    questions = read_questions(source, rubrics)
    texts = dict(_answers(answers, questions))
    cases = [
        Case(str(number), render(prompt, questions[number], text, rubrics), _parser(questions[number].instance))
        for number, text in texts.items()
    ]
    judgements = await judge_all(cases, judge)
    rows = (_row(one, questions[int(one.key)], texts[int(one.key)], judge) for one in judgements)
    file = write_lines(folder / f"{system}.jsonl", (row for row in rows if row is not None))
    details = write_details(folder / f"{system}.judge.jsonl", judgements)
    return judged_of(_TASK, judge.name, judgements, system=system, files=(file, details))


def _parser(instance: Instance) -> Callable[[RunRecord], SkillScores | None]:
    def parse(record: RunRecord) -> SkillScores | None:
        said = parse_review(record.text or "", instance.skills)
        return None if said is None or said.missing(instance.keys) else said

    return parse


def _row(one: Judgement[SkillScores], question: Question, text: str, judge: Judge) -> dict[str, Any] | None:
    """Return a row as FLASK writes it; None where the judge said nothing."""
    if one.reply is None:
        return None
    said = parse_review(one.reply, question.instance.skills)
    return {
        "idx": int(one.key),
        "metrics": question.instance.skills,
        "target_txt": text,
        "reviewer": judge.name,
        "review": one.reply,
        "score": {} if said is None else said.scores,
    }


def _answers(path: Path, questions: Mapping[int, Question]) -> Iterator[tuple[int, str]]:
    seen: set[int] = set()
    for line, row in read_lines(path):
        place = Place(path, line)
        field = "idx" if "idx" in row else "question_id"
        number = integer_field(row, field, place)
        if number not in questions:
            raise place.error(f"the hard set has no instance {number}", field=field)
        if number in seen:
            raise place.error(f"a second answer to {number}", field=field)
        seen.add(number)
        yield number, text_field(row, "text", place)
