"""Annotations of AlpacaEval as files hold them, and the judge's words in them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from attention_moa.bench.alpaca_eval_judge import is_model_first, preference_of
from attention_moa.bench.alpaca_eval_rows import Annotation, baseline_instructions, read_annotations, usable_preference
from attention_moa.errors import ConfigError
from tests.alpaca_world import INSTRUCTIONS, write_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the benchmark's own folder."""
    return write_data(tmp_path) / "alpaca_eval"


def written(folder: Path, text: str) -> Path:
    """Return a file with a text in it."""
    path = folder / "mine"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("preference", "usable"),
    [(1, 1), (2, 2), (1.5, 1.5), (0, 1.5), (0.99, math.nan), (2.01, math.nan), (-1, math.nan), (math.nan, math.nan)],
)
def test_preferences_are_from_1_to_2(preference: float, usable: float) -> None:
    """0 is an old spelling of a draw; what is outside is dropped."""
    assert usable_preference(preference) == pytest.approx(usable, nan_ok=True)


@pytest.mark.parametrize("text", ["", "nan", "NaN", "null"])
def test_an_empty_preference_is_missing(folder: Path, text: str) -> None:
    """As CSV writes it; the row stays, for its position and its lengths."""
    path = written(folder, f"instruction_index,preference,len_baseline,len_output\n3,{text},5,6\n")
    (found,) = read_annotations(path, folder)
    assert (found.instruction, found.len_baseline, found.len_output, found.is_usable) == (3, 5, 6, False)


def test_rows_without_lengths_have_none(folder: Path) -> None:
    """And a JSON null is a missing preference too."""
    path = written(folder, '{"instruction_index": 0, "preference": null}\n{"instruction_index": 1, "preference": 2}\n')
    first, second = read_annotations(path, folder)
    assert not first.is_usable
    assert second == Annotation(1, 2.0, None, None)


def test_a_text_that_is_no_question_of_the_benchmark_has_no_position(folder: Path) -> None:
    """Annotations of questions of one's own are scored as well."""
    path = written(folder, json.dumps([{"instruction": INSTRUCTIONS[4], "preference": 1}, {"preference": 2}]))
    assert [one.instruction for one in read_annotations(path, folder)] == [4, None]
    path = written(folder, json.dumps([{"instruction": "Mine?", "preference": 1}]))
    assert [one.instruction for one in read_annotations(path, folder)] == [None]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('{"instruction_index": 0, "preference": "good"}', "line 2, preference: not a number: 'good'"),
        ('{"instruction_index": 0}', "line 2, preference: missing"),
        ('{"instruction_index": 0.5, "preference": 1}', "line 2, instruction_index: not a whole number: 0.5"),
        ('{"preference": 1, "instruction": 7}', "line 2, instruction: not text: 7"),
        ('{"preference": 1, "output_2": []}', "line 2, output_2: not text: []"),
        ('{"preference": 1, "len_output": "many"}', "line 2, len_output: not a number: 'many'"),
        ('{"instruction_index": 40, "top_logprobs": []}', "line 2, instruction_index: the baseline has 40 questions"),
        ('{"instruction_index": 0, "top_logprobs": 1}', "line 2, top_logprobs: not a list of [token, log-prob"),
        ('{"instruction_index": 0, "top_logprobs": [["m"]]}', "line 2, top_logprobs: not a list of [token, log-prob"),
        ('{"instruction_index": 0, "top_logprobs": [["m", 900]]}', "line 2, top_logprobs: not a list of [token, log-p"),
        ('{"instruction_index": -1, "preference": 1}', "line 2, instruction_index: not from 0 to 1,000,000,000: -1"),
        ('{"preference": 1, "len_output": -5}', "line 2, len_output: not from 0 to 1,000,000,000: -5"),
        ('{"preference": 1, "len_baseline": 1e300}', "line 2, len_baseline: not from 0 to 1,000,000,000: "),
        ('{"top_logprobs": []}', "line 2, instruction_index: missing"),
    ],
)
def test_a_wrong_row_is_named(folder: Path, row: str, told: str) -> None:
    """By file, line and field."""
    path = written(folder, f'{{"instruction_index": 0, "preference": 1}}\n{row}\n')
    with pytest.raises(ConfigError) as caught:
        read_annotations(path, folder)
    assert str(caught.value).startswith(f"{path}, {told}")


def test_an_empty_file_is_no_annotations(folder: Path) -> None:
    """Not a score of nothing."""
    with pytest.raises(ConfigError, match="mine: no annotations"):
        read_annotations(written(folder, "[]"), folder)


def test_a_baseline_of_another_form_is_said(folder: Path) -> None:
    """An object in the place of the array."""
    (folder / "alpaca_eval_gpt4_baseline.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"baseline\.json: not an array"):
        baseline_instructions(folder)


def test_log_probabilities_become_preferences(folder: Path) -> None:
    """By the order in which the judge read the answers; equal answers were not shown to it."""
    says_first = [["m", math.log(0.75)], ["M", math.log(0.25)]]
    rows = [
        {"instruction_index": 0, "top_logprobs": says_first},
        {"instruction": INSTRUCTIONS[0], "top_logprobs": says_first},
        {"instruction_index": 1, "top_logprobs": None},
        {"instruction_index": 2, "top_logprobs": [["The", -1]]},
    ]
    path = written(folder, "\n".join(json.dumps(row) for row in rows))
    found = [one.preference for one in read_annotations(path, folder)]
    first = 1.75 if is_model_first(INSTRUCTIONS[0]) else 1.25
    assert found == pytest.approx([first, first, 1.5, math.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("chances", "of_the_baseline_first", "of_the_model_first"),
    [
        ({"m": 0.9, "M": 0.1}, 1.1, 1.9),
        ({"m": 0.3, "M": 0.1, "The": 0.6}, 1.25, 1.75),
        ({"M": 0.5}, 2.0, 1.0),
        ({"m": 0.5}, 1.0, 2.0),
        ({" m": 0.5, "The": 0.5}, math.nan, math.nan),
        ({}, math.nan, math.nan),
    ],
)
def test_a_preference_is_the_share_of_the_model_s_name(
    chances: dict[str, float], of_the_baseline_first: float, of_the_model_first: float
) -> None:
    """Of the two names' probabilities; a name that is not there has none, and a name with a blank is no name."""
    logprobs = [(token, math.log(chance)) for token, chance in chances.items()]
    found = [preference_of(logprobs, is_model_first=is_first) for is_first in (False, True)]
    assert found == pytest.approx([of_the_baseline_first, of_the_model_first], nan_ok=True)


def test_the_order_of_answers_is_drawn_from_the_question() -> None:
    """The same every time, and about as often one way as the other."""
    orders = [is_model_first(f"question {number}") for number in range(400)]
    assert orders == [is_model_first(f"question {number}") for number in range(400)]
    assert 150 < sum(orders) < 250
