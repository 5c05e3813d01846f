"""``attention-moa sweep``: one benchmark over many variants of an ensemble, and what comes of it as figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from attention_moa.cli.exits import EXIT_CODES

if TYPE_CHECKING:
    from attention_moa.bench.questions import QuestionSet
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.sweep_file import SweepSpec
    from attention_moa.bench.sweep_points import Points
    from attention_moa.bench.sweep_results import Ran, SweepResults
    from attention_moa.bench.systems import System
    from attention_moa.config import EnsembleSpec

_POSITIVE = click.IntRange(min=1)


class Told(NamedTuple):
    """What the command line says, as it says it."""

    sweep: str | None
    ensemble: str | None
    benchmark: str | None
    data: Path | None
    judge: str | None
    limit: int | None
    seed: int | None
    max_tokens: int | None
    layers: int | None
    budget: float | None
    parallel: int
    out: Path | None
    journal: str | None


@click.command("sweep", epilog=EXIT_CODES)
@click.argument("sweep", metavar="[NAME|FILE]", required=False)
@click.option("-e", "--ensemble", metavar="NAME|FILE", help="Vary this ensemble.")
@click.option("--benchmark", metavar="TASK|FILE", help="Ask these questions.")
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where a benchmark's own data is.",
)
@click.option("--judge", metavar="MODEL|FILE", help="Who judges: provider:model, or an ensemble.")
@click.option("--limit", type=_POSITIVE, metavar="N", help="Ask N questions of each set.")
@click.option("--seed", type=int, metavar="S", help="Draw the N questions of --limit with this seed.")
@click.option("--max-tokens", type=_POSITIVE, metavar="N", help="Cap every reply of every agent.")
@click.option("-l", "--layers", type=_POSITIVE, metavar="N", help="Let the ensemble have N layers.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="Spend at most so many US dollars on it.",
)
@click.option(
    "--parallel", type=_POSITIVE, metavar="N", default=8, show_default=True, help="Ask so many questions at once."
)
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Where all goes.")
@click.option("--journal", metavar="PATH|URL", help="The journal of all calls; DIR/journal.db unless told.")
@click.option("--json", "is_json", is_flag=True, help="Print the results as one JSON document.")
@click.option("--list", "is_list", is_flag=True, help="List the sweeps that come with the package.")
@click.option("--show", "is_show", is_flag=True, help="Print the sweep's file.")
@click.option("--points", "is_points", is_flag=True, help="List what would be run, and run nothing.")
def sweep(*, is_json: bool, is_list: bool, is_show: bool, is_points: bool, **told: object) -> int:
    """Run a benchmark over many variants of an ensemble: NAME of a shipped sweep, or FILE that describes one.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.bench.sweep_file import sweep_text
    from attention_moa.cli.output import room_of, say, say_file

    wanted = Told(**told)  # type: ignore[arg-type]  # click gives what the options above say
    if is_list:
        for line in _shipped_lines(room_of(sys.stdout)):
            say(line)
        return 0
    if wanted.sweep is None:
        raise click.UsageError("name a sweep, or a file (--list lists the sweeps that come with the package)")
    if is_show:
        say_file(sweep_text(wanted.sweep))
        return 0
    spec, points = _points(wanted)
    if is_points:
        for line in _point_lines(points, room_of(sys.stdout)):
            say(line)
        return 0
    return _run(wanted, spec, points, is_json=is_json)


def _shipped_lines(room: int | None) -> Iterator[str]:
    from attention_moa.bench.sweep_file import load_sweep, shipped_sweeps
    from attention_moa.cli.layout import table

    found = [(name, load_sweep(name)) for name in shipped_sweeps()]
    rows = [(name, ", ".join(vary.axis for vary in one.vary), one.description) for name, one in found]
    yield from table(("name", "varies", "asks"), rows, room=room)


def _points(told: Told) -> tuple[SweepSpec, Points]:
    """Return the sweep as the command line changes it, and its points.

    Raises:
        ConfigError: The sweep, the ensemble or a value is wrong.
    """
    from msgspec.structs import replace

    from attention_moa.bench.sweep_file import load_sweep
    from attention_moa.bench.sweep_points import points_of
    from attention_moa.cli.options import require_runnable, with_layers
    from attention_moa.settings import load_spec

    fields = ("ensemble", "benchmark", "judge", "limit", "seed", "max_tokens")
    spec = replace(
        load_sweep(told.sweep or ""),
        **{field: value for field in fields if (value := getattr(told, field)) is not None},
    )
    base = load_spec(spec.ensemble)
    points = points_of(spec, base if told.layers is None else with_layers(base, told.layers))
    for point in points.points:
        require_runnable(point.system.spec)
    return spec, points


def _point_lines(points: Points, room: int | None) -> Iterator[str]:
    from attention_moa.cli.layout import table
    from attention_moa.schedule import count_calls

    rows = [
        (
            *point.labels,
            point.system.spec.strategy,
            str(len(point.system.spec.agents)),
            str(point.system.spec.layers),
            str(count_calls(point.system.spec)),
        )
        for point in points.points
    ]
    yield from table((*points.axes, "strategy", "N", "L", "calls a question"), rows, room=room)
    for line in points.left_out:
        yield f"left out: {line}"


