"""AlpacaEval: published annotations give the published numbers."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from attention_moa.bench.alpaca_eval import score
from attention_moa.bench.alpaca_eval_judge import is_model_first, preference_of
from attention_moa.bench.alpaca_eval_lc import (
    Anchors,
    Fit,
    Weights,
    at_equal_lengths,
    fit_model,
    read_anchors,
    read_weights,
)
from attention_moa.bench.alpaca_eval_rows import Annotation, baseline_instructions, read_annotations
from attention_moa.bench.reading import read_csv, read_json, read_lines
from attention_moa.bench.scores import TaskScores, score_tree

BASELINE = "gpt4_1106_preview"
FITTED = [
    "FuseChat-Gemma-2-9B-Instruct",
    "FuseChat-Llama-3.2-1B-Instruct",
    "Mixtral-8x7B-Instruct-v0.1_concise",
    "NullModel",
    "chatglm2-6b",
    "claude-2",
    "gpt-3.5-turbo-0301",
    "gpt4_gamed",
    "openbuddy-llama2-70b-v10.1",
    "phi-2",
    "vicuna-13b",
    "vicuna-7b-v1.5",
]
LENGTH_CONTROLLED = {"length_controlled_winrate", "lc_standard_error"}


class World(NamedTuple):
    """AlpacaEval's data."""

    folder: Path
    expected: dict[str, Any]
    anchors: Anchors

    def annotations(self, model: str) -> list[Annotation]:
        """Return a model's annotations."""
        return read_annotations(self.file(model), self.folder)

    def file(self, model: str) -> Path:
        """Return the file of a model's annotations."""
        return self.folder / "annotations" / f"{model}.csv.gz"


@pytest.fixture(scope="module")
def world(benchmark_data: Path) -> World:
    """Return AlpacaEval's data."""
    folder = benchmark_data / "alpaca_eval"
    expected: Any = read_json(folder / "expected.json")
    return World(folder, expected, read_anchors(folder))


@cache
def scored(file: Path, data: Path) -> TaskScores:
    """Return a model's scores, computed once."""
    return score([file], data)


def fitted_at(world: World, model: str, *, c: float | None = None, folds: list[int] | None = None) -> Fit:
    """Return a model's fit."""
    return fit_model(world.annotations(model), world.anchors, c=c, folds=folds)


def test_every_published_model_is_looked_at(world: World) -> None:
    """The models below are those of the expected numbers."""
    assert {*FITTED, BASELINE} == world.expected.keys()


@pytest.mark.parametrize("model", [BASELINE, *FITTED])
def test_plain_scores_are_the_published_ones(world: World, model: str) -> None:
    """Win rates, standard error, counts and average length come out exactly."""
    tree = score_tree(scored(world.file(model), world.folder.parent).scores)
    published = {name: value for name, value in world.expected[model]["published"].items() if value is not None}
    assert tree.keys() == world.expected[model]["published"].keys()
    for name in published.keys() - LENGTH_CONTROLLED:
        assert tree[name] == pytest.approx(published[name], rel=0, abs=1e-9), name
    assert len(world.annotations(model)) == world.expected[model]["n_rows"]


@pytest.mark.parametrize("model", [BASELINE, *FITTED])
def test_the_length_controlled_win_rate_is_the_published_one(world: World, model: str) -> None:
    """With C by our own cross-validation it is within the tolerance of the published one, and inside its interval."""
    expected = world.expected[model]
    by_name = {one.name: one for one in scored(world.file(model), world.folder.parent).scores}
    found = by_name["length_controlled_winrate"]
    tolerance = expected["tolerance_lc_cross_validated"]
    assert found.value == pytest.approx(expected["published"]["length_controlled_winrate"], rel=0, abs=tolerance)
    assert found.interval is not None
    assert found.value is not None
    assert found.interval.low <= found.value <= found.interval.high


@pytest.mark.parametrize("model", FITTED)
def test_cross_validation_and_fit_find_the_exact_optimum(world: World, model: str) -> None:
    """C is the one of an exact solver on the same folds, and so is the win rate; the package's own is close by."""
    expected = world.expected[model]
    found = fitted_at(world, model)
    assert found.c == pytest.approx(expected["C_exact_solver_stable_folds"])
    assert found.win_rate == pytest.approx(expected["lc_exact_solver_stable_folds"], rel=0, abs=1e-6)
    tolerance = expected["tolerance_lc_at_that_C"]
    assert found.win_rate == pytest.approx(expected["lc_official_package_stable_folds"], rel=0, abs=tolerance)


