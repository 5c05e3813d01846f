"""``attention-moa bench run``: ensembles answer a benchmark's questions, and the answers are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.bench_options import POSITIVE, Work, data_option, ensemble_options, no_judge_option
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.errors import ConfigError

if TYPE_CHECKING:
    from attention_moa.bench.questions import QuestionSet
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.systems import System
    from attention_moa.config import EnsembleSpec


@dataclass(frozen=True, kw_only=True)
class Told(Work):
    """What the command line says, as it says it."""

    task: str
    data: Path | None
    ensembles: tuple[str, ...]
    baselines: str | None
    is_unjudged: bool


@click.command("run", epilog=EXIT_CODES)
@click.argument("task", metavar="TASK|FILE")
@data_option("Where the benchmark's own data is: a folder that holds alpaca_eval, mt_bench, flask, ifeval, gsm8k.")
@click.option(
    "-e",
    "--ensemble",
    "ensembles",
    metavar="NAME|FILE",
    multiple=True,
    required=True,
    help="What answers: a shipped ensemble (embedded, paper-small, …) or a TOML file; several times for several.",
)
@click.option(
    "--baselines",
    metavar="LIST",
    help="Also let these answer, with the agents of each ensemble: single, moa, self-moa, … with commas between them.",
)
@click.option("--judge", metavar="MODEL|FILE", help="Who judges: provider:model, or an ensemble.")
@no_judge_option
@click.option("--limit", type=POSITIVE, metavar="N", help="Ask the first N questions.")
@click.option("--seed", type=int, metavar="S", help="Draw the N questions of --limit with this seed.")
@ensemble_options()
@click.option("--json", "is_json", is_flag=True, help="Print the scores as one JSON document.")
def run(*, is_json: bool, **told: object) -> int:
    """Let ensembles answer the questions of a benchmark, or of FILE, and score the answers.

    TASK is alpaca-eval, mt-bench, flask, ifeval or gsm8k; FILE has JSON lines with prompt, question or messages, and if
    you like id, category, and the right answer as reference or answer.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.cli.bench_tables import result_lines
    from attention_moa.cli.bench_views import run_shown
    from attention_moa.cli.bench_work import end

    wanted = _wanted(Told(**told))  # type: ignore[arg-type]  # click gives what the options above say
    return end(
        run_shown(wanted, is_quiet=is_json),
        wanted.folder,
        questions=wanted.questions.questions,
        lines_of=lambda results, room: result_lines(results, room=room),
        is_json=is_json,
    )


def _wanted(told: Told) -> Wanted:
    """Return what is to be run.

    Raises:
        ConfigError: The task, the data, an ensemble or an option is wrong.
    """
    from attention_moa.bench.questions import read_question_set
    from attention_moa.bench.running import Wanted
    from attention_moa.bench.settings_file import default_folder
    from attention_moa.cli.bench_work import settings_of

    questions = read_question_set(told.task, told.data, limit=told.limit, seed=told.seed)
    judge = _judge(told, questions)
    systems = _systems(told)
    warnings = _warnings(told, questions, judge, systems)
    settings = settings_of(told, questions, systems, judge=judge, warnings=warnings)
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
    from attention_moa.bench.systems import named_systems
    from attention_moa.cli.bench_work import ensemble_of

    twice = next((name for at, name in enumerate(told.ensembles) if name in told.ensembles[:at]), None)
    if twice is not None:
        raise ConfigError(f"{twice} is given twice: it would be asked, and paid for, twice", key="-e")
    found: list[tuple[str, EnsembleSpec]] = []
    for name in told.ensembles:
        spec = ensemble_of(name, told)
        found.append((spec.name, spec))
        found += _baselines(spec, told.baselines, is_alone=len(told.ensembles) == 1)
    return named_systems(found)


def _baselines(spec: EnsembleSpec, names: str | None, *, is_alone: bool) -> Sequence[tuple[str, EnsembleSpec]]:
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    if not wanted:
        return []
    from attention_moa.baselines.derive import baseline_specs
    from attention_moa.cli.bench_work import told_of

    try:
        derived = baseline_specs(spec, wanted)
    except ConfigError as error:
        raise told_of(error, "--baselines") from error
    return [(one.name if is_alone else f"{spec.name}-{one.name}", one.spec) for one in derived]


def _judge(told: Told, questions: QuestionSet) -> EnsembleSpec | None:
    from attention_moa.bench.judges import judge_settings
    from attention_moa.bench.running import UNJUDGED
    from attention_moa.cli.bench_work import judge_of, require_judge

    require_judge(questions.task, told.judge, is_unjudged=told.is_unjudged)
    if told.judge is None or told.data is None or questions.task in UNJUDGED:
        return None
    return judge_of(told.judge, judge_settings(questions.task, told.data))


def _warnings(told: Told, questions: QuestionSet, judge: EnsembleSpec | None, systems: Sequence[System]) -> list[str]:
    from attention_moa.bench.judge_runs import judge_warnings, unasked
    from attention_moa.bench.running import UNJUDGED

    if questions.task in UNJUDGED:
        return unasked(questions.task, told.judge)
    if judge is None:
        return [f"nobody judged: {questions.task} has its scores from a judge (--judge)"]
    return judge_warnings(judge, systems)