def _run(told: Told, spec: SweepSpec, points: Points, *, is_json: bool) -> int:
    """Run all points, one set of questions after the other; return the exit code."""
    from attention_moa.bench.sweep_results import Ran
    from attention_moa.cli.bench_views import run_shown
    from attention_moa.cli.output import tell

    folder = told.out or Path(f"sweep-{Path(told.sweep or '').stem}-{Path(spec.ensemble).stem}")
    ran: dict[str, Ran] = {}
    left = told.budget
    for at, benchmark in enumerate(points.benchmarks):
        systems = tuple(point.system for point in points.points if point.benchmark == benchmark)
        share = None if left is None else left / (len(points.benchmarks) - at)
        wanted = _wanted(told, spec, benchmark, systems, folder=folder, budget=share)
        ended = run_shown(wanted, is_quiet=is_json)
        if ended.results is None:
            tell(f"what was finished is kept in {folder}: the same command goes on")
            return ended.status
        left = None if left is None else max(left - (ended.results.usd or 0.0), 1e-9)
        ran[benchmark] = Ran(results=ended.results, folder=wanted.folder, questions=wanted.questions.questions)
    _tell_results(_results(spec, points, ran), ran, folder, is_json=is_json)
    return 0


def _wanted(
    told: Told, spec: SweepSpec, benchmark: str, systems: tuple[System, ...], *, folder: Path, budget: float | None
) -> Wanted:
    """Return what is to be run over one set of questions.

    Raises:
        ConfigError: The questions or the judge are wrong.
    """
    from msgspec import to_builtins
    from msgspec.structs import replace

    from attention_moa.bench.questions import read_question_set
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.settings_file import Settings, settings_hash, system_keys, versions
    from attention_moa.bench.sweep_prompts import SETS, write_set

    source = str(write_set(benchmark, folder / "questions")) if benchmark in SETS else benchmark
    questions = read_question_set(source, told.data, limit=spec.limit, seed=spec.seed)
    judge, warnings = _judge(spec, questions, told.data, systems)
    settings = Settings(
        task=questions.task,
        data=str(questions.source),
        data_fingerprint=questions.fingerprint,
        systems=systems,
        keys=system_keys(systems),
        judge=spec.judge,
        judge_spec=None if judge is None else to_builtins(judge),
        limit=spec.limit,
        seed=spec.seed,
        max_tokens=spec.max_tokens,
        budget_usd=budget,
        warnings=tuple(warnings),
        versions=versions(),
    )
    return Wanted(
        questions=questions,
        data=told.data,
        settings=replace(settings, hash=settings_hash(settings)),
        folder=folder / f"runs-{Path(benchmark).stem}",
        judge=judge,
        journal=told.journal or folder / "journal.db",
        parallel=told.parallel,
    )


def _judge(
    spec: SweepSpec, questions: QuestionSet, data: Path | None, systems: tuple[System, ...]
) -> tuple[EnsembleSpec | None, list[str]]:
    """Return who judges, and what a reader has to know of it."""
    from attention_moa.bench.judge_runs import judge_warnings
    from attention_moa.bench.judges import judge_settings, judge_spec
    from attention_moa.bench.running import UNJUDGED
    from attention_moa.cli.options import require_runnable

    if questions.task in UNJUDGED:
        return None, []
    if spec.judge is None or data is None:
        return None, [f"nobody judged: {questions.task} has its scores from a judge (--judge)"]
    judge = judge_spec(spec.judge, judge_settings(questions.task, data))
    require_runnable(judge)
    return judge, judge_warnings(judge, systems)


def _results(spec: SweepSpec, points: Points, ran: dict[str, Ran]) -> SweepResults:
    from attention_moa.bench.results import known_sum
    from attention_moa.bench.sweep_results import SweepResults, point_results

    all_results = [one.results for one in ran.values()]
    stops = [one.stopped for one in all_results if one.stopped is not None]
    return SweepResults(
        title=spec.title or " and ".join(points.axes),
        description=spec.description,
        axes=points.axes,
        points=point_results(points.points, ran),
        left_out=points.left_out,
        task=all_results[0].task,
        asked=max(one.asked for one in all_results),
        judge=next((one.judge for one in all_results if one.judge), None),
        max_tokens=spec.max_tokens,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        settings_hashes={name: one.results.settings_hash for name, one in ran.items()},
        versions=all_results[0].versions,
        usd=known_sum([one.usd for one in all_results]),
        warnings=tuple(dict.fromkeys([*stops, *(line for one in all_results for line in one.warnings)])),
    )


def _tell_results(results: SweepResults, ran: dict[str, Ran], folder: Path, *, is_json: bool) -> None:
    """Write the results and reports, and print what came out."""
    import msgspec

    from attention_moa.bench.report import write_report
    from attention_moa.bench.sweep_report import table_of, write_sweep_report
    from attention_moa.cli.layout import table
    from attention_moa.cli.output import room_of, say, say_json, tell
    from attention_moa.errors import ConfigError

    document = msgspec.json.encode(results)
    (folder / "sweep.json").write_bytes(msgspec.json.format(document, indent=2) + b"\n")
    try:
        for one in ran.values():
            write_report(one.folder, questions=one.questions)
        tell(f"the report is {write_sweep_report(results, folder)}")
    except ConfigError as error:  # what draws is an extra of its own; all numbers are there
        tell(f"no report: {error}")
    if is_json:
        say_json(document)
        return
    found = table_of(results)
    rows = [[cell.text + (f" ({cell.note})" if cell.note else "") for cell in row] for row in found.rows]
    for line in table(found.headings, rows, room=room_of(sys.stdout)):
        say(line)
    for line in (*results.warnings, *(f"left out: {one}" for one in results.left_out)):
        tell(line)
    tell(f"all of it is in {folder}")
