"""``attention-moa bench``: benchmarks, and what their files say."""

from __future__ import annotations

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.lazy import LazyGroup

_COMMANDS = {
    "run": ("attention_moa.cli.bench_run:run", "Let ensembles answer a benchmark's questions, and score the answers."),
    "score": ("attention_moa.cli.bench_score:score", "Score answers or judgements that exist already."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=EXIT_CODES)
def bench() -> None:
    """Run and score benchmarks: AlpacaEval 2.0, MT-Bench, FLASK, IFEval, GSM8K."""
