"""AlpacaEval's scores out of small annotations of our own."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from attention_moa.bench.alpaca_eval import LENGTH_CONTROLLED, is_far, plain_scores, score
from attention_moa.bench.alpaca_eval_rows import Annotation
from attention_moa.bench.scores import Score, score_tree
from attention_moa.errors import ConfigError
from tests.alpaca_world import INSTRUCTIONS, annotation_rows, as_csv, write_annotations, write_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with the benchmark's data."""
    return write_data(tmp_path)


def make_folder(path: Path) -> Path:
    """Return a folder, made."""
    path.mkdir()
    return path


def annotated(*preferences: float) -> list[Annotation]:
    """Return annotations with some preferences; the model's answers have 10 characters."""
    return [Annotation(place, preference, 5, 10) for place, preference in enumerate(preferences)]


def test_plain_scores_are_means_and_counts() -> None:
    """A win is above the middle, a draw exactly on it; a row without a preference is missing, not a loss."""
    tree = score_tree(plain_scores(annotated(2.0, 1.5, 1.25, math.nan)))
    assert tree == {
        "win_rate": pytest.approx(100 * 1.75 / 3),
        "standard_error": pytest.approx(22.04793),
        "n_wins": 1,
        "n_wins_base": 1,
        "n_draws": 1,
        "n_total": 3,
        "discrete_win_rate": 50.0,
        "avg_length": 10,
    }
    assert {one.missing for one in plain_scores(annotated(2.0, math.nan))} == {0, 1}


def test_no_judgement_gives_no_score() -> None:
    """Nothing is made up: there is no number, and all that should be there is missing."""
    win_rate, stderr, *_ = plain_scores(annotated(math.nan, math.nan))
    assert win_rate == Score("win_rate", None, 0, 2)
    assert stderr.value is None


def test_one_judgement_has_no_error() -> None:
    """The spread of one value is unknown."""
    win_rate, stderr, *_ = plain_scores(annotated(1.75))
    assert (win_rate.value, win_rate.interval, stderr.value) == (75.0, None, None)


def test_a_few_questions_without_a_row_count_as_empty_answers() -> None:
    """In the average length alone; where many are not there, the file is a sample."""
    rows = [Annotation(place, 1.5, 10, 100) for place in range(30) if place != 7]
    (length,) = [one for one in plain_scores(rows) if one.name == "avg_length"]
    assert (length.value, length.n) == (96, 30)
    (length,) = [one for one in plain_scores(rows[::3]) if one.name == "avg_length"]
    assert length.value == 100


def test_the_length_controlled_win_rate_takes_length_out(data: Path, tmp_path: Path) -> None:
    """A model that wins by length wins less at equal lengths; the interval and the error are told."""
    scores = {one.name: one for one in score([write_annotations(tmp_path, annotation_rows())], data).scores}
    plain, controlled = scores["win_rate"], scores["length_controlled_winrate"]
    assert plain.value is not None
    assert controlled.value is not None
    assert controlled.value < plain.value - 5
    assert controlled.interval is not None
    assert controlled.interval.low < controlled.value < controlled.interval.high
    assert scores["lc_standard_error"].value == controlled.stderr


def test_the_official_file_gives_the_same_scores(data: Path, tmp_path: Path) -> None:
    """An array of objects with both texts in full, as the package writes it."""
    rows = annotation_rows()
    official = [
        {
            "instruction": INSTRUCTIONS[place],
            "output_1": "é" * 100,
            "generator_1": "baseline",
            "output_2": "x" * int(str(row["len_output"])),
            "generator_2": "mine",
            "annotator": "judge",
            "preference": row["preference"],
        }
        for place, row in enumerate(rows)
    ]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(official), encoding="utf-8")
    expected = score([write_annotations(tmp_path, rows)], data)
    assert score([path], data).scores == expected.scores


def test_the_baseline_itself_is_50(data: Path, tmp_path: Path) -> None:
    """By definition: nothing is fitted."""
    rows = [row | {"preference": 1.5, "len_output": 100} for row in annotation_rows()]
    found = score([write_annotations(tmp_path, rows)], data)
    tree = score_tree(found.scores)
    assert (tree["win_rate"], tree["length_controlled_winrate"], tree["lc_standard_error"]) == (50.0, 50.0, 0.0)
    assert any("by definition" in note for note in found.notes)


def test_a_handful_of_judgements_bears_no_fit(data: Path, tmp_path: Path) -> None:
    """With fewer than two a fold there is no number; with a few more there is one, and a word of caution."""
    rows = [*annotation_rows()[:9], *(row | {"preference": ""} for row in annotation_rows()[9:12])]
    asked = {str(place) for place in range(12)}
    few = score([write_annotations(tmp_path, rows)], data, asked=asked)
    controlled = next(one for one in few.scores if one.name == LENGTH_CONTROLLED)
    assert (controlled.value, controlled.interval, controlled.n, controlled.missing) == (None, None, 9, 3)
    assert any("9 judged questions are too few" in note for note in few.notes)
    more = score([write_annotations(tmp_path, annotation_rows()[:12])], data, asked=asked)
    controlled = next(one for one in more.scores if one.name == LENGTH_CONTROLLED)
    assert (controlled.value is None, controlled.n, controlled.missing) == (False, 12, 0)
    assert any(note.startswith("CAUTION: the length-controlled win rate is fitted to 12") for note in more.notes)


