"""AlpacaEval 2.0: win rate, length-controlled win rate, their errors and the average length, out of annotations."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from attention_moa.bench.alpaca_eval_rows import Annotation, read_annotations
from attention_moa.bench.bootstrap import PERCENT, mean_interval
from attention_moa.bench.reading import Place, benchmark_folder
from attention_moa.bench.scores import Interval, Score, TaskScores

_TASK = "alpaca-eval"
LENGTH_CONTROLLED = "length_controlled_winrate"
LEAST_FITTED = 10
"""Judged questions below which there is no length-controlled win rate: strength is chosen in five folds of them."""
LEAST_JUDGED = 50
"""Judged questions below which it is a number to look at, and no score to compare by."""
_SAMPLE = 20
_NEEDS_NUMPY = "no length-controlled win rate: it needs NumPy (pip install 'attention-moa[bench]')"
_NEEDS_LENGTHS = "no length-controlled win rate: the file has no lengths"
_NEEDS_MORE = (
    f"no length-controlled win rate: {{}} judged questions are too few to fit lengths to, it takes {LEAST_FITTED}"
)
_FEW = (
    "CAUTION: the length-controlled win rate is fitted to {} judged questions: with fewer than "
    f"{LEAST_JUDGED} it says little, compare by the plain one"
)
_NEEDS_PREFERENCES = "no length-controlled win rate: no judgement can be used"


class _Controlled(NamedTuple):
    """The length-controlled win rate, or why there is none."""

    win_rate: float | None = None
    stderr: float | None = None
    interval: Interval | None = None
    notes: tuple[str, ...] = ()


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return AlpacaEval's scores of one model.

    Args:
        files: Its annotations: the official ``annotations.json``, or rows of ``preference``, ``len_baseline`` and
            ``len_output``; several files are read as one.
        data: The folder that holds ``alpaca_eval``.
        asked: Positions of the questions that were asked, where the files are of a run of ours: only these can be
            missing, and each row has its own question's difficulty. None for files from elsewhere: there a row's
            position in the file says which difficulty it has, as in the official code.

    Raises:
        ConfigError: A file is wrong, or has a question that was not asked; names file, line and field.

    Source: AlpacaEval 0.6.6; the intervals are ours.
    """
    folder = benchmark_folder(data, "alpaca_eval")
    annotations = [one for path in files for one in read_annotations(path, folder)]
    places = None if asked is None else _places(annotations, asked, files[-1])
    plain = plain_scores(annotations, gaps=None if asked is None else 0)
    controlled = _controlled(annotations, folder, files[-1], places)
    missing = sum(not one.is_usable for one in annotations)
    count = len(annotations) - missing
    lengths = (
        Score(LENGTH_CONTROLLED, controlled.win_rate, count, missing, controlled.interval, controlled.stderr),
        Score("lc_standard_error", controlled.stderr, count, missing),
    )
    notes = [*(_gaps(annotations) if places is None else _own_places(places)), *controlled.notes]
    win_rate = plain[0].value
    if controlled.win_rate is not None and win_rate is not None and is_far(controlled.win_rate, win_rate):
        notes.append("the length-controlled win rate is far from the plain one: look at both")
    unseen = 0 if asked is None else len(asked) - len(annotations)
    scores = (replace(one, missing=one.missing + unseen) for one in (*plain, *lengths))
    return TaskScores(_TASK, ", ".join(map(str, files)), tuple(scores), tuple(notes))


def plain_scores(annotations: Sequence[Annotation], *, gaps: int | None = None) -> tuple[Score, ...]:
    """Return the scores that need no fit: win rate first, then its standard error, counts, and the average length.

    Args:
        annotations: Of one model.
        gaps: How many questions count as answers of no length; None for those that ``left_out`` finds.
    """
    wins = [one.preference - 1 for one in annotations if one.is_usable]
    n, missing = len(wins), len(annotations) - len(wins)
    won, lost = sum(win > 0.5 for win in wins), sum(win < 0.5 for win in wins)
    discrete = [100.0 * ((win > 0.5) + (win == 0.5) / 2) for win in wins]
    percents = [100 * win for win in wins]
    stderr = _standard_error(percents)
    return (
        Score("win_rate", _mean(percents), n, missing, mean_interval(percents, within=PERCENT), stderr),
        Score("standard_error", stderr, n, missing),
        Score("n_wins", won, n, missing),
        Score("n_wins_base", lost, n, missing),
        Score("n_draws", n - won - lost, n, missing),
        Score("n_total", n, n, missing),
        Score("discrete_win_rate", _mean(discrete), n, missing, mean_interval(discrete, within=PERCENT)),
        _average_length(annotations, left_out(annotations) if gaps is None else gaps),
    )


