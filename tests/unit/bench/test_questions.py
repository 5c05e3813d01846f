"""The questions of benchmarks and of files of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.questions import chosen, read_question_set
from attention_moa.errors import ConfigError
from tests.alpaca_world import write_data
from tests.bench_world import a_question, gsm8k_data, mt_bench_data, write_jsonl


def test_every_benchmark_gives_its_questions(tmp_path: Path) -> None:
    """With the ids, categories and references that it has."""
    write_data(tmp_path)
    gsm8k_data(tmp_path)
    mt_bench_data(tmp_path)
    flask = {"idx": 7, "instruction": "Say it.", "answer": "It.", "domain": ["Math", "Law"]}
    write_jsonl(tmp_path / "flask" / "flask_hard_evaluation.jsonl", [flask, {**flask, "idx": 8, "domain": []}])
    write_jsonl(tmp_path / "ifeval" / "input_data.jsonl", [{"key": 1000, "prompt": "Shout."}])
    found = {
        task: read_question_set(task, tmp_path) for task in ("alpaca-eval", "gsm8k", "mt-bench", "flask", "ifeval")
    }
    firsts = {task: one.questions[0] for task, one in found.items()}
    assert {task: (one.id, one.text, one.category) for task, one in firsts.items()} == {
        "alpaca-eval": ("0", "Say something about number 0.", None),
        "gsm8k": ("1", "What is 1 and 1?", None),
        "mt-bench": ("81", "Write a line.", "writing"),
        "flask": ("7", "Say it.", "Math"),
        "ifeval": ("1000", "Shout.", None),
    }
    assert (firsts["flask"].reference, found["flask"].questions[1].category) == ("It.", None)
    assert (firsts["mt-bench"].later, firsts["mt-bench"].turns) == (("Write another.",), 2)
    assert [one.temperature for one in found["mt-bench"].questions] == [0.7, 0.0]
    assert found["gsm8k"].total == 4
    assert len({one.fingerprint for one in found.values()}) == 5


def test_a_question_may_require_a_temperature(tmp_path: Path) -> None:
    """And a category that nobody knows has the usual one."""
    rows: list[dict[str, Any]] = [
        {"question_id": 1, "category": "math", "turns": ["One?"], "required_temperature": 0.3},
        {"question_id": 2, "category": "new", "turns": ["Two?"]},
    ]
    write_jsonl(tmp_path / "mt_bench" / "question.jsonl", rows)
    found = read_question_set("mt-bench", tmp_path)
    assert [one.temperature for one in found.questions] == [0.3, 0.7]


def test_a_file_of_ones_own_has_any_of_three_fields(tmp_path: Path) -> None:
    """And may have ids, categories and right answers, numbers among them."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    rows: list[dict[str, Any]] = [
        {"prompt": "What is 2+2?", "answer": 4},
        {"question": "Capital of France?", "reference": "Paris", "category": "places", "id": "a b"},
        {"messages": messages, "id": 17},
    ]
    found = read_question_set(str(write_jsonl(tmp_path / "mine.jsonl", rows)), None)
    assert (found.task, found.total) == ("file", 3)
    assert [(one.id, one.text, one.reference) for one in found.questions] == [
        ("1", "What is 2+2?", "4"),
        ("a b", "Capital of France?", "Paris"),
        ("17", "Why?", None),
    ]
    assert [turn.role for turn in found.questions[2].conversation] == ["system", "user"]
    assert found.questions[1].category == "places"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"x": 1}, "no question: write one under prompt, question or messages"),
        ({"prompt": 3}, "prompt: not text: 3"),
        ({"prompt": "a", "question": "b"}, "prompt and question in one line: leave only one of them"),
        ({"prompt": " "}, "prompt: the question is empty: ask something"),
        ({"prompt": "a", "id": 1.5}, "id: neither a text nor a whole number"),
        ({"prompt": "a", "answer": ["b"]}, "answer: neither a text nor a number"),
        ({"prompt": "a", "category": 3}, "category: not text: 3"),
        ({"messages": []}, "no question: write one under prompt, question or messages"),
        ({"messages": ["a"]}, "messages[0]: not an object"),
        ({"messages": [{"role": "judge"}]}, "messages[0].role: 'judge' is not system, user or assistant"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content: not text"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "messages: the last turn has to be the user's"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    """File, line and field."""
    path = write_jsonl(tmp_path / "mine.jsonl", [{"prompt": "Why?"}, row])
    with pytest.raises(ConfigError) as caught:
        read_question_set(str(path), None)
    separator = ", " if message.split(":", maxsplit=1)[0] in row or message.startswith("messages") else ": "
    assert str(caught.value) == f"{path}, line 2{separator}{message}"


def test_what_is_no_benchmark_and_no_file_is_told_the_benchmarks(tmp_path: Path) -> None:
    """A benchmark needs its data, a file needs none; and neither may be empty, or have a question twice."""
    with pytest.raises(ConfigError, match="write one of alpaca-eval, mt-bench, flask, ifeval, gsm8k, or a file"):
        read_question_set("mmlu", None)
    with pytest.raises(ConfigError, match=r"^--data: gsm8k needs its data"):
        read_question_set("gsm8k", None)
    with pytest.raises(ConfigError, match="no questions"):
        read_question_set(str(write_jsonl(tmp_path / "none.jsonl", [])), None)
    twice = write_jsonl(tmp_path / "twice.jsonl", [{"prompt": "a", "id": "x"}, {"prompt": "b", "id": "x"}])
    with pytest.raises(ConfigError, match=r"twice\.jsonl, line 2, id: 'x' comes twice: line 1 has it too"):
        read_question_set(str(twice), None)
    counted = write_jsonl(tmp_path / "counted.jsonl", [{"prompt": "a", "id": 2}, {"prompt": "b"}])
    with pytest.raises(ConfigError, match=r"line 2, id: '2' comes twice"):
        read_question_set(str(counted), None)
    benchmark = [{"key": 1, "prompt": "a"}, {"key": 1, "prompt": "b"}]
    write_jsonl(tmp_path / "ifeval" / "input_data.jsonl", benchmark)
    with pytest.raises(ConfigError, match="id: '1' comes twice"):
        read_question_set("ifeval", tmp_path)


@pytest.mark.parametrize(("turns", "message"), [(None, "missing"), ([], "not a list"), (["a", 3], "not a list")])
def test_a_question_of_mt_bench_has_turns(tmp_path: Path, turns: object, message: str) -> None:
    """Of text."""
    row = {"question_id": 1, "category": "math", "turns": turns}
    write_jsonl(tmp_path / "mt_bench" / "question.jsonl", [row])
    with pytest.raises(ConfigError, match=f"line 1, turns: {message}"):
        read_question_set("mt-bench", tmp_path)


def test_the_baseline_of_alpaca_eval_is_an_array(tmp_path: Path) -> None:
    """Anything else is refused."""
    path = tmp_path / "alpaca_eval" / "alpaca_eval_gpt4_baseline.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"instruction": "a"}), encoding="utf-8")
    with pytest.raises(ConfigError, match="not an array"):
        read_question_set("alpaca-eval", tmp_path)


def test_a_limit_takes_the_first_and_a_seed_draws() -> None:
    """In the order of the benchmark; the same seed draws the same."""
    questions = [a_question(number) for number in range(20)]
    assert chosen(questions, None, 1) == chosen(questions, 20, None) == questions
    assert chosen(questions, 3, None) == questions[:3]
    drawn = chosen(questions, 5, 7)
    assert drawn == chosen(questions, 5, 7) != chosen(questions, 5, 8)
    assert drawn == sorted(drawn, key=lambda one: int(one.id)) != questions[:5]


def test_an_id_becomes_a_part_of_a_name() -> None:
    """Ids that would be equal then stay apart."""
    assert a_question(5).file_id == "5"
    odd, other = (a_question().__class__(id=name, conversation=a_question().conversation) for name in ("a b", "a/b"))
    assert odd.file_id.startswith("a-b-")
    assert odd.file_id != other.file_id
