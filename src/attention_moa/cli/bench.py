"""``attention-moa bench``: benchmarks, and what their files say."""

from __future__ import annotations

import click

from attention_moa.cli.exits import EXIT_CODES
from attention_moa.cli.lazy import LazyGroup

_COMMANDS = {
    "score": ("attention_moa.cli.bench_score:score", "Score answers or judgements that exist already."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, epilog=EXIT_CODES)
def bench() -> None:
    """Score benchmarks: AlpacaEval 2.0, MT-Bench, FLASK, IFEval, GSM8K."""