@pytest.mark.parametrize("model", FITTED)
def test_at_the_published_strength_the_fit_is_the_published_one(world: World, model: str) -> None:
    """At the C of the published fit the win rate is the published one, and the published weights are near.

    NullModel's weights are of a fit with the other folds, as its tolerance says.
    """
    expected = world.expected[model]
    found = fitted_at(world, model, c=expected["C_of_published_fit"])
    assert found.win_rate == pytest.approx(expected["lc_at_that_C_exact_optimum"], rel=0, abs=1e-6)
    published = expected["published"]["length_controlled_winrate"]
    assert found.win_rate == pytest.approx(published, rel=0, abs=expected["tolerance_lc_at_that_C"])
    weights = Weights(**expected["published_glm_weights"])
    difficulties = world.anchors.difficulties[: expected["n_rows"]]
    tolerance = expected["tolerance_lc_cross_validated"]
    assert 100 * at_equal_lengths(weights, difficulties).mean() == pytest.approx(published, rel=0, abs=tolerance)
    assert found.weights == pytest.approx(weights, rel=0, abs=0.05)


@pytest.mark.parametrize("model", [model for model in FITTED if model != "phi-2"])
def test_the_other_order_of_folds_gives_the_other_published_number(world: World, model: str) -> None:
    """With the folds of the package's older sort the win rate is what the package gives with them."""
    folds: Any = read_json(world.folder / "folds_legacy_2415.json")
    expected = world.expected[model]
    found = fitted_at(world, model, folds=folds["folds"])
    legacy = expected["lc_official_package_legacy_folds"]
    assert found.win_rate == pytest.approx(legacy, rel=0, abs=expected["tolerance_lc_at_that_C"] + 1e-4)


@pytest.mark.parametrize("model", FITTED)
def test_the_standard_error_of_the_fit_is_the_published_one(world: World, model: str) -> None:
    """Where one is published; elsewhere it is a positive number."""
    published = world.expected[model]["published"]["lc_standard_error"]
    found = fitted_at(world, model).stderr
    assert found == pytest.approx(published, rel=0, abs=1e-4) if published is not None else found > 0


def test_the_judge_s_log_probabilities_give_the_published_preferences(world: World) -> None:
    """The order of the answers is the published draw, and the weighted preference comes out to its last digit."""
    instructions = baseline_instructions(world.folder)
    replies = [row for _, row in read_lines(world.folder / "judge_logprobs_claude-2.jsonl.gz")]
    assert len(replies) == len(instructions) == 805
    asked = [reply for reply in replies if reply["top_logprobs"] is not None]
    assert [reply["preference"] for reply in replies if reply not in asked] == [1.5]
    for reply in asked:
        is_first = is_model_first(instructions[reply["instruction_index"]])
        found = preference_of([(token, chance) for token, chance in reply["top_logprobs"]], is_model_first=is_first)
        assert found == pytest.approx(reply["preference"], rel=0, abs=1e-9)


def test_a_judge_s_log_probabilities_are_scored_like_annotations(world: World, tmp_path: Path) -> None:
    """A file that holds what the judge said, and no preferences, gives the published win rate."""
    kept = ("instruction_index", "top_logprobs")
    replies = [row for _, row in read_lines(world.folder / "judge_logprobs_claude-2.jsonl.gz")]
    file = tmp_path / "judged.jsonl.gz"
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps({name: reply[name] for name in kept}) + "\n" for reply in replies)
    tree = score_tree(score([file], world.folder.parent).scores)
    published = world.expected["claude-2"]["published"]
    for name in ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate"):
        assert tree[name] == pytest.approx(published[name], rel=0, abs=1e-7), name
    assert tree["length_controlled_winrate"] is None


def test_published_weights_give_the_published_win_rates(world: World) -> None:
    """The weights of the mixture-of-agents family and others, with the difficulties, give their published numbers."""
    weights = read_weights(world.folder / "glm_weights.csv")
    rows = [row for _, row in read_csv(world.folder / "lc_from_weights.csv")]
    assert len(rows) >= 17
    for row in rows:
        found = 100 * at_equal_lengths(weights[row["model"]], world.anchors.difficulties).mean()
        assert found == pytest.approx(float(row["lc_from_weights"]), rel=0, abs=1e-9), row["model"]
        assert found == pytest.approx(float(row["lc_published"]), rel=0, abs=0.01), row["model"]


def test_published_predictions_come_out_row_by_row(world: World) -> None:
    """The one model whose published predictions are at hand: each row's, out of its published weights."""
    model = "vicuna-7b-v1.5"
    published = [float(row["glm_preference"]) for _, row in read_csv(world.file(model))]
    weights = Weights(**world.expected[model]["published_glm_weights"])
    assert np.abs(at_equal_lengths(weights, world.anchors.difficulties) - published).max() < 1e-9
