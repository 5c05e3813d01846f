"""The penalised regression ends at its optimum."""

from __future__ import annotations

import math

import numpy as np
import pytest

from attention_moa.bench.logistic import Rows, fit, log_loss, sigmoid


def rows(seed: int = 0, count: int = 200) -> Rows:
    """Return rows of three features, the last a constant."""
    chance = np.random.default_rng(seed)
    features = np.column_stack([chance.normal(size=(count, 2)), np.ones(count)])
    chances = sigmoid(features @ np.asarray([1.0, -0.5, 0.25]))
    return Rows(features, np.clip(chances + chance.normal(scale=0.2, size=count), 0, 1), chance.uniform(0.1, 2, count))


@pytest.mark.parametrize("c", [1e-4, 3e-3, 0.02, 1.0, 1e4])
def test_the_optimum_fulfils_its_conditions(c: float) -> None:
    """The slope of the loss balances the penalty where a weight is not 0, and is no steeper where it is."""
    data = rows()
    weights = fit(data, c)
    slope = c * (data.features.T @ (data.weights * (sigmoid(data.features @ weights) - data.targets)))
    for weight, steepness in zip(weights, slope, strict=True):
        if weight:
            assert steepness == pytest.approx(-math.copysign(1, weight), abs=1e-6)
        else:
            assert abs(steepness) <= 1


def test_a_strong_penalty_leaves_no_weight() -> None:
    """With little data against it, all weights are exactly 0."""
    assert fit(rows(), 1e-6).tolist() == [0, 0, 0]


@pytest.mark.parametrize("start", [(30.0, -40.0, 50.0), (8.0, 8.0, 8.0), (-4.0, 4.0, -4.0)])
def test_where_it_begins_does_not_matter(start: tuple[float, ...]) -> None:
    """The objective is convex: also from far away, where whole steps go too far, the end is the same."""
    data = rows()
    far = fit(data, 2.0, start=np.asarray(start))
    assert far == pytest.approx(fit(data, 2.0), abs=1e-8)


def test_a_feature_that_is_always_0_has_no_weight() -> None:
    """Nothing is divided by nothing."""
    data = rows()
    features = np.column_stack([data.features, np.zeros(len(data.targets))])
    assert fit(data._replace(features=features), 1.0)[3] == 0


def test_the_loss_is_divided_by_the_number_of_rows() -> None:
    """Weights of rows count above the line only; a sure prediction that is wrong costs a finite amount."""
    data = Rows(np.asarray([[0.0], [0.0]]), np.asarray([0.5, 1.0]), np.asarray([1.0, 3.0]))
    assert log_loss(data, np.asarray([1.0])) == pytest.approx(2 * math.log(2))
    wrong = Rows(np.asarray([[1000.0]]), np.asarray([0.0]), np.asarray([1.0]))
    assert log_loss(wrong, np.asarray([1.0])) == pytest.approx(-math.log(1e-15), rel=0.01)


def test_probabilities_do_not_overflow() -> None:
    """Also for logits that no exponential holds."""
    assert sigmoid(np.asarray([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]
