"""Evidence becomes a proof: comparisons, frontier, verdict, and the files that a reader opens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean, median

from msgspec.structs import replace

from attention_moa.bench.answers import answered, write_answers
from attention_moa.bench.documents import write_document
from attention_moa.bench.judge_runs import judge_warnings
from attention_moa.bench.judgements import write_details
from attention_moa.bench.paired import EVEN
from attention_moa.bench.prove_account import all_costs, all_runs, judge_account, spent_parts, usd_each
from attention_moa.bench.prove_evidence import Evidence
from attention_moa.bench.prove_floor import PILOT
from attention_moa.bench.prove_frontier import Point, point, reference_point, with_frontier
from attention_moa.bench.prove_result import JudgeAccount, Proof, SystemProof
from attention_moa.bench.prove_scores import by_kind, is_checkable, is_right
from attention_moa.bench.prove_spend import Ratio, least_cost
from attention_moa.bench.prove_verdict import Comparison, compared, decide
from attention_moa.bench.prove_words import LEAST_AGREED, is_fickle, percent, verdict_words
from attention_moa.bench.questions import OWN, Question
from attention_moa.bench.results import Results, SystemResult, result_of
from attention_moa.bench.scores import Interval, Score
from attention_moa.bench.settings_file import Settings
from attention_moa.bench.sums import money_of, sum_of
from attention_moa.bench.systems import System
from attention_moa.money import dollars

_LONGER = 1.25
"""So many times as long, and a judge's taste for length may be what is measured."""


def proof_of(settings: Settings, found: Evidence) -> Proof:
    """Return what the evidence comes to.

    Args:
        settings: What was proven.
        found: All that was answered and judged.
    """
    others = [one.name for one in found.systems[1:]]
    scores = {name: found.scores(name) for name in others}
    ratios = {name: found.cost_ratio(name) for name in others}
    rows = tuple(compared(name, list(scores[name].values()), cost_ratio=ratios[name]) for name in others)
    kinds = {kind: _rows_of(of_it, scores, ratios) for kind, of_it in by_kind(found.questions).items()}
    verdict = decide(rows, kinds)
    is_checked = all(is_checkable(one) for one in found.questions)
    costs, runs, each, judged = all_costs(found), all_runs(found), usd_each(found), judge_account(found)
    words = verdict_words(
        verdict,
        rows,
        ensemble=found.ensemble.name,
        usd_each=each,
        agreed=None if judged is None else judged.agreed,
        sized=found.sizes,
    )
    return Proof(
        ensemble=found.ensemble.name,
        verdict=verdict,
        words=words,
        prompts=sum(all(one.id in of_it for of_it in scores.values()) for one in found.questions) if scores else 0,
        asked=len(found.questions) + len(found.best.prompts),
        unit=found.unit,
        best=found.best,
        comparisons=rows,
        by_kind=kinds,
        quality_is="right" if is_checked else "score",
        frontier=with_frontier(list(_points(found, scores, is_checked=is_checked))),
        systems=tuple(_system(one, found) for one in found.systems),
        judge=judged,
        spent=tuple(spent_parts(found)),
        usd=sum_of(costs).usd or 0.0,
        unpriced=sum(cost.is_lower_bound for cost in costs),
        cut_off=sum(line.is_cut_off for line in runs),
        usd_each=each.usd or None,
        usd_each_is_lower_bound=each.is_lower_bound,
        stopped=_stopped(found, settings),
        warnings=(*settings.warnings, *_warnings(found, rows, judged)),
        data=settings.data,
        data_fingerprint=settings.data_fingerprint,
        seed=found.seed,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        settings_hash=settings.hash,
        versions=settings.versions,
    )


def write_proof(folder: Path, proof: Proof, found: Evidence, settings: Settings) -> None:
    """Write what a reader opens: ``prove.json``, and the files that every benchmark's folder has.

    Args:
        folder: Where.
        proof: The proof.
        found: What it rests on.
        settings: What was proven.

    Raises:
        StoreError: Something cannot be written.
    """
    whole = replace(settings, systems=found.systems)
    write_document(folder / "settings.json", whole)
    results = [_result(one, found, folder) for one in found.systems]
    points = {one.system: one for one in proof.frontier}
    rows = {one.system: one for one in proof.comparisons}
    scored = [replace(one, scores=tuple(_scores(points[one.name], rows.get(one.name), proof))) for one in results]
    for place, said in ((folder, found.said), (folder / PILOT, found.pilot_said)):
        for system, pairs in said.items():
            judgements = [judgement for pair in pairs for judgement in pair.judgements]
            write_details(place / "judgements" / f"{system}.jsonl", judgements)
    write_document(folder / "scores.json", _results(whole, proof, scored))
    write_document(folder / "prove.json", proof)


