"""``attention-moa prove``: whether an ensemble is worth its money on the user's own prompts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.bench_options import POSITIVE, Work, ensemble_options
from attention_moa.cli.exits import EXIT_CODES
from attention_moa.errors import ConfigError

if TYPE_CHECKING:
    from attention_moa.bench.proving import Wish
    from attention_moa.bench.systems import System
    from attention_moa.config import EnsembleSpec


@dataclass(frozen=True, kw_only=True)
class Told(Work):
    """What the command line says, as it says it."""

    prompts: Path
    ensemble: str | None
    best: str | None
    baselines: str | None


@click.command("prove", epilog=EXIT_CODES)
@click.argument("prompts", metavar="PROMPTS", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-e",
    "--ensemble",
    metavar="NAME|FILE",
    help="What is to be proven: a shipped ensemble or a TOML file.",
)
@click.option("--judge", metavar="MODEL|FILE", help="Who compares answers: provider:model, or an ensemble.")
@click.option("--best", metavar="AGENT", help="Which agent is the best one; unless told a pilot finds out.")
@click.option(
    "--baselines",
    metavar="LIST",
    help="What it has to beat: single, best-of-n, self-moa, moa, with commas between them; all of them unless told.",
)
@click.option("--limit", type=POSITIVE, metavar="N", help="Take the first N prompts.")
@click.option("--seed", type=int, metavar="S", help="Draw the N prompts of --limit, and those of the pilot, with it.")
@ensemble_options(asked="prompts")
@click.option("--json", "is_json", is_flag=True, help="Print the proof as one JSON document.")
def prove(*, is_json: bool, **told: object) -> int:
    """Say whether an ensemble is worth its money on PROMPTS: use it, use it for some, do not, or cannot tell.

    It is compared with what the same money buys otherwise: more samples of its best agent, plain mixtures, and each
    agent alone. PROMPTS has JSON lines with prompt, question or messages, and if you like id, category, and the right
    answer as reference or answer.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.bench.prove_report import proof_sections
    from attention_moa.bench.proving import Proving
    from attention_moa.cli.bench_views import show
    from attention_moa.cli.bench_work import end
    from attention_moa.cli.output import tell
    from attention_moa.cli.prove_tables import proof_lines

    wish = _wish(Told(**told))  # type: ignore[arg-type]  # click gives what the options above say
    return end(
        show(lambda board: Proving(wish, board, tell).run(), is_quiet=is_json),
        wish.folder,
        questions=wish.questions.questions,
        title=f"Is {wish.ensemble.name} worth its money on {wish.questions.source.name}?",
        lines_of=lambda proof, room: proof_lines(proof, room=room),
        front_of=proof_sections,
        is_json=is_json,
    )


def _wish(told: Told) -> Wish:
    """Return what is to be proven.

    Raises:
        ConfigError: The prompts, an ensemble or an option is wrong.
    """
    from attention_moa.bench.prove_folder import default_folder, proof_key
    from attention_moa.bench.prove_systems import parse_baselines, require_agent
    from attention_moa.bench.proving import Wish
    from attention_moa.bench.questions import read_question_set
    from attention_moa.cli.bench_work import settings_of

    questions = read_question_set(str(told.prompts), None, limit=told.limit, seed=told.seed)
    system, judge = _ensemble(told), _judge(told)
    best = None if told.best is None else require_agent(system.spec, told.best)
    baselines = parse_baselines(told.baselines)
    key = proof_key(system.spec, judge, told=(best, str(told.seed)), baselines=baselines)
    return Wish(
        questions=questions,
        ensemble=system,
        settings=settings_of(told, questions, (system,), judge=judge),
        key=key,
        folder=told.out or default_folder(questions.source, system.name, key, Path()),
        judge=judge,
        baselines=baselines,
        best=best,
        seed=told.seed or 0,
        journal=told.journal,
        parallel=told.parallel,
    )


def _ensemble(told: Told) -> System:
    """Return what is to be proven.

    Raises:
        ConfigError: Nobody said what, or it is wrong.
    """
    from attention_moa.bench.systems import named_systems
    from attention_moa.cli.bench_work import ensemble_of

    if told.ensemble is None:
        raise ConfigError("say what is to be proven, such as -e mine.toml or -e paper-small", key="-e")
    spec = ensemble_of(told.ensemble, told)
    (system,) = named_systems([(spec.name, spec)])
    return system


def _judge(told: Told) -> EnsembleSpec | None:
    from attention_moa.bench.judges import JudgeSettings
    from attention_moa.cli.bench_work import judge_of

    return None if told.judge is None else judge_of(told.judge, JudgeSettings(temperature=0.0, max_tokens=2048))
