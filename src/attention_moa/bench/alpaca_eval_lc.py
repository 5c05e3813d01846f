"""AlpacaEval's length-controlled win rate: the preferences as they would be at equal lengths. Needs NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from attention_moa.bench.alpaca_eval_rows import Annotation
from attention_moa.bench.bootstrap import SEED, draws_of, interval_of
from attention_moa.bench.logistic import Rows, fit, log_loss, sigmoid
from attention_moa.bench.reading import Place, find_file, number_field, read_csv
from attention_moa.bench.scores import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

FOLDS = 5
STRENGTHS = tuple(10 ** (-4 + 8 * k / 9) for k in range(10))
"""What C is chosen from."""
_ANCHOR_WEIGHT = 0.1
_DRAWS = 500


class Weights(NamedTuple):
    """The weights of one model's fit; the baseline's own are 0.

    Args:
        length: Of the difference of lengths.
        difficulty: Of the instruction's difficulty.
        model: Of the model itself.
    """

    length: float
    difficulty: float
    model: float


BASELINE = Weights(0.0, 0.0, 0.0)


class Anchors(NamedTuple):
    """What holds every fit to the baseline: the benchmark's own numbers.

    Args:
        difficulties: Of the instructions, in their order.
        rows: The baseline's concise and verbose answers, as rows of the fit.
        source: The file that they are from.
    """

    difficulties: Numbers
    rows: Rows
    source: Path

    def at(self, places: Sequence[int]) -> Anchors:
        """Return the same with the difficulties of these questions, by position, in this order."""
        return self._replace(difficulties=self.difficulties[list(places)])


class Fit(NamedTuple):
    """A model's fit.

    Args:
        weights: Of the model.
        c: The strength of the fit, chosen or given.
        predictions: The preferences at equal lengths, 0 to 1, one a row, also for those without a preference.
    """

    weights: Weights
    c: float
    predictions: Numbers

    @property
    def win_rate(self) -> float:
        """The length-controlled win rate, 0 to 100."""
        return 100 * float(self.predictions.mean())

    @property
    def stderr(self) -> float:
        """Its standard error as the benchmark defines it: of the predictions, the fit taken for certain."""
        count = len(self.predictions)
        return 100 * float(self.predictions.std(ddof=1)) / count**0.5 if count > 1 else 0.0


def read_anchors(folder: Path) -> Anchors:
    """Return the benchmark's own numbers.

    Args:
        folder: AlpacaEval's data: ``instruction_difficulty.csv``, and ``df_gamed.csv`` or a stand-in for it.

    Raises:
        ConfigError: A file is not there or wrong.
    """
    path = find_file(folder, "instruction_difficulty.csv")
    difficulties = [number_field(row, "instruction_difficulty", Place(path, line)) for line, row in read_csv(path)]
    names = ("df_gamed.csv", "df_gamed.csv.gz")
    source = next((folder / name for name in names if (folder / name).is_file()), None)
    source = source or find_file(folder, "df_gamed_standin.csv")
    features: list[tuple[float, float, float]] = []
    targets: list[float] = []
    for line, row in read_csv(source):
        place = Place(source, line)
        length, difficulty, target = (
            number_field(row, name, place) for name in ("std_delta_len", "instruction_difficulty", "preference")
        )
        if not 0 <= target <= 1:
            raise place.error(f"not from 0 to 1: {target}", field="preference")
        features.append((float(np.tanh(length)), difficulty, 0.0))
        targets.append(target)
    if not difficulties or not targets:
        raise Place(path if not difficulties else source).error("no rows")
    rows = Rows(np.asarray(features), np.asarray(targets), np.full(len(targets), _ANCHOR_WEIGHT))
    return Anchors(np.asarray(difficulties), rows, source)


def read_weights(path: Path) -> dict[str, Weights]:
    """Return published weights by model.

    Args:
        path: A CSV whose columns are the model, and the weights of length, difficulty and model.

    Raises:
        ConfigError: The file is wrong.
    """
    found: dict[str, Weights] = {}
    for line, row in read_csv(path):
        if len(row) != 4:
            raise Place(path, line).error(f"{len(row)} columns, not a model and its three weights")
        model, *names = row
        length, difficulty, own = (number_field(row, name, Place(path, line)) for name in names)
        found[row[model]] = Weights(length, difficulty, own)
    return found


def at_equal_lengths(weights: Weights, difficulties: Numbers, *, against: Weights = BASELINE) -> Numbers:
    """Return the preferences for a model at equal lengths, 0 to 1, one a difficulty.

    Args:
        weights: Of the model.
        difficulties: Of the instructions.
        against: The weights of the model that it is compared with; the baseline's unless told.
    """
    difficulty, model = weights.difficulty - against.difficulty, weights.model - against.model
    return sigmoid(difficulty * difficulties + model)


def fit_model(
    annotations: Sequence[Annotation], anchors: Anchors, *, c: float | None = None, folds: Sequence[int] | None = None
) -> Fit:
    """Return the fit of one model's preferences.

    Args:
        annotations: Of the model, all with lengths, no more than there are difficulties, at least one with a
            preference.
        anchors: The benchmark's own numbers.
        c: The strength of the fit; None chooses it by cross-validation.
        folds: The fold of each row, 0 to 4, first the anchors' and then the usable ones of the model; None for the
            rule of a stable sort, which counts back from the last row.

    Source: AlpacaEval 0.6.6, ``length_controlled_v1``.
    """
    rows, features = _rows_of(annotations, anchors)
    strength = _chosen(rows, _folds(len(rows.targets)) if folds is None else np.asarray(folds)) if c is None else c
    weights = Weights(*fit(rows, strength).tolist())
    return Fit(weights, strength, at_equal_lengths(weights, features[:, 1]))


def interval_of_fit(annotations: Sequence[Annotation], anchors: Anchors, found: Fit) -> Interval:
    """Return the 95 % interval of the length-controlled win rate: the model is fitted anew to redrawn questions.

    C, the scale of the lengths and the anchors stay as they are.

    Args:
        annotations: What was fitted.
        anchors: The benchmark's own numbers.
        found: The fit.

    Source: ours; the benchmark's standard error takes the fit for certain, and is several times too small.
    """
    rows, features = _rows_of(annotations, anchors)
    fixed = len(anchors.rows.targets)
    usable = np.asarray([one.is_usable for one in annotations])
    start = np.asarray(found.weights)
    rates: list[float] = []
    for drawn in draws_of(len(annotations), _DRAWS, SEED):
        times = np.bincount(drawn, minlength=len(annotations)).astype(float)
        redrawn = rows._replace(weights=np.concatenate([rows.weights[:fixed], times[usable]]))
        weights = Weights(*fit(redrawn, found.c, start=start).tolist())
        rates.append(100 * float(np.average(at_equal_lengths(weights, features[:, 1]), weights=times)))
    return interval_of(rates)


def _rows_of(annotations: Sequence[Annotation], anchors: Anchors) -> tuple[Rows, Numbers]:
    """Return all rows of the fit, the anchors first, and the features of all the model's rows, usable or not.

    The difficulty goes by a row's position in the file, as in the official code: after a missing row each gets its
    neighbour's, unless the anchors were put into the order of the rows (``Anchors.at``).
    """
    shorter = np.asarray([(one.len_baseline or 0) - (one.len_output or 0) for one in annotations], dtype=float)
    scale = float(shorter.std(ddof=1)) if len(shorter) > 1 else 0.0
    lengths = np.tanh(shorter / scale) if scale else np.sign(shorter) * np.tanh(1.0)
    features = np.column_stack([lengths, anchors.difficulties[: len(annotations)], np.ones(len(annotations))])
    usable = np.asarray([one.is_usable for one in annotations])
    targets = np.asarray([one.preference - 1 for one in annotations])[usable]
    rows = Rows(
        np.concatenate([anchors.rows.features, features[usable]]),
        np.concatenate([anchors.rows.targets, targets]),
        np.concatenate([anchors.rows.weights, np.ones(len(targets))]),
    )
    return rows, features


def _folds(count: int) -> NDArray[np.int_]:
    return (count - 1 - np.arange(count)) % FOLDS


def _chosen(rows: Rows, folds: NDArray[np.int_]) -> float:
    """Return the strength whose predictions of the folds that it has not seen are best; the least on a tie."""
    losses = [sum(_loss(rows, folds == fold, c) for fold in range(FOLDS)) for c in STRENGTHS]
    return STRENGTHS[losses.index(min(losses))]


def _loss(rows: Rows, unseen: NDArray[np.bool_], c: float) -> float:
    return log_loss(rows.where(unseen), fit(rows.where(~unseen), c))
