"""A sweep from its points to its report: each set of questions is one benchmark, with a system a point."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from attention_moa.bench.documents import write_document
from attention_moa.bench.judge_runs import judge_warnings, unasked
from attention_moa.bench.judges import judge_settings
from attention_moa.bench.questions import QuestionSet, read_question_set
from attention_moa.bench.report import write_report
from attention_moa.bench.running import UNJUDGED, Wanted, require_able
from attention_moa.bench.sums import Money, sum_of
from attention_moa.bench.sweep_file import SweepSpec
from attention_moa.bench.sweep_points import Points
from attention_moa.bench.sweep_prompts import SETS, write_set
from attention_moa.bench.sweep_report import table_of, write_sweep_report
from attention_moa.bench.sweep_results import Ran, SweepResults, missing_judgements, point_notes, point_results
from attention_moa.bench.systems import System
from attention_moa.cli.bench_options import Work
from attention_moa.cli.bench_views import run_shown
from attention_moa.cli.bench_work import judge_of, require_judge, settings_of, tell_kept
from attention_moa.cli.layout import table
from attention_moa.cli.output import room_of, say, say_json, tell
from attention_moa.config import EnsembleSpec
from attention_moa.errors import ConfigError

_LEAST_USD = 1e-9


@dataclass(frozen=True, kw_only=True)
class Told(Work):
    """What the command line says, as it says it."""

    sweep: str | None
    ensemble: str | None
    benchmark: str | None
    data: Path | None
    is_unjudged: bool


def run_sweep(told: Told, spec: SweepSpec, points: Points, *, is_json: bool) -> int:
    """Return the exit code of a sweep: all points of one set of questions after those of another.

    Args:
        told: What the command line says.
        spec: The sweep, as the command line changes it.
        points: Its points.
        is_json: Whether the results are printed as JSON, and nothing else is told.

    Raises:
        ConfigError: The questions or the judge are wrong, or another sweep ran in the folder.
        StoreError: The folder or the journal cannot be written.
    """
    folder = told.out or Path(f"sweep-{Path(told.sweep or '').stem}-{Path(spec.ensemble).stem}")
    ran: dict[str, Ran] = {}
    left = told.budget
    for benchmark in points.benchmarks:  # all of them before the first one costs anything
        systems = _systems(points, benchmark)
        asyncio.run(require_able(_wanted(told, spec, benchmark, systems, folder=folder, budget=left)))
    for at, benchmark in enumerate(points.benchmarks):
        systems = _systems(points, benchmark)
        share = None if left is None else left / (len(points.benchmarks) - at)
        wanted = _wanted(told, spec, benchmark, systems, folder=folder, budget=share)
        ended = run_shown(wanted, is_quiet=is_json)
        if ended.results is None:
            tell_kept(folder)
            return ended.status
        left = _rest(left, share, ended.results.usd)
        ran[benchmark] = Ran(results=ended.results, folder=wanted.folder, questions=wanted.questions.questions)
    _tell_results(_results(spec, points, ran), ran, folder, is_json=is_json)
    return 0


def _systems(points: Points, benchmark: str) -> tuple[System, ...]:
    return tuple(point.system for point in points.points if point.benchmark == benchmark)


def _rest(left: float | None, share: float | None, spent: float | None) -> float | None:
    """Return what is left of the budget: where nobody knows what was spent, the share that could be is gone."""
    if left is None or share is None:
        return None
    return max(left - (share if spent is None else spent), _LEAST_USD)


def _wanted(
    told: Told, spec: SweepSpec, benchmark: str, systems: tuple[System, ...], *, folder: Path, budget: float | None
) -> Wanted:
    """Return what is to be run over one set of questions.

    Raises:
        ConfigError: The questions or the judge are wrong.
    """
    source = str(write_set(benchmark, folder / "questions")) if benchmark in SETS else benchmark
    questions = read_question_set(source, told.data, limit=spec.limit, seed=spec.seed)
    require_judge(questions.task, spec.judge, is_unjudged=told.is_unjudged)
    judge, warnings = _judge(spec, questions, told.data, systems)
    said = replace(told, judge=spec.judge, limit=spec.limit, seed=spec.seed, max_tokens=spec.max_tokens, budget=budget)
    return Wanted(
        questions=questions,
        data=told.data,
        settings=settings_of(said, questions, systems, judge=judge, warnings=warnings),
        folder=folder / f"runs-{Path(benchmark).stem}",
        judge=judge,
        journal=told.journal or folder / "journal.db",
        parallel=told.parallel,
    )


def _judge(
    spec: SweepSpec, questions: QuestionSet, data: Path | None, systems: tuple[System, ...]
) -> tuple[EnsembleSpec | None, list[str]]:
    """Return who judges, and what a reader has to know of it."""
    if questions.task in UNJUDGED:
        return None, unasked(questions.task, spec.judge)
    if spec.judge is None or data is None:
        return None, [f"nobody judged: {questions.task} has its scores from a judge (--judge)"]
    judge = judge_of(spec.judge, judge_settings(questions.task, data))
    return judge, judge_warnings(judge, systems)


def _results(spec: SweepSpec, points: Points, ran: dict[str, Ran]) -> SweepResults:
    found = point_results(points.points, ran)
    all_results = [one.results for one in ran.values()]
    money = sum_of(Money(one.usd, one.usd_is_lower_bound) for one in all_results)
    stops = [one.stopped for one in all_results if one.stopped is not None]
    return SweepResults(
        title=spec.title or " and ".join(points.axes),
        description=spec.description,
        axes=points.axes,
        points=found,
        left_out=points.left_out,
        task=all_results[0].task,
        asked=max(one.asked for one in all_results),
        judge=next((one.judge for one in all_results if one.judge), None),
        max_tokens=spec.max_tokens,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        settings_hashes={name: one.results.settings_hash for name, one in ran.items()},
        versions=all_results[0].versions,
        usd=money.usd,
        usd_is_lower_bound=money.is_lower_bound,
        warnings=tuple(
            dict.fromkeys([*stops, *missing_judgements(found), *(line for one in all_results for line in one.warnings)])
        ),
        notes=tuple(point_notes(found)),
    )


def _tell_results(results: SweepResults, ran: dict[str, Ran], folder: Path, *, is_json: bool) -> None:
    """Write the results and reports, and print what came out."""
    write_document(folder / "sweep.json", results)
    try:
        for one in ran.values():
            write_report(one.folder, questions=one.questions)
        tell(f"the report is {write_sweep_report(results, folder)}")
    except ConfigError as error:  # what draws is an extra of its own; all numbers are there
        tell(f"no report: {error}")
    if is_json:
        say_json(msgspec.json.encode(results))
        return
    found = table_of(results)
    rows = [[cell.text + (f" ({cell.note})" if cell.note else "") for cell in row] for row in found.rows]
    for line in table(found.headings, rows, room=room_of(sys.stdout)):
        say(line)
    for line in (*results.warnings, *results.notes, *(f"left out: {one}" for one in results.left_out)):
        tell(line)
    tell(f"all of it is in {folder}")
