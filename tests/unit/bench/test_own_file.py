"""Files of one's own: when an answer agrees with the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from attention_moa.bench.own_file import agrees, score
from attention_moa.errors import ConfigError
from tests.bench_world import write_jsonl


@pytest.mark.parametrize(
    ("answer", "reference", "is_right"),
    [
        ("2 and 2 are 4.", "4", True),
        ("It costs $1,200.00", "1200", True),
        ("5, not 4: the answer is 5", "4", False),
        ("no number", "4", False),
        ("That makes 18", "12 + 6\n#### 18", True),
        ("Paris", "paris", True),
        ("The capital of France.\n\n**Paris.**", "Paris", True),
        ("I think the answer is: Paris", "Paris", True),
        ("Answer: Paris!", "Paris", True),
        ("Not Paris", "Paris", False),
        ("", "Paris", False),
        ("\u2212 3", "-3", False),
        ("it is -3", "\u22123", True),
    ],
)
def test_answers_agree_as_numbers_or_as_words(answer: str, reference: str, is_right: bool) -> None:
    """Whole words without case and without marks around them; a text that only holds the right word is not right."""
    assert agrees(answer, reference) is is_right


def test_the_share_of_right_answers_is_told(tmp_path: Path) -> None:
    """With an interval; rows without a right answer count for nothing, and a note says so."""
    rows = [
        {"response": "4", "reference": "4"},
        {"response": "5", "reference": "4"},
        {"response": "whatever"},
        {"response": "4", "reference": "4"},
    ]
    scored = score([write_jsonl(tmp_path / "mine.jsonl", rows)], tmp_path)
    assert {one.name: (one.value, one.n) for one in scored.scores} == {
        "n": (3, 3),
        "n_correct": (2, 3),
        "accuracy": (200 / 3, 3),
    }
    assert scored.scores[2].interval is not None
    assert scored.notes == ("1 questions have no right answer: nothing is scored there.",)


def test_what_was_asked_and_has_no_row_is_missing(tmp_path: Path) -> None:
    """Of questions with a right answer: others have no score that they could be missing in."""
    path = write_jsonl(tmp_path / "mine.jsonl", [{"response": "4", "reference": "4"}, {"response": "a"}])
    scored = score([path], tmp_path, asked={"1", "3", "4"})
    assert [(one.name, one.n, one.missing) for one in scored.scores] == [
        ("n", 1, 0),
        ("n_correct", 1, 2),
        ("accuracy", 1, 2),
    ]


def test_without_right_answers_there_is_no_score(tmp_path: Path) -> None:
    """And without answers it is no such file."""
    assert score([write_jsonl(tmp_path / "mine.jsonl", [{"response": "a"}])], tmp_path).scores == ()
    (tmp_path / "none.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match="no answers"):
        score([tmp_path / "none.json"], tmp_path)
