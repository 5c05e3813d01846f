"""The options that ``bench run``, ``prove`` and ``sweep`` share: how much is asked, what it may cost, where it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

POSITIVE = click.IntRange(min=1)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the command line says of work over many questions, as it says it.

    Args:
        judge: Who judges.
        limit: At most so many questions.
        seed: By which they are drawn.
        max_tokens: The cap of every reply.
        layers: Of the ensemble.
        budget: US dollars for all of it.
        parallel: How many questions are asked at once.
        out: The folder.
        journal: Of all calls.
    """

    judge: str | None
    limit: int | None
    seed: int | None
    max_tokens: int | None
    layers: int | None
    budget: float | None
    parallel: int
    out: Path | None
    journal: str | None


def ensemble_options(
    *, asked: str = "questions", layers: str = "Run at most N layers.", spent_on: str = "all of it"
) -> Callable[[AnyFunction], AnyFunction]:
    """Return what gives a command the options from ``--max-tokens`` to ``--journal``.

    Args:
        asked: What the command asks.
        layers: What ``--layers`` does.
        spent_on: What a budget is for.
    """
    options = (
        click.option("--max-tokens", type=POSITIVE, metavar="N", help="Cap every reply of every agent."),
        click.option("-l", "--layers", type=POSITIVE, metavar="N", help=layers),
        click.option(
            "--budget",
            type=click.FloatRange(min=0, min_open=True),
            metavar="USD",
            help=f"Spend at most so many US dollars on {spent_on}.",
        ),
        click.option(
            "--parallel", type=POSITIVE, metavar="N", default=8, show_default=True, help=f"Ask so many {asked} at once."
        ),
        click.option("--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Where all goes."),
        click.option("--journal", metavar="PATH|URL", help="The journal of all calls; DIR/journal.db unless told."),
    )

    def decorate(function: AnyFunction) -> AnyFunction:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def no_judge_option(function: AnyFunction) -> AnyFunction:
    """Give a command ``--no-judge``."""
    words = "Only collect answers of a benchmark that has its scores from a judge."
    return click.option("--no-judge", "is_unjudged", is_flag=True, help=words)(function)


def data_option(words: str) -> Callable[[AnyFunction], AnyFunction]:
    """Return what gives a command ``--data``.

    Args:
        words: What it says of itself.
    """
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    return click.option("--data", metavar="PATH", type=folder, help=words)
