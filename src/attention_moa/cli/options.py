"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attention_moa.cli.numbers import Whole

if TYPE_CHECKING:
    from attention_moa.config import EnsembleSpec

ensemble_option = click.option(
    "-e",
    "--ensemble",
    metavar="NAME|FILE",
    default="embedded",
    show_default=True,
    help="What runs: a shipped ensemble (see: ensemble list) or a TOML file.",
)
layers_option = click.option(
    "-l",
    "--layers",
    type=Whole(min=1),
    metavar="N",
    help="Run at most N layers instead of what the ensemble says.",
)
system_option = click.option("-s", "--system", metavar="TEXT", help="A system prompt for all agents.")
model_file_option = click.option(
    "--model-file",
    metavar="GGUF",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run this GGUF file in the place of the embedded model.",
)


def with_options(
    command: Callable[..., int], options: tuple[Callable[[Callable[..., int]], Callable[..., int]], ...]
) -> Callable[..., int]:
    """Return a command with options, which its help lists in their order."""
    for option in reversed(options):
        command = option(command)
    return command


def require_runnable(spec: EnsembleSpec) -> None:
    """Make sure of what a run would stumble over at its start: the templates, and prices where money is limited.

    Raises:
        ConfigError: Something is wrong; the text names the field and the mend.
    """
    from attention_moa.budget import Budget
    from attention_moa.config import all_agents
    from attention_moa.prices import known_price
    from attention_moa.prompts import load_templates, rehearse

    folder = Path(spec.prompts.folder) if spec.prompts.folder else None
    rehearse(spec, load_templates(folder, style=spec.prompts.style))
    Budget(spec.limits, known_price).require_prices(all_agents(spec))


def with_layers(spec: EnsembleSpec, layers: int | None) -> EnsembleSpec:
    """Return the ensemble with another number of layers; None leaves it as it is.

    Raises:
        ConfigError: There are too many, or the strategy leaves no choice.
    """
    if layers is None:
        return spec
    from attention_moa import config

    return config.with_layers(spec, layers)
