"""IFEval's scores of answers, from files of our own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from attention_moa.bench.ifeval import score
from attention_moa.bench.ifeval.scoring import loose_versions
from attention_moa.bench.scores import score_tree
from attention_moa.errors import ConfigError
from tests.ifeval_world import prompt_row, write_rows, write_world

COMMA, QUOTED, TITLE = "punctuation:no_comma", "startend:quotation", "detectable_format:title"
ROWS = [prompt_row(1, COMMA), prompt_row(2, COMMA, QUOTED), prompt_row(3, TITLE)]


def test_scores_are_of_prompts_and_of_instructions(tmp_path: Path) -> None:
    """A prompt counts when all of its instructions do; a first line may go when it is loosely read."""
    answers = [
        {"key": 1, "response": "Sure, here it is:\nTea"},
        {"key": 2, "response": "tea"},
        {"key": 3, "response": "<<Tea>>"},
    ]
    scored = score([write_rows(tmp_path / "answers.jsonl", answers)], write_world(tmp_path, ROWS))
    assert score_tree(scored.scores) == {
        "n_prompts": 3,
        "n_instructions": 4,
        "prompt_strict": pytest.approx(100 / 3),
        "instruction_strict": 50.0,
        "prompt_loose": pytest.approx(200 / 3),
        "instruction_loose": 75.0,
        "by_kind": {
            TITLE: {"strict": 100.0, "loose": 100.0},
            COMMA: {"strict": 50.0, "loose": 100.0},
            QUOTED: {"strict": 0.0, "loose": 0.0},
        },
    }
    assert scored.task == "ifeval"
    assert scored.notes == ()
    by_name = {one.name: one for one in scored.scores}
    assert (by_name["instruction_strict"].n, by_name["prompt_strict"].n) == (4, 3)
    interval = by_name["instruction_strict"].interval
    assert interval is not None
    assert 0 <= interval.low < 50 < interval.high <= 100


def test_of_a_run_of_ours_what_nobody_came_to_is_missing_where_it_counts(tmp_path: Path) -> None:
    """By kind only in the kinds that its prompt has; what was not asked is not missing."""
    path = write_rows(tmp_path / "answers.jsonl", [{"key": 1, "response": "tea"}])
    scored = score([path], write_world(tmp_path, [*ROWS, prompt_row(4, COMMA)]), asked={"1", "2", "3"})
    assert {one.name: one.missing for one in scored.scores if not one.name.startswith("n_")} == {
        "prompt_strict": 2,
        "prompt_loose": 2,
        "instruction_strict": 3,
        "instruction_loose": 3,
        f"by_kind.{COMMA}.strict": 1,
        f"by_kind.{COMMA}.loose": 1,
    }


def test_an_empty_answer_follows_nothing(tmp_path: Path) -> None:
    """It has no comma, but it is none."""
    files = [write_rows(tmp_path / "answers.jsonl", [{"key": 1, "response": " \n"}])]
    values = score_tree(score(files, write_world(tmp_path, ROWS)).scores)
    assert (values["instruction_strict"], values["instruction_loose"]) == (0, 0)
    assert score(files, tmp_path, asked={"1", "2"}).notes == (
        "2 of 3 prompts were asked: the scores are of these alone.",
        "1 of 2 prompts that were asked have no answer: they count as wrong.",
    )


def test_sentences_are_counted_with_the_model_of_the_data(tmp_path: Path) -> None:
    """Dr. is an abbreviation in the model's files."""
    row = prompt_row(
        1, "length_constraints:number_sentences", arguments=[{"relation": "less than", "num_sentences": 2}]
    )
    files = [write_rows(tmp_path / "answers.jsonl", [{"key": 1, "response": "It was Dr. Smith."}])]
    assert score_tree(score(files, write_world(tmp_path, [row])).scores)["prompt_strict"] == 100