def test_missing_rows_are_told(data: Path, tmp_path: Path) -> None:
    """Difficulties go by position: who reads the number has to know."""
    rows = annotation_rows()
    found = score([write_annotations(tmp_path, rows[:5] + rows[6:])], data)
    assert found.notes[0].startswith("1 questions have no row")
    assert found.notes[1].startswith("some questions are missing")


def test_a_sample_of_ours_has_the_difficulties_of_its_own_questions(data: Path, tmp_path: Path) -> None:
    """As if the benchmark had these questions alone; a file from elsewhere goes by position, as the official code."""
    places = [2, 3, 7, 11, 12, 18, 21, 27, 29, 33, 38]
    rows = [annotation_rows()[place] for place in places]
    path = write_annotations(tmp_path, rows)
    asked = {str(place) for place in places}
    found = score([path], data, asked=asked)
    assert found.notes[0].startswith("the length-controlled fit takes each question's own difficulty")
    by_position = score([path], data)
    expected = write_data(make_folder(tmp_path / "small"))
    difficulties = [{"index": place, "instruction_difficulty": (place % 5) / 2 - 1} for place in places]
    (expected / "alpaca_eval" / "instruction_difficulty.csv").write_text(as_csv(difficulties), encoding="utf-8")
    assert found.scores == score([path], expected).scores
    assert found.scores != by_position.scores
    assert {one.missing for one in found.scores} == {0}


def test_of_a_run_of_ours_only_what_was_asked_is_missing(data: Path, tmp_path: Path) -> None:
    """A failed run has no answer, and none of no length; in order, nothing is to be said of difficulties."""
    path = write_annotations(tmp_path, annotation_rows()[:30])
    found = score([path], data, asked={str(place) for place in range(32)})
    assert {one.missing for one in found.scores} == {2}
    assert not any("difficulty;" in note or "questions have no row" in note for note in found.notes)
    path = write_annotations(tmp_path, annotation_rows()[:12] + annotation_rows()[13:])
    (length,) = (one for one in score([path], data, asked=set(map(str, range(40)))).scores if one.name == "avg_length")
    assert (length.n, length.missing) == (39, 1)


def test_a_row_of_a_question_that_was_not_asked_is_no_row_of_the_run(data: Path, tmp_path: Path) -> None:
    """Nor one that the difficulties do not reach."""
    path = write_annotations(tmp_path, annotation_rows())
    with pytest.raises(ConfigError, match=r"mine\.csv.*a row is of no question that was asked"):
        score([path], data, asked={"1", "2"})
    path = write_annotations(tmp_path, [row | {"instruction_index": 50} for row in annotation_rows()[:1]])
    with pytest.raises(ConfigError, match=r"51 annotations, but 40 difficulties"):
        score([path], data, asked={"50"})


def test_without_numpy_there_is_all_else(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain scores are the same; what is missing says what it needs."""
    path = write_annotations(tmp_path, annotation_rows())
    with_numpy = score_tree(score([path], data).scores)
    monkeypatch.setitem(sys.modules, "numpy", None)
    found = score([path], data)
    tree = score_tree(found.scores)
    assert tree["win_rate"] == with_numpy["win_rate"]
    assert tree["length_controlled_winrate"] is None
    assert found.notes == ("no length-controlled win rate: it needs NumPy (pip install 'attention-moa[bench]')",)


@pytest.mark.parametrize(
    ("field", "note"), [("len_output", "the file has no lengths"), ("preference", "no judgement can be used")]
)
def test_what_a_file_does_not_have_is_told(data: Path, tmp_path: Path, field: str, note: str) -> None:
    """Without lengths there is a win rate, without preferences nothing."""
    rows = annotation_rows()
    without = [{name: value for name, value in row.items() if name != field} for row in rows]
    if field == "preference":
        without = [row | {"preference": ""} for row in rows]
    found = score([write_annotations(tmp_path, without)], data)
    assert score_tree(found.scores)["length_controlled_winrate"] is None
    assert found.notes == (f"no length-controlled win rate: {note}",)


def test_more_rows_than_questions_are_an_error(data: Path, tmp_path: Path) -> None:
    """The file is told, and both numbers."""
    rows = [*annotation_rows(), *annotation_rows(1)]
    with pytest.raises(ConfigError, match=r"mine\.csv: 41 annotations, but 40 difficulties"):
        score([write_annotations(tmp_path, rows)], data)


@pytest.mark.parametrize(
    ("controlled", "plain", "is_so"),
    [(50, 50, False), (37.4, 50, True), (62.6, 50, True), (0, 9, False), (19.5, 8, False), (31.1, 8, True)],
)
def test_a_win_rate_far_from_the_plain_one_is_noticed(controlled: float, plain: float, is_so: bool) -> None:
    """More than a quarter of the way to the end, and more than 10 points."""
    assert is_far(controlled, plain) is is_so


def test_a_win_rate_that_length_alone_explains_is_told(data: Path, tmp_path: Path) -> None:
    """The note asks to look at both numbers."""
    rows = [
        row | {"preference": 1.999 if place % 8 else 1.0, "len_output": 400 if place % 8 else 90}
        for place, row in enumerate(annotation_rows())
    ]
    found = score([write_annotations(tmp_path, rows)], data)
    assert found.notes[-1] == "the length-controlled win rate is far from the plain one: look at both"
