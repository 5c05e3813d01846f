"""``attention-moa prove``: whether an ensemble is worth its money on the user's own prompts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from attention_moa.cli.exits import EXIT_CODES

if TYPE_CHECKING:
    from attention_moa.bench.proving import Wish
    from attention_moa.bench.systems import System
    from attention_moa.config import EnsembleSpec

_POSITIVE = click.IntRange(min=1)


class Told(NamedTuple):
    """What the command line says, as it says it."""

    prompts: Path
    ensemble: str
    judge: str | None
    best: str | None
    baselines: str | None
    limit: int | None
    seed: int | None
    max_tokens: int | None
    layers: int | None
    budget: float | None
    parallel: int
    out: Path | None
    journal: str | None


@click.command("prove", epilog=EXIT_CODES)
@click.argument("prompts", metavar="PROMPTS", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-e",
    "--ensemble",
    metavar="NAME|FILE",
    default="embedded",
    show_default=True,
    help="What is to be proven: a shipped ensemble or a TOML file.",
)
@click.option("--judge", metavar="MODEL|FILE", help="Who compares answers: provider:model, or an ensemble.")
@click.option("--best", metavar="AGENT", help="Which agent is the best one; unless told a pilot finds out.")
@click.option(
    "--baselines",
    metavar="LIST",
    help="What it has to beat: single, best-of-n, self-moa, moa, with commas between them; all of them unless told.",
)
@click.option("--limit", type=_POSITIVE, metavar="N", help="Take the first N prompts.")
@click.option("--seed", type=int, metavar="S", help="Draw the N prompts of --limit, and those of the pilot, with it.")
@click.option("--max-tokens", type=_POSITIVE, metavar="N", help="Cap every reply of every agent.")
@click.option("-l", "--layers", type=_POSITIVE, metavar="N", help="Run at most N layers.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="Spend at most so many US dollars on all of it.",
)
@click.option(
    "--parallel", type=_POSITIVE, metavar="N", default=8, show_default=True, help="Ask so many prompts at once."
)
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Where all goes.")
@click.option("--journal", metavar="PATH|URL", help="The journal of all calls; DIR/journal.db unless told.")
@click.option("--json", "is_json", is_flag=True, help="Print the proof as one JSON document.")
def prove(*, is_json: bool, **told: object) -> int:
    """Say whether an ensemble is worth its money on PROMPTS: use it, use it for some, do not, or cannot tell.

    It is compared with what the same money buys otherwise: more samples of its best agent, plain mixtures, and each
    agent alone. PROMPTS has JSON lines with prompt, question or messages, and if you like id, category, and the right
    answer as reference or answer.

    Every call is kept in a journal: whatever ends the command, the same command goes on and pays for no call twice.
    """
    from attention_moa.bench.proving import Proving
    from attention_moa.cli.bench_views import show
    from attention_moa.cli.output import room_of, say, say_json, tell

    wish = _wish(Told(**told))  # type: ignore[arg-type]  # click gives what the options above say
    ended = show(lambda board: Proving(wish, board, tell).run(), is_quiet=is_json)
    if ended.results is None:
        tell(f"what was finished is kept in {wish.folder}: the same command goes on")
        return ended.status
    _write_report(wish)
    if is_json:
        import msgspec

        say_json(msgspec.json.encode(ended.results))
        return 0
    from attention_moa.cli.prove_tables import proof_lines

    for line in proof_lines(ended.results, room=room_of(sys.stdout)):
        say(line)
    tell(f"all of it is in {wish.folder}")
    return 0


def _write_report(wish: Wish) -> None:
    """Write the HTML report beside the proof; where what draws it is not installed, say so."""
    from attention_moa.bench.report import write_report
    from attention_moa.cli.output import tell
    from attention_moa.errors import ConfigError

    title = f"Is {wish.ensemble.name} worth its money on {wish.questions.source.name}?"
    try:
        write_report(wish.folder, questions=wish.questions.questions, title=title)
    except ConfigError as error:
        tell(f"no report was written: {error}")


def _wish(told: Told) -> Wish:
    """Return what is to be proven.

    Raises:
        ConfigError: The prompts, an ensemble or an option is wrong.
    """
    from msgspec import to_builtins
    from msgspec.structs import replace

    from attention_moa.bench.prove_folder import default_folder, proof_key
    from attention_moa.bench.prove_systems import parse_baselines, require_agent
    from attention_moa.bench.proving import Wish
    from attention_moa.bench.questions import read_question_set
    from attention_moa.bench.settings_file import Settings, settings_hash, system_keys, versions

    questions = read_question_set(str(told.prompts), None, limit=told.limit, seed=told.seed)
    system, judge = _ensemble(told), _judge(told)
    best = None if told.best is None else require_agent(system.spec, told.best)
    baselines = parse_baselines(told.baselines)
    settings = Settings(
        task=questions.task,
        data=str(questions.source),
        data_fingerprint=questions.fingerprint,
        systems=(system,),
        keys=system_keys([system]),
        judge=told.judge,
        judge_spec=None if judge is None else to_builtins(judge),
        limit=told.limit,
        seed=told.seed,
        max_tokens=told.max_tokens,
        budget_usd=told.budget,
        versions=versions(),
    )
    key = proof_key(system.spec, judge, told=(best, str(told.seed)), baselines=baselines)
    return Wish(
        questions=questions,
        ensemble=system,
        settings=replace(settings, hash=settings_hash(settings)),
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
    from attention_moa.bench.systems import named_systems, with_most_tokens
    from attention_moa.cli.options import require_runnable, with_layers
    from attention_moa.settings import load_spec

    spec = with_most_tokens(with_layers(load_spec(told.ensemble), told.layers), told.max_tokens)
    require_runnable(spec)
    (system,) = named_systems([(spec.name, spec)])
    return system


def _judge(told: Told) -> EnsembleSpec | None:
    from attention_moa.bench.judges import JudgeSettings, judge_spec
    from attention_moa.cli.options import require_runnable

    if told.judge is None:
        return None
    spec = judge_spec(told.judge, JudgeSettings(temperature=0.0, max_tokens=2048))
    require_runnable(spec)
    return spec