def is_far(controlled: float, plain: float) -> bool:
    """Return whether the length-controlled win rate is farther from the plain one than length alone explains.

    Args:
        controlled: 0 to 100.
        plain: 0 to 100.

    Source: AlpacaEval 0.6.6, the warning on extreme changes.
    """
    low = min(plain - plain / 4, plain - 10)
    high = max(plain + (100 - plain) / 4, plain + 10)
    return not low <= controlled <= high


def _controlled(
    annotations: Sequence[Annotation], folder: Path, path: Path, places: Sequence[int] | None
) -> _Controlled:
    judged = sum(one.is_usable for one in annotations)
    if not judged:
        return _Controlled(notes=(_NEEDS_PREFERENCES,))
    if any(one.len_baseline is None or one.len_output is None for one in annotations):
        return _Controlled(notes=(_NEEDS_LENGTHS,))
    if _is_baseline(annotations):
        return _Controlled(50.0, 0.0, Interval(50.0, 50.0), ("these are the baseline's own answers: 50 by definition",))
    if find_spec("numpy") is None:
        return _Controlled(notes=(_NEEDS_NUMPY,))
    from attention_moa.bench.alpaca_eval_lc import fit_model, interval_of_fit, read_anchors

    anchors = read_anchors(folder)
    needed = len(annotations) if places is None else max(places) + 1
    if needed > len(anchors.difficulties):
        raise Place(path).error(f"{needed} annotations, but {len(anchors.difficulties)} difficulties")
    if judged < LEAST_FITTED:
        return _Controlled(notes=(_NEEDS_MORE.format(judged),))
    if places is not None:
        anchors = anchors.at(places)
    fit = fit_model(annotations, anchors)
    length, difficulty, model = fit.weights
    notes = (
        *([_FEW.format(judged)] if judged < LEAST_JUDGED else []),
        f"fit: length {length:.4f}, difficulty {difficulty:.4f}, model {model:.4f}; C {fit.c:.4g} by cross-validation; "
        f"held to the baseline by {anchors.source.name}",
    )
    return _Controlled(fit.win_rate, fit.stderr, interval_of_fit(annotations, anchors, fit), notes)


def _is_baseline(annotations: Sequence[Annotation]) -> bool:
    """Return whether every answer is the baseline's own: each one a draw without a call, and as long."""
    return all(one.preference == 1.5 and one.len_output == one.len_baseline for one in annotations)


def _average_length(annotations: Sequence[Annotation], gaps: int) -> Score:
    """Return the average length, cut to a whole number of characters."""
    told: list[float] = [one.len_output for one in annotations if one.len_output is not None]
    lengths = [*told, *[0.0] * gaps] if told else []
    mean = _mean(lengths)
    value = None if mean is None else int(mean)
    return Score("avg_length", value, len(lengths), len(annotations) - len(told), mean_interval(lengths))


def left_out(annotations: Sequence[Annotation]) -> int:
    """Return how many questions between the first and the last of a file have no row.

    They count as answers of no length: the published averages are over all of a model's answers, and come out so. Where
    more than a few are not there, the file is a sample, and they count as nothing: 0.

    Args:
        annotations: Of one model.
    """
    places = [one.instruction for one in annotations if one.instruction is not None]
    gaps = max(places, default=-1) + 1 - len(set(places))
    return gaps if len(places) == len(annotations) and gaps * _SAMPLE <= len(places) else 0


def _gaps(annotations: Sequence[Annotation]) -> Iterator[str]:
    """Yield what is to be said of rows that are not where they should be."""
    if gaps := left_out(annotations):
        yield f"{gaps} questions have no row: the average length takes their answers for empty"
    if any(one.instruction not in (None, place) for place, one in enumerate(annotations)):
        yield (
            "some questions are missing or in another order: the length-controlled fit takes difficulties by a row's "
            "position in the file, as the official code does"
        )


def _places(annotations: Sequence[Annotation], asked: Collection[str], path: Path) -> list[int]:
    """Return the questions of the rows of a run of ours, by position in the baseline's list."""
    places = [one.instruction for one in annotations if one.instruction is not None and str(one.instruction) in asked]
    if len(places) < len(annotations):
        raise Place(path).error("a row is of no question that was asked")
    return places


def _own_places(places: Sequence[int]) -> Iterator[str]:
    """Yield what is to be said where a row's position is not that of its question."""
    if any(own != place for place, own in enumerate(places)):
        yield (
            "the length-controlled fit takes each question's own difficulty; the official code goes by a row's "
            "position in the file, and gives another length-controlled win rate for the same annotations"
        )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of a mean; None where there are fewer than two values."""
    mean = _mean(values)
    if mean is None or len(values) < 2:
        return None
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))
