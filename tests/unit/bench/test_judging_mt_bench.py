"""MT-Bench judged: which prompt, what is filled in, and FastChat's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from attention_moa.bench.judgements import Judged
from attention_moa.bench.mt_bench import score
from attention_moa.bench.mt_bench_judging import judge, read_exchanges, read_prompts, require_data
from attention_moa.errors import ConfigError, RefusedError
from attention_moa.messages import CallRequest
from attention_moa.providers.scripted import Said
from tests.asking import run
from tests.judges import a_judge

PROMPTS = {
    "single-v1": "Q {question} A {answer}",
    "single-v1-multi-turn": "Q1 {question_1} A1 {answer_1} Q2 {question_2} A2 {answer_2}",
    "single-math-v1": "Q {question} R {ref_answer_1} A {answer}",
    "single-math-v1-multi-turn": "R1 {ref_answer_1} R2 {ref_answer_2} A1 {answer_1} A2 {answer_2}",
}


def lines(path: Path, *rows: Any) -> Path:
    """Write rows as lines of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def a_folder(path: Path, *, prompts: dict[str, str] = PROMPTS, references: tuple[int, ...] = (101,)) -> Path:
    """Return a folder of data: question 81 of writing, 101 of reasoning."""
    folder = path / "data" / "mt_bench"
    questions = [
        {"question_id": 81, "category": "writing", "turns": ["Write {answer}.", "Shorter."]},
        {"question_id": 101, "category": "reasoning", "turns": ["Who?", "And now?"]},
    ]
    lines(folder / "question.jsonl", *questions)
    named = [{"name": name, "system_prompt": f"S {name}", "prompt_template": text} for name, text in prompts.items()]
    lines(folder / "judge_prompts.jsonl", *named)
    rows = [an_answer(number, "right 1", "right 2") for number in references]
    lines(folder / "reference_answer" / "gpt-4.jsonl", *rows)
    return path / "data"


def an_answer(number: int, *turns: str) -> dict[str, Any]:
    """Return an answer as FastChat writes it."""
    return {"question_id": number, "model_id": "mine", "choices": [{"index": 0, "turns": list(turns)}]}


def judged(path: Path, script: Any, *rows: dict[str, Any]) -> tuple[Judged, list[CallRequest]]:
    """Return what judging came to, and what the judge was asked; both questions have answers unless told."""
    data = a_folder(path)
    made = rows or (an_answer(81, "one {question}", "two"), an_answer(101, "three", "four"))
    file = lines(path / "answers.jsonl", *made)

    async def scenario() -> tuple[Judged, list[CallRequest]]:
        async with a_judge(script) as bench:
            found = await judge(file, data, bench.judge, system="mine", folder=path / "judged")
            return found, bench.requests

    return run(scenario)


def test_each_turn_has_its_prompt_and_some_categories_a_reference(tmp_path: Path) -> None:
    """Placeholders are filled once: braces in questions and answers stay."""
    _, requests = judged(tmp_path, lambda _: "[[5]]")
    assert {request.messages[-1].text for request in requests} == {
        "Q Write {answer}. A one {question}",
        "Q1 Write {answer}. A1 one {question} Q2 Shorter. A2 two",
        "Q Who? R right 1 A three",
        "R1 right 1 R2 right 2 A1 three A2 four",
    }
    assert {request.messages[0].text for request in requests} == {f"S {name}" for name in PROMPTS}


def test_the_file_is_fastchats_and_is_scored(tmp_path: Path) -> None:
    """A rating for each turn, and the judge with its prompt."""

    def say(request: CallRequest) -> Said:
        return "Rating: [[8]]" if "turn" in request.messages[0].text else "Rating: [[4]]"

    found, _ = judged(tmp_path, say)
    rows = [msgspec.json.decode(line) for line in found.file.read_bytes().splitlines()]
    assert [(row["question_id"], row["turn"], row["score"]) for row in rows] == [
        (81, 1, 4.0),
        (81, 2, 8.0),
        (101, 1, 4.0),
        (101, 2, 8.0),
    ]
    assert rows[3]["judge"] == ["test:judge", "single-math-v1-multi-turn"]
    assert rows[3]["user_prompt"].startswith("R1 right 1")
    assert rows[3]["tstamp"] > 1.7e9
    scores = {one.name: one.value for one in score([found.file], tmp_path / "data").scores}
    assert (scores["first_turn"], scores["second_turn"], scores["average"]) == (4.0, 8.0, 6.0)
    assert (found.n, found.missing, found.position_bias) == (4, 0, None)


def test_a_judgement_without_a_rating_is_minus_one_and_one_without_words_has_no_row(tmp_path: Path) -> None:
    """Scoring counts both as missing."""

    def say(request: CallRequest) -> Said:
        asked = request.messages[-1].text
        return RefusedError("no") if asked.startswith("Q Who") else "Nice." if asked.startswith("Q Write") else "[[9]]"

    found, _ = judged(tmp_path, say)
    rows = [msgspec.json.decode(line) for line in found.file.read_bytes().splitlines()]
    assert [(row["question_id"], row["turn"], row["score"]) for row in rows] == [
        (81, 1, -1),
        (81, 2, 9.0),
        (101, 2, 9.0),
    ]
    assert (found.n, found.missing, found.unreadable, found.retried) == (4, 2, 1, 1)
    average = next(one for one in score([found.file], tmp_path / "data").scores if one.name == "average")
    assert (average.value, average.n, average.missing) == (9.0, 2, 2)


def test_answers_may_stand_in_the_row_itself(tmp_path: Path) -> None:
    """As the data have them."""
    found, requests = judged(tmp_path, lambda _: "[[5]]", {"question_id": 81, "turns": ["one", "two"]})
    assert (found.n, len(requests)) == (2, 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (an_answer(99, "a", "b"), "the benchmark has no question 99"),
        (an_answer(81, "a"), r"line 1, choices\[0\]\.turns: not the texts of two turns"),
        ({"question_id": 81}, "line 1, turns: not the texts of two turns"),
        ({"question_id": 81, "choices": []}, "line 1, choices: not a list of answers"),
        ({"question_id": 81, "choices": ["a"]}, "line 1: not an object"),
    ],
)
def test_answers_that_do_not_fit_are_named(row: dict[str, Any], said: str, tmp_path: Path) -> None:
    """File, line and field."""
    with pytest.raises(ConfigError, match=said):
        judged(tmp_path, lambda _: "[[5]]", row)


def test_a_second_answer_to_a_question_is_refused(tmp_path: Path) -> None:
    """Nobody could tell which one counts."""
    with pytest.raises(ConfigError, match="line 2, question_id: a second answer to question 81"):
        judged(tmp_path, lambda _: "[[5]]", an_answer(81, "a", "b"), an_answer(81, "a", "b"))


def test_data_that_lack_something_are_named(tmp_path: Path) -> None:
    """A prompt, or the reference answer to a question that needs one."""
    few = {name: text for name, text in PROMPTS.items() if name != "single-math-v1"}
    folder = a_folder(tmp_path, prompts=few, references=()) / "mt_bench"
    with pytest.raises(ConfigError, match=r"judge_prompts\.jsonl: no prompt 'single-math-v1'"):
        read_prompts(folder)
    with pytest.raises(ConfigError, match=r"judge_prompts\.jsonl: no prompt 'single-math-v1'"):
        require_data(folder.parent)
    with pytest.raises(ConfigError, match=r"gpt-4\.jsonl: no reference answer to question 101"):
        read_exchanges(folder)
