"""FLASK: average scores by skill, by domain and by difficulty, out of a judge's reviews."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from attention_moa.bench.bootstrap import (
    DRAWS,
    FEW,
    Range,
    draws_of,
    interval_of,
    mean_interval,
    ratio_interval,
    widened,
)
from attention_moa.bench.flask_judge import KEYS
from attention_moa.bench.flask_rows import Instance, Review, read_hard_set, read_reviews
from attention_moa.bench.reading import benchmark_folder
from attention_moa.bench.scores import Interval, Score, TaskScores

_TASK = "flask"
_SCALE: Range = (1.0, 5.0)

SKILLS_MEAN = "skills_mean"
"""The plain mean of the skills' means: FLASK has no score of everything, so this one is ours."""


def score(files: Sequence[Path], data: Path, *, asked: Collection[str] | None = None) -> TaskScores:
    """Return FLASK's scores of one model.

    Args:
        files: The reviews of its answers; several files are read as one.
        data: The folder that holds ``flask``.
        asked: Ids of the questions that were asked, where the files are of a run of ours: only these can be missing.
            None for files from elsewhere: they should have the whole hard set.

    Raises:
        ConfigError: A file is wrong; names file, line and field.

    Source: FLASK's ``aggregate_skill.py`` and ``aggregate_difficulty_skill.py``; the intervals are ours.
    """
    hard_set = read_hard_set(benchmark_folder(data, "flask"))
    reviews = read_reviews(files, hard_set, asked)
    keys = [key for key in KEYS if any(key in one.instance.keys for one in reviews)]
    skills = [_skill(f"skills.{key}.average", key, reviews) for key in keys]
    scores = [*_mean_of_skills(skills, reviews), *skills]
    scores += [*_domains(reviews), *_difficulties(reviews), *_sums(reviews, keys), *_counts(reviews)]
    return TaskScores(_TASK, ", ".join(map(str, files)), tuple(scores), tuple(_notes(reviews, hard_set)))


def _skill(name: str, key: str, reviews: Sequence[Review]) -> Score:
    """Return the plain mean of a skill's scores; what does not apply is neither counted nor missing."""
    values = _values(key, reviews)
    value = math.fsum(values) / len(values) if values else None
    return Score(name, value, len(values), _missing(key, reviews), mean_interval(values, within=_SCALE))


def _mean_of_skills(skills: Sequence[Score], reviews: Sequence[Review]) -> Iterator[Score]:
    """Yield the plain mean of the skills' means, where any skill was asked for."""
    if not skills:
        return
    known = [score.value for score in skills if score.value is not None]
    n, missing = sum(score.n for score in skills), sum(score.missing for score in skills)
    yield Score(SKILLS_MEAN, fmean(known) if known else None, n, missing, _interval_of_mean(reviews))


def _interval_of_mean(reviews: Sequence[Review]) -> Interval | None:
    """Return the interval of the mean of skills: whole instances are redrawn, each with all of its skills."""
    told = [one.said.scores for one in reviews if one.said and one.said.scores]
    if len(told) < 2:
        return None
    found = interval_of([_mean_over(told[at] for at in drawn) for drawn in draws_of(len(told), DRAWS)])
    pairs = [(math.fsum(scores.values()), float(len(scores))) for scores in told]
    return widened(pairs, _SCALE, found) if len(told) < FEW or found.low == found.high in _SCALE else found


def _mean_over(told: Iterable[Mapping[str, float]]) -> float:
    """Return the mean of the skills' means over instances."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for scores in told:
        for key, value in scores.items():
            values[key].append(value)
    return fmean(sum(some) / len(some) for some in values.values())


def _values(key: str, reviews: Sequence[Review]) -> list[float]:
    return [one.said.scores[key] for one in reviews if one.said and key in one.said.scores]


def _missing(key: str, reviews: Sequence[Review]) -> int:
    asked = [one.said for one in reviews if key in one.instance.keys]
    return sum(said is None or key in said.missing([key]) for said in asked)


def _domains(reviews: Sequence[Review]) -> Iterator[Score]:
    """Yield the mean of all scores in each domain: those of an instance count in every one that it has."""
    for domain in dict.fromkeys(domain for one in reviews for domain in one.instance.domains):
        ours = [one for one in reviews if domain in one.instance.domains]
        told = [list(one.said.scores.values()) for one in ours if one.said]
        sums, counts = [math.fsum(values) for values in told], [len(values) for values in told]
        n = sum(counts)
        missing = sum(len(one.said.missing(one.instance.keys) if one.said else one.instance.keys) for one in ours)
        value = math.fsum(sums) / n if n else None
        yield Score(f"by_domain.{domain}", value, n, missing, ratio_interval(sums, counts, within=_SCALE))


def _difficulties(reviews: Sequence[Review]) -> Iterator[Score]:
    """Yield each skill's mean within a level, where there are several levels: the hard set has one."""
    levels = dict.fromkeys(one.instance.difficulty for one in reviews if one.instance.difficulty is not None)
    for level in levels if len(levels) > 1 else ():
        ours = [one for one in reviews if one.instance.difficulty == level]
        keys = [key for key in KEYS if any(key in one.instance.keys for one in ours)]
        yield from (_skill(f"by_difficulty.{level}.{key}", key, ours) for key in keys)


def _sums(reviews: Sequence[Review], keys: Sequence[str]) -> Iterator[Score]:
    for key in keys:
        values, missing = _values(key, reviews), _missing(key, reviews)
        yield Score(f"skills.{key}.sum", math.fsum(values), len(values), missing)
        yield Score(f"skills.{key}.count", len(values), len(values), missing)


def _counts(reviews: Sequence[Review]) -> Iterator[Score]:
    """Yield how many reviews cannot be read, and how many scores do not apply or were refused."""
    there = [one for one in reviews if one.is_there]
    told = [one.said for one in there if one.said]
    unreviewed = len(reviews) - len(there)
    yield Score("n_reviews", len(there), len(there), unreviewed)
    yield Score("n_unparsed", len(there) - len(told), len(there))
    yield Score("n_not_applicable", sum(len(said.not_applicable) for said in told), len(told))
    yield Score("n_refused", sum(len(said.refused) for said in told), len(told))


def _notes(reviews: Sequence[Review], hard_set: Mapping[int, Instance]) -> Iterator[str]:
    known = set(map(id, hard_set.values()))
    if strange := sum(id(one.instance) not in known for one in reviews):
        yield f"{strange} of {len(reviews)} reviews are of no instance of the hard set: what is missing is not known"
    there = [one for one in reviews if one.is_there]
    told = [one.said for one in there if one.said]
    if unread := len(there) - len(told):
        yield f"of {len(there)} reviews, {unread} without scores that can be read: missing, not a number"
    if unreviewed := len(reviews) - len(there):
        yield f"instances of the hard set without a review: {unreviewed}"
    if refused := [entry for said in told for entry in said.refused]:
        yield f"refused, being no 1 to 5 or a skill not asked for: {len(refused)} scores, such as {refused[0][:60]!r}"
