"""``attention-moa bench run``: ensembles answer a benchmark's questions, and the answers are scored."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from attention_moa.cli.exits import EXIT_CODES

if TYPE_CHECKING:
    from attention_moa.bench.questions import QuestionSet
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.systems import System
    from attention_moa.config import EnsembleSpec

_POSITIVE = click.IntRange(min=1)


class Told(NamedTuple):
    """What the command line says, as it says it."""

    task: str
    data: Path | None
    ensembles: tuple[str, ...]
    baselines: str | None
    judge: str | None
    limit: int | None
    seed: int | None
    max_tokens: int | None
    layers: int | None
    budget: float | None
    parallel: int
    out: Path | None
    journal: str | None


@click.command("run", epilog=EXIT_CODES)
@click.argument("task", metavar="TASK|FILE")
@click.option(
    "--data",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the benchmark's own data is: a folder that holds alpaca_eval, mt_bench, flask, ifeval, gsm8k.",
)
@click.option(
    "-e",
    "--ensemble",
    "ensembles",
    metavar="NAME|FILE",
    multiple=True,
    default=("embedded",),
    show_default=True,
    help="What answers: a shipped ensemble or a TOML file; several times for several.",
)
@click.option(
    "--baselines",
    metavar="LIST",
    help="Also let these answer, with the agents of each ensemble: single, moa, self-moa, … with commas between them.",
)
@click.option("--judge", metavar="MODEL|FILE", help="Who judges: provider:model, or an ensemble.")
@click.option("--limit", type=_POSITIVE, metavar="N", help="Ask the first N questions.")
@click.option("--seed", type=int, metavar="S", help="Draw the N questions of --limit with this seed.")
@click.option("--max-tokens", type=_POSITIVE, metavar="N", help="Cap every reply of every agent.")
@click.option("-l", "--layers", type=_POSITIVE, metavar="N", help="Run at most N layers.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="Spend at most so many US dollars on all of it.",
)
@click.option(
    "--parallel", type=_POSITIVE, metavar="N", default=8, show_default=True, help="Ask so many questions at once."
)
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Where all goes.")
@click.option("--journal", metavar="PATH|URL", help="The journal of all calls; DIR/journal.db unless told.")
@click.option("--json", "is_json", is_flag=True, help="Print the scores as one JSON document.")
def run(*, is_json: bool, **told: object) -> int:
    """Let ensembles answer the questions of a benchmark, or of FILE, and score the answers.

    TASK is alpaca-eval, mt-bench, flask, ifeval or gsm8k; FILE has JSON lines with prompt, question or messages, and if
    you like id, category, and the right answer as reference or answer.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.cli.bench_views import run_shown
    from attention_moa.cli.output import room_of, say, say_json, tell

    wanted = _wanted(Told(**told))  # type: ignore[arg-type]  # click gives what the options above say
    ended = run_shown(wanted, is_quiet=is_json)
    if ended.results is None:
        tell(f"what was finished is kept in {wanted.folder}: the same command goes on")
        return ended.status
    _write_report(wanted)
    if is_json:
        import msgspec

        say_json(msgspec.json.encode(ended.results))
        return 0
    from attention_moa.cli.bench_tables import result_lines

    for line in result_lines(ended.results, room=room_of(sys.stdout)):
        say(line)
    tell(f"all of it is in {wanted.folder}")
    return 0


def _write_report(wanted: Wanted) -> None:
    """Write the HTML report beside the scores; where what draws it is not installed, say so."""
    from attention_moa.bench.report import write_report
    from attention_moa.cli.output import tell
    from attention_moa.errors import ConfigError

    try:
        write_report(wanted.folder, questions=wanted.questions.questions)
    except ConfigError as error:
        tell(f"no report was written: {error}")


def _wanted(told: Told) -> Wanted:
    """Return what is to be run.

    Raises:
        ConfigError: The task, the data, an ensemble or an option is wrong.
    """
    from msgspec import to_builtins
    from msgspec.structs import replace

    from attention_moa.bench.questions import read_question_set
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.settings_file import Settings, default_folder, settings_hash, system_keys, versions

    questions = read_question_set(told.task, told.data, limit=told.limit, seed=told.seed)
    systems = _systems(told)
    judge = _judge(told, questions)
    settings = Settings(
        task=questions.task,
        data=str(questions.source),
        data_fingerprint=questions.fingerprint,
        systems=systems,
        keys=system_keys(systems),
        judge=told.judge,
        judge_spec=None if judge is None else to_builtins(judge),
        limit=told.limit,
        seed=told.seed,
        max_tokens=told.max_tokens,
        budget_usd=told.budget,
        warnings=tuple(_warnings(told, questions, judge, systems)),
        versions=versions(),
    )
    settings = replace(settings, hash=settings_hash(settings))
    return Wanted(
        questions=questions,
        data=told.data,
        settings=settings,
        folder=told.out or default_folder(questions, settings, Path()),
        judge=judge,
        journal=told.journal,
        parallel=told.parallel,
    )


def _systems(told: Told) -> tuple[System, ...]:
    from attention_moa.bench.systems import named_systems, with_most_tokens
    from attention_moa.cli.options import require_runnable, with_layers
    from attention_moa.settings import load_spec

    found: list[tuple[str, EnsembleSpec]] = []
    for name in told.ensembles:
        spec = with_most_tokens(with_layers(load_spec(name), told.layers), told.max_tokens)
        require_runnable(spec)
        found.append((spec.name, spec))
        found += _baselines(spec, told.baselines, is_alone=len(told.ensembles) == 1)
    return named_systems(found)


def _baselines(spec: EnsembleSpec, names: str | None, *, is_alone: bool) -> Sequence[tuple[str, EnsembleSpec]]:
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    if not wanted:
        return []
    from attention_moa.baselines.derive import baseline_specs

    derived = baseline_specs(spec, wanted)
    return [(one.name if is_alone else f"{spec.name}-{one.name}", one.spec) for one in derived]


def _judge(told: Told, questions: QuestionSet) -> EnsembleSpec | None:
    from attention_moa.bench.judges import judge_settings, judge_spec
    from attention_moa.bench.running import UNJUDGED
    from attention_moa.cli.options import require_runnable

    if told.judge is None or told.data is None or questions.task in UNJUDGED:
        return None
    spec = judge_spec(told.judge, judge_settings(questions.task, told.data))
    require_runnable(spec)
    return spec


def _warnings(told: Told, questions: QuestionSet, judge: EnsembleSpec | None, systems: Sequence[System]) -> list[str]:
    from attention_moa.bench.judge_runs import judge_warnings
    from attention_moa.bench.running import UNJUDGED

    if questions.task in UNJUDGED:
        return [] if told.judge is None else [f"the judge was not asked: {questions.task} is scored without one"]
    if judge is None:
        return [f"nobody judged: {questions.task} has its scores from a judge (--judge)"]
    return judge_warnings(judge, systems)