def _rows_of(
    questions: Sequence[Question],
    scores: Mapping[str, Mapping[str, float | None]],
    ratios: Mapping[str, Ratio | None],
) -> tuple[Comparison, ...]:
    ids = [one.id for one in questions]
    return tuple(
        compared(name, [of_it[key] for key in ids if key in of_it], cost_ratio=ratios[name])
        for name, of_it in scores.items()
    )


def _points(found: Evidence, scores: Mapping[str, Mapping[str, float | None]], *, is_checked: bool) -> Iterator[Point]:
    for system in found.systems:
        lines = found.lines[system.name]
        costs = [least_cost(line, found.unit) for line in lines.values()]
        if is_checked:
            right = [float(is_right(one, lines[one.id].text)) for one in found.questions if one.id in lines]
            yield point(system.name, costs, right)
        elif system is found.systems[0]:
            yield reference_point(system.name, costs, len(lines))
        else:
            of_it = scores[system.name].values()
            yield point(system.name, costs, [None if score is None else 1 - score for score in of_it])


def _system(system: System, found: Evidence) -> SystemProof:
    lines = list(found.lines[system.name].values())
    texts = [line.text for line in lines if line.text is not None]
    money = sum_of(line.money for line in lines)
    return SystemProof(
        name=system.name,
        strategy=system.spec.strategy,
        answered=len(texts),
        failed=len(lines) - len(texts),
        average_length=fmean(map(len, texts)) if texts else None,
        median_s=median(line.seconds for line in lines) if lines else None,
        usd=money.usd,
        is_lower_bound=money.is_lower_bound,
        size=found.sizes.get(system.name),
    )


def _stopped(found: Evidence, settings: Settings) -> str | None:
    budget = settings.budget_usd
    if budget is None or not found.is_stopped:
        return None
    reached = ", ".join(f"{len(found.lines[one.name])} ({one.name})" for one in found.systems)
    return f"stopped by the budget of {dollars(budget)}: of {len(found.questions)} prompts it reached {reached}"


def _warnings(found: Evidence, rows: Sequence[Comparison], judged: JudgeAccount | None) -> Iterator[str]:
    if found.judge is not None:
        yield from judge_warnings(found.judge, found.systems[:1])
    if judged is not None and is_fickle(judged.agreed):
        yield (
            f"the judge {judged.judge} agrees with itself in both orders on {percent(judged.agreed)} of "
            f"{judged.comparisons:,} pairs, fewer than {percent(LEAST_AGREED)}: take another judge, or give right "
            "answers where there are any"
        )
    yield from _length_warnings(found, rows)


def _length_warnings(found: Evidence, rows: Sequence[Comparison]) -> Iterator[str]:
    if found.judge is None:
        return
    lengths = {one.name: _system(one, found).average_length or 0.0 for one in found.systems}
    ours = lengths[found.ensemble.name]
    won = [row.system for row in rows if (row.rate or 0.0) > EVEN]
    times = [ours / lengths[name] for name in won if ours > _LONGER * lengths[name] > 0]
    if times:
        span = f"{min(times):.1f}" if min(times) == max(times) else f"{min(times):.1f} to {max(times):.1f}"
        yield (
            f"{found.ensemble.name} writes {span} times as much as {len(times)} of the {len(won)} baselines that it "
            "beats: many judges prefer what is longer"
        )


def _result(system: System, found: Evidence, folder: Path) -> SystemResult:
    lines = {(key, 1): line for key, line in found.lines[system.name].items()}
    of_it = answered(found.questions, lines)
    write_answers(OWN, folder / "answers", system.name, of_it)
    return result_of(system, of_it)


def _scores(one: Point, row: Comparison | None, proof: Proof) -> Iterator[Score]:
    """Yield the share of right answers where all can be checked, and the ensemble's score against each other system."""
    if proof.quality_is == "right":
        yield _score("accuracy", one.quality, one.quality_interval, n=one.n)
    if row is not None:
        counts = row.counts
        yield _score("ensemble_score_against_it", row.rate, row.interval, n=counts.n, missing=counts.missing)


def _score(name: str, value: float | None, interval: Interval | None, *, n: int, missing: int = 0) -> Score:
    percents = None if interval is None else Interval(100 * interval.low, 100 * interval.high)
    return Score(name=name, value=None if value is None else 100 * value, n=n, missing=missing, interval=percents)


def _results(settings: Settings, proof: Proof, systems: Sequence[SystemResult]) -> Results:
    return Results(
        task=OWN,
        data=settings.data,
        data_fingerprint=settings.data_fingerprint,
        total=proof.asked,
        asked=proof.asked - len(proof.best.prompts),
        limit=settings.limit,
        seed=settings.seed,
        max_tokens=settings.max_tokens,
        judge=settings.judge,
        date=proof.date,
        settings_hash=settings.hash,
        versions=settings.versions,
        stopped=proof.stopped,
        usd=money_of(proof.usd, is_lower_bound=proof.unpriced > 0).usd,
        usd_is_lower_bound=proof.unpriced > 0,
        systems=tuple(systems),
        headline=" ".join(proof.words),
        warnings=proof.warnings,
    )
