"""What a sweep came to: ``sweep.json``, a row a point."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from attention_moa.bench.bootstrap import mean_interval
from attention_moa.bench.own_file import agrees
from attention_moa.bench.questions import OWN, Question
from attention_moa.bench.report_scores import counted_score, main_name
from attention_moa.bench.results import Results, SystemResult, told_notes
from attention_moa.bench.run_lines import Key, RunLine, read_lines_of
from attention_moa.bench.scores import Interval, Score
from attention_moa.bench.sweep_points import Point

FORM = 1
_DIFFERENCE = (-100.0, 100.0)
_EARLY = frozenset({"verdict", "similarity"})
_BY_RULE = frozenset({OWN, "gsm8k"})


class Amount(Struct, frozen=True, kw_only=True):
    """A mean over questions.

    Args:
        mean: In the unit of its name.
        interval: Its 95 % interval; None for fewer than two questions, and of a lower bound.
        is_lower_bound: Whether more belongs to it that nobody told.
    """

    mean: float
    interval: Interval | None = None
    is_lower_bound: bool = False


class PointResult(Struct, frozen=True, kw_only=True):
    """What one point came to.

    Args:
        labels: What its values are called, in the order of the axes.
        benchmark: What was asked.
        system: What answered, and all that is known of it.
        score: The score that points are compared by, without a value where all that it should be of is missing; None
            where there is none.
        against_first: How much better it did than the first point on the same questions, in the score's unit; None
            where the benchmark does not score each question by itself.
        usd: Money a question; None where nothing is known.
        tokens: Tokens a question, of prompts and replies; None where nothing is known.
        seconds: Of a run.
        layers: The most that a run has.
        ended_in: Shares of the runs by the layer in which a rule stopped them, by number of the layer; those that went
            on to the end are in none.
        tokens_saved: The share of tokens saved on the same questions against the point that is the same but for never
            stopping early; None where there is none such.
    """

    labels: tuple[str, ...]
    benchmark: str
    system: SystemResult
    score: Score | None = None
    against_first: Amount | None = None
    usd: Amount | None = None
    tokens: Amount | None = None
    seconds: Amount | None = None
    layers: int = 0
    ended_in: Mapping[str, float] = {}
    tokens_saved: float | None = None

    @property
    def label(self) -> str:
        """All its values in a line."""
        return ", ".join(self.labels)

    @property
    def stopped(self) -> float:
        """The share of the runs that stopped before their last layer."""
        return sum(share for layer, share in self.ended_in.items() if int(layer) < self.layers)


class SweepResults(Struct, frozen=True, kw_only=True):
    """What a whole sweep came to.

    Args:
        title: One line.
        description: What it was to find out.
        axes: What was varied.
        points: In order.
        left_out: Combinations that were not run, a sentence each.
        task: The benchmark; ``file`` for files of questions.
        asked: Questions of each set.
        judge: Who judged; None for nobody.
        max_tokens: The cap of every reply; None for none.
        date: When it ended, ISO 8601 in UTC.
        settings_hashes: Of the benchmarks that it is made of, by what was asked.
        versions: Of what made them.
        usd: All of it, as far as it is known; None where nothing is.
        usd_is_lower_bound: Whether more belongs to it that nobody told.
        warnings: What a reader has to know.
        notes: What else there is to know of points, a sentence each.
        form: Of this document.
    """

    title: str
    description: str
    axes: tuple[str, ...]
    points: tuple[PointResult, ...]
    left_out: tuple[str, ...]
    task: str
    asked: int
    judge: str | None
    max_tokens: int | None
    date: str
    settings_hashes: Mapping[str, str]
    versions: Mapping[str, str]
    usd: float | None
    usd_is_lower_bound: bool = False
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    form: int = FORM


class Ran(Struct, frozen=True, kw_only=True):
    """One set of questions, with all points that answered it.

    Args:
        results: What the benchmark came to.
        folder: Where it is.
        questions: What was asked.
    """

    results: Results
    folder: Path
    questions: tuple[Question, ...]


def point_results(points: Sequence[Point], ran: Mapping[str, Ran]) -> tuple[PointResult, ...]:
    """Return what each point came to.

    Args:
        points: Of a sweep.
        ran: By what was asked.

    Raises:
        ConfigError: A file of runs is damaged.
    """
    lines = {one.system.name: _lines(one, ran[one.benchmark]) for one in points}
    found: list[PointResult] = []
    for point in points:
        place = ran[point.benchmark]
        first = next(one for one in points if one.benchmark == point.benchmark)
        reference = None if first is point else lines[first.system.name]
        found.append(_point(point, place, lines[point.system.name], against=reference))
    return tuple(
        replace(result, tokens_saved=_saved(point, points, lines)) for point, result in zip(points, found, strict=True)
    )


def missing_judgements(points: Sequence[PointResult]) -> list[str]:
    """Return, in a sentence, how many judgements are missing in all, and how many of each point; nothing for none.

    Args:
        points: Of a sweep.
    """
    judged = {one.label: one.system.judgement for one in points if one.system.judgement}
    lost = {label: (its["missing"], its["n"]) for label, its in judged.items() if its["missing"]}
    if not lost:
        return []
    of_each = ", ".join(f"{label}: {missing:,} of {n:,}" for label, (missing, n) in lost.items())
    total = sum(its["n"] for its in judged.values())
    return [f"{sum(missing for missing, _ in lost.values()):,} of {total:,} judgements are missing ({of_each})"]


def point_notes(points: Sequence[PointResult]) -> list[str]:
    """Return what there is to know of points, with which ones it is said of.

    Args:
        points: Of a sweep.
    """
    notes = list(told_notes([replace(one.system, name=one.label) for one in points]))
    if any(one.tokens_saved is not None for one in points) and not any(one.stopped for one in points):
        notes.insert(0, "no run stopped early: nothing here says what early stopping saves or costs")
    return notes


def _lines(point: Point, place: Ran) -> tuple[RunLine, ...]:
    """Return the runs on what was asked this time: those on other questions stay in the file."""
    asked = {one.id for one in place.questions}
    lines = read_lines_of(place.folder / "runs" / f"{point.system.name}.jsonl")
    return tuple(line for line in lines if line.question in asked)


def _point(point: Point, place: Ran, lines: Sequence[RunLine], *, against: Sequence[RunLine] | None) -> PointResult:
    system = next(one for one in place.results.systems if one.name == point.system.name)
    ended = Counter(str(line.layers) for line in lines if line.ended_by in _EARLY)
    return PointResult(
        labels=point.labels,
        benchmark=point.benchmark,
        system=system,
        score=counted_score(system, main_name(place.results.task, place.results.systems) or ""),
        against_first=_difference(place, lines, against),
        usd=_known([line.usd or 0.0 for line in lines], [not line.money.is_lower_bound for line in lines]),
        tokens=_known([float(line.tokens) for line in lines], [line.has_all_tokens for line in lines]),
        seconds=_amount([line.seconds for line in lines if line.calls]),
        layers=point.system.spec.layers,
        ended_in={layer: count / len(lines) for layer, count in sorted(ended.items())},
    )


def _amount(values: Sequence[float]) -> Amount | None:
    return Amount(mean=statistics.fmean(values), interval=mean_interval(values)) if values else None


def _known(values: Sequence[float], are_whole: Sequence[bool]) -> Amount | None:
    """Return a mean of what is known; None where nothing is. What is incomplete has no interval."""
    if all(are_whole):
        return _amount(values)
    return Amount(mean=statistics.fmean(values), is_lower_bound=True) if any(values) else None


def _difference(place: Ran, lines: Sequence[RunLine], against: Sequence[RunLine] | None) -> Amount | None:
    """Return the mean difference to other runs on the questions that both have, where each is right or wrong."""
    if against is None or place.results.task not in _BY_RULE:
        return None
    right = {one.id: one.reference for one in place.questions if one.reference is not None}
    ours, theirs = _verdicts(lines, right), _verdicts(against, right)
    found = [ours[name] - theirs[name] for name in ours if name in theirs]
    return Amount(mean=statistics.fmean(found), interval=mean_interval(found, within=_DIFFERENCE)) if found else None


def _verdicts(lines: Sequence[RunLine], right: Mapping[str, str]) -> dict[str, float]:
    return {
        line.question: 100.0 * (line.text is not None and agrees(line.text, right[line.question]))
        for line in lines
        if line.question in right
    }


def _saved(point: Point, points: Sequence[Point], lines: Mapping[str, Sequence[RunLine]]) -> float | None:
    """Return the share of tokens saved by stopping early."""
    other = next((one for one in points if _never_stops(one, point)), None)
    if other is None:
        return None
    whole, ours = (_whole_tokens(lines[one.system.name]) for one in (other, point))
    both = [key for key in ours if key in whole]
    together = sum(whole[key] for key in both)
    return 1.0 - sum(ours[key] for key in both) / together if together else None


def _whole_tokens(lines: Sequence[RunLine]) -> dict[Key, int]:
    """Return the tokens of the runs that finished and of which all are known."""
    return {line.key: line.tokens for line in lines if line.state == "finished" and line.has_all_tokens}


def _never_stops(one: Point, point: Point) -> bool:
    """Whether a point is another one with the rule of early stopping taken away."""
    ours, theirs = point.system.spec, one.system.spec
    if one is point or one.benchmark != point.benchmark or ours.strategy != theirs.strategy:
        return False
    return theirs.early_stop.rule == "none" and replace(ours, early_stop=theirs.early_stop) == theirs
