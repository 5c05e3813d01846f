"""The length-controlled fit on small data of our own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from attention_moa.bench.alpaca_eval_lc import (
    STRENGTHS,
    Anchors,
    Weights,
    at_equal_lengths,
    fit_model,
    read_anchors,
    read_weights,
)
from attention_moa.bench.alpaca_eval_rows import Annotation
from attention_moa.errors import ConfigError
from tests.alpaca_world import QUESTIONS, write_data

MODEL = Weights(-1.5, 0.5, 0.3)
OTHER = Weights(-1.0, 0.8, -0.4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the benchmark's own folder."""
    return write_data(tmp_path) / "alpaca_eval"


@pytest.fixture
def anchors(folder: Path) -> Anchors:
    """Return the benchmark's own numbers."""
    return read_anchors(folder)


def annotated(anchors: Anchors, weights: Weights) -> list[Annotation]:
    """Return annotations of which a model's weights say every preference, however long its answers are."""
    shorter = [(place % 7 - 3) * 40 for place in range(QUESTIONS)]
    scale = float(np.std(shorter, ddof=1))
    logits = [
        weights.length * math.tanh(delta / scale) + weights.difficulty * difficulty + weights.model
        for delta, difficulty in zip(shorter, anchors.difficulties, strict=True)
    ]
    return [
        Annotation(place, 1 + 1 / (1 + math.exp(-logit)), 500, 500 - delta)
        for place, (logit, delta) in enumerate(zip(logits, shorter, strict=True))
    ]


def without_anchors(anchors: Anchors) -> Anchors:
    """Return anchors that weigh nothing."""
    return anchors._replace(rows=anchors.rows._replace(weights=np.zeros(len(anchors.rows.targets))))


def test_the_weights_that_made_the_preferences_are_found(anchors: Anchors) -> None:
    """With nearly no penalty and no anchors, and with them the win rate at equal lengths."""
    found = fit_model(annotated(anchors, MODEL), without_anchors(anchors), c=1e6)
    assert found.weights == pytest.approx(MODEL, abs=1e-3)
    assert found.win_rate == pytest.approx(100 * at_equal_lengths(MODEL, anchors.difficulties).mean(), abs=0.01)


def test_the_anchors_hold_the_fit(anchors: Anchors) -> None:
    """They have no constant of the model: only length and difficulty are held."""
    free = fit_model(annotated(anchors, MODEL), without_anchors(anchors), c=10.0)
    held = fit_model(annotated(anchors, MODEL), anchors, c=10.0)
    assert held.weights.length != pytest.approx(free.weights.length, abs=0.01)
    assert anchors.rows.features[:, 2].tolist() == [0.0] * 2 * QUESTIONS


def test_a_row_without_a_preference_is_predicted_but_not_fitted(anchors: Anchors) -> None:
    """Its length counts in the scale, its difficulty in the result."""
    rows = annotated(anchors, MODEL)
    rows[5] = rows[5]._replace(preference=math.nan)
    found = fit_model(rows, without_anchors(anchors), c=1e6)
    assert found.weights == pytest.approx(MODEL, abs=1e-3)
    assert len(found.predictions) == QUESTIONS


def test_answers_as_long_as_the_baseline_s_are_fitted(anchors: Anchors) -> None:
    """Lengths without a spread divide nothing by nothing."""
    rows = [one._replace(len_output=500) for one in annotated(anchors, MODEL)]
    found = fit_model(rows, anchors)
    assert all(map(math.isfinite, found.weights))
    assert found.c in STRENGTHS


def test_a_single_judgement_can_be_fitted(anchors: Anchors) -> None:
    """There is a number, however little it says, and no error of it."""
    found = fit_model(annotated(anchors, MODEL)[:1], anchors)
    assert 0 <= found.win_rate <= 100
    assert found.stderr == 0


def test_the_folds_can_be_given(anchors: Anchors) -> None:
    """Those of the stable rule give what is the default."""
    rows = annotated(anchors, OTHER)
    count = len(rows) + len(anchors.rows.targets)
    stable = [(count - 1 - row) % 5 for row in range(count)]
    assert fit_model(rows, anchors, folds=stable).weights == fit_model(rows, anchors).weights


def test_one_model_against_another_is_the_other_way_round_from_the_other(anchors: Anchors) -> None:
    """What one wins the other loses; against itself it is even."""
    one = at_equal_lengths(MODEL, anchors.difficulties, against=OTHER)
    other = at_equal_lengths(OTHER, anchors.difficulties, against=MODEL)
    assert one + other == pytest.approx(1)
    assert at_equal_lengths(MODEL, anchors.difficulties, against=MODEL) == pytest.approx(0.5)


def test_the_official_anchors_come_before_the_stand_in(folder: Path) -> None:
    """Who has the benchmark's own file uses it."""
    assert read_anchors(folder).source.name == "df_gamed_standin.csv"
    (folder / "df_gamed.csv").write_bytes((folder / "df_gamed_standin.csv").read_bytes())
    assert read_anchors(folder).source.name == "df_gamed.csv"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "instruction_difficulty.csv",
            "index,instruction_difficulty\n0,hard\n",
            "line 2, instruction_difficulty: not a",
        ),
        ("instruction_difficulty.csv", "index,instruction_difficulty\n", "no rows"),
        (
            "df_gamed_standin.csv",
            "preference,std_delta_len,instruction_difficulty\n1.5,0,0\n",
            "line 2, preference: not",
        ),
        ("df_gamed_standin.csv", "preference,std_delta_len\n1,0\n", "line 2, instruction_difficulty: missing"),
        ("df_gamed_standin.csv", "preference,std_delta_len,instruction_difficulty\n", "no rows"),
    ],
)
def test_wrong_data_are_named(folder: Path, name: str, content: str, told: str) -> None:
    """By file, line and field."""
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_anchors(folder)
    place, _, rest = str(caught.value).partition(f"{name}")
    assert place == f"{folder}/"
    assert rest.lstrip(",: ").startswith(told)


def test_weights_are_read_by_model(tmp_path: Path) -> None:
    """The columns go by their order: the model, length, difficulty, model weight."""
    path = tmp_path / "weights.csv"
    path.write_text(",length,difficulty,own\nmine,-1.5,0.5,0.3\n", encoding="utf-8")
    assert read_weights(path) == {"mine": MODEL}
    path.write_text("a,b\nmine,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"weights\.csv, line 2: 2 columns"):
        read_weights(path)
