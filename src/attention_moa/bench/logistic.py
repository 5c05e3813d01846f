"""A logistic regression with an L1 penalty on every weight, fitted to its exact optimum. Needs NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_MOST_STEPS = 200
_MOST_SWEEPS = 2000
_CLOSE = 1e-11
_FLAT = 1e-12
_SURE = 1e-15


class Rows(NamedTuple):
    """What a regression is fitted to.

    Args:
        features: One row a case, one column a weight; no intercept is added.
        targets: Each from 0 to 1.
        weights: How much each row counts, at least 0.
    """

    features: Numbers
    targets: Numbers
    weights: Numbers

    def where(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return some of the rows.

        Args:
            chosen: One a row.
        """
        return Rows(self.features[chosen], self.targets[chosen], self.weights[chosen])


def sigmoid(logits: Numbers) -> Numbers:
    """Return probabilities, without overflow."""
    shrunk = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + shrunk), shrunk / (1 + shrunk))


def fit(rows: Rows, c: float, *, start: Numbers | None = None) -> Numbers:
    """Return the weights that minimise ``sum |w| + c * sum weight * cross-entropy``, one a feature.

    Args:
        rows: What to fit to.
        c: How much the rows count against the penalty, above 0.
        start: Where to begin; None for 0. The objective is convex: it changes the way, not the end.

    Source: ours: Newton steps, each solved under the penalty by coordinate descent, shortened where they are too long.
    """
    weights = np.zeros(rows.features.shape[1]) if start is None else start.copy()
    value = _objective(rows, c, weights)
    for _ in range(_MOST_STEPS):
        chances = sigmoid(rows.features @ weights)
        slope = c * (rows.features.T @ (rows.weights * (chances - rows.targets)))
        bend = c * (rows.features.T * (rows.weights * chances * (1 - chances))) @ rows.features
        step = _penalised_step(slope, bend, weights)
        gain = float(slope @ step + np.abs(weights + step).sum() - np.abs(weights).sum())
        if -gain <= _FLAT * (
            1 + value
        ):  # too little for a float to see in the objective; the step squares what is left
            return weights + step
        share = 1.0
        while (next_value := _objective(rows, c, weights + share * step)) > value + 0.01 * share * gain:
            share /= 2
        weights, value = weights + share * step, next_value
    return weights


def log_loss(rows: Rows, weights: Numbers) -> float:
    """Return the weighted cross-entropy of predictions, divided by the number of rows, not by the sum of the weights.

    Args:
        rows: What to predict.
        weights: Of a fit.
    """
    chances = np.clip(sigmoid(rows.features @ weights), _SURE, 1 - _SURE)
    losses = -(rows.targets * np.log(chances) + (1 - rows.targets) * np.log(1 - chances))
    return float((rows.weights * losses).sum() / len(rows.targets))


def _objective(rows: Rows, c: float, weights: Numbers) -> float:
    logits = rows.features @ weights
    losses = np.logaddexp(0, logits) - rows.targets * logits
    return float(np.abs(weights).sum() + c * (rows.weights * losses).sum())


def _penalised_step(slope: Numbers, bend: Numbers, weights: Numbers) -> Numbers:
    """Return the step that minimises the quadratic model of the loss plus the penalty, coordinate by coordinate."""
    slopes, bends = slope.tolist(), bend.tolist()
    at: list[float] = weights.tolist()
    step = [0.0] * len(at)
    for _ in range(_MOST_SWEEPS):
        largest = 0.0
        for j, row in enumerate(bends):
            curve = max(row[j], _FLAT)
            here = slopes[j] + sum(one * moved for one, moved in zip(row, step, strict=True))
            moved = _move(here, curve, at[j] + step[j])
            step[j] += moved
            largest = max(largest, abs(moved))
        if largest < _CLOSE / 100:
            break
    return np.asarray(step)


def _move(slope: float, curve: float, weight: float) -> float:
    """Return how far one weight goes: down the curve, or to 0 where the penalty holds it."""
    if slope + 1 <= curve * weight:
        return -(slope + 1) / curve
    if slope - 1 >= curve * weight:
        return -(slope - 1) / curve
    return -weight