def test_answers_are_found_by_the_prompts_words(tmp_path: Path) -> None:
    """The benchmark's own files have no keys; a reworded prompt is left out, and the rest is said to be a part."""
    rows = [{"prompt": "Question 3?", "response": "<<Tea>>"}, {"prompt": "Question three?", "response": "x"}]
    packed = tmp_path / "answers.jsonl.gz"
    packed.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    scored = score([packed], write_world(tmp_path, ROWS))
    assert score_tree(scored.scores)["prompt_strict"] == 100
    assert scored.notes == (
        "1 of 3 prompts have an answer: the scores are theirs alone.",
        "1 answers are to prompts that the data do not have: they are left out.",
    )


def test_an_answer_has_eight_versions() -> None:
    """As it is, without first line, last line and both, and these without stars."""
    assert loose_versions("*a*\n*b*\nc") == ["*a*\n*b*\nc", "*b*\nc", "*a*\n*b*", "*b*", "a\nb\nc", "b\nc", "a\nb", "b"]
    assert loose_versions("a") == ["a", ""]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"key": 1}], "line 1, response: missing"),
        ([{"key": 1, "response": None}], "line 1, response: not text: None"),
        ([{"key": 9, "response": "x"}], "line 1, key: 9 is not in the prompts"),
        ([{"key": "one", "response": "x"}], "line 1, key: not a number: 'one'"),
        ([{"response": "x"}], "line 1, prompt: missing"),
        ([{"key": 1, "response": "x"}] * 2, "line 2, key: a second answer to 1"),
        ([{"prompt": "Question 1?", "response": "x"}] * 2, "line 2, prompt: a second answer to 1"),
        ([{"prompt": "Else?", "response": "x"}], "answers.jsonl: no answer to any of the prompts"),
    ],
)
def test_wrong_answers_are_named(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    """The error names file, line and field."""
    answers = write_rows(tmp_path / "answers.jsonl", rows)
    with pytest.raises(ConfigError) as caught:
        score([answers], write_world(tmp_path, ROWS))
    assert str(caught.value).endswith(told)
    assert str(answers) in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{**ROWS[0], "key": None}], "line 1, key: not a number: None"),
        ([ROWS[0], ROWS[0]], "line 2, key: 1 comes twice"),
        ([{"key": 1}], "line 1, prompt: missing"),
        ([{"key": 1, "prompt": "?"}], "line 1, instruction_id_list: missing"),
        ([{**ROWS[0], "kwargs": "x"}], "line 1, kwargs: not a list with something in it"),
        ([{**ROWS[0], "kwargs": [{}, {}]}], "line 1, kwargs: 2 for 1 instructions"),
        ([{**ROWS[0], "kwargs": [3]}], "line 1, kwargs[0]: not an object"),
        ([prompt_row(1, COMMA, "a:b")], "line 1, instruction_id_list[1]: no such kind of instruction: 'a:b'"),
        ([{**ROWS[0], "instruction_id_list": [3]}], "line 1, instruction_id_list[0]: no such kind of instruction: 3"),
        ([], "input_data.jsonl: no prompts"),
    ],
)
def test_wrong_prompts_are_named(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    """The error names file, line and field."""
    answers = write_rows(tmp_path / "answers.jsonl", [{"key": 1, "response": "x"}])
    with pytest.raises(ConfigError) as caught:
        score([answers], write_world(tmp_path, rows))
    assert str(caught.value).endswith(told)
    assert "input_data.jsonl" in str(caught.value)


def test_a_missing_sentence_model_is_named(tmp_path: Path) -> None:
    """Only who counts sentences needs it."""
    row = prompt_row(1, "length_constraints:number_sentences", arguments=[{"relation": "at least", "num_sentences": 1}])
    answers = write_rows(tmp_path / "answers.jsonl", [{"key": 1, "response": "Tea"}])
    data = tmp_path / "ifeval" / "input_data.jsonl"
    write_rows(data, ROWS)
    assert score([answers], tmp_path).scores
    write_rows(data, [row])
    with pytest.raises(ConfigError, match=r"abbrev_types\.txt: no such file, packed or not"):
        score([answers], tmp_path)
