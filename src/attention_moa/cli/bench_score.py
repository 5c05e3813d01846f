"""``attention-moa bench score``: what a benchmark says of files that exist already; no model is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.bench.tasks import TASKS

if TYPE_CHECKING:
    from attention_moa.bench.scores import Score, TaskScores, Tree

_HEADINGS = ("score", "value", "95 % interval", "n", "missing")
_SUFFIXES = (".gz", ".csv", ".json", ".jsonl")


@click.command("score")
@click.argument("task", type=click.Choice(list(TASKS)))
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--data",
    metavar="PATH",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the benchmark's own data is: a folder that holds alpaca_eval, mt_bench, flask, ifeval, gsm8k.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON document, a field for each FILE.")
def score(*, task: str, files: tuple[Path, ...], data: Path, is_json: bool) -> int:
    """Score answers, annotations or judgements that exist already: each FILE is one model's.

    The files have the benchmark's own format, packed with gzip or not. No model is called. Intervals are by the
    bootstrap over questions.
    """
    from attention_moa.bench.tasks import scoring_of
    from attention_moa.cli.output import room_of, say, say_json, tell

    scoring = scoring_of(task)
    scored = [scoring([path], data) for path in files]
    if is_json:
        import msgspec

        documents = zip(names_of(files), map(document, scored), strict=True)
        say_json(msgspec.json.encode(dict(documents)))
        return 0
    for place, one in enumerate(scored):
        if place:
            say("")
        for line in score_lines(one, room=room_of(sys.stdout)):
            say(line)
        for note in one.notes:
            tell(f"{names_of(files)[place]}: {note}")
    return 0


def names_of(files: Sequence[Path]) -> list[str]:
    """Return what each file is called: its name without the ends that say its form; its path where two are alike."""
    names = [_bare(path.name) for path in files]
    return [name if names.count(name) == 1 else str(path) for name, path in zip(names, files, strict=True)]


def document(scored: TaskScores) -> Tree:
    """Return the scores of a file by the benchmark's own names, and beside them what else there is to tell."""
    from msgspec import structs

    from attention_moa.bench.scores import score_tree

    with_interval = [one for one in scored.scores if one.interval is not None]
    return {
        **score_tree(scored.scores),
        "task": scored.task,
        "file": scored.file,
        "intervals": {one.name: structs.asdict(one.interval) for one in with_interval if one.interval is not None},
        "counts": {one.name: one.n for one in scored.scores},
        "missing": {one.name: one.missing for one in scored.scores},
        "notes": list(scored.notes),
    }


def score_lines(scored: TaskScores, *, room: int | None = None) -> Iterator[str]:
    """Yield a file's scores as a table.

    Args:
        scored: Of one file.
        room: Most columns; None for any number.
    """
    from attention_moa.cli.layout import table

    yield f"{scored.task}: {scored.file}"
    yield from table(_HEADINGS, [_cells(one) for one in scored.scores], room=room)


def _cells(one: Score) -> tuple[str, ...]:
    interval = "-" if one.interval is None else f"{_number(one.interval.low)} to {_number(one.interval.high)}"
    return (one.name, _number(one.value), interval, f"{one.n:,}", f"{one.missing:,}")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name
